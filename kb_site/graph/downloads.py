"""The dated copies of the open data that the site offers for download.

A copy is an archive of an export in `DATA_DIR/open-data`, with a list of the records it holds
beside it. One that holds a record that has been withdrawn since is not offered any more.
"""

import datetime
import json
import os
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from kb_site.graph import package
from kb_site.graph.export import export
from kb_site.graph.shapes import registry

NAME = re.compile(r"reperes-(?P<day>\d{4}-\d{2}-\d{2})\.zip")
# The archive of the same data is the same bytes, whenever it is made.
NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Download:
    """A copy that is offered."""

    path: Path

    @property
    def name(self):
        return self.path.name

    @property
    def day(self):
        return datetime.date.fromisoformat(NAME.fullmatch(self.name)["day"])

    @property
    def size(self):
        return self.path.stat().st_size

    @property
    def records(self):
        """{kind: references} of what it holds."""
        return json.loads(_list_beside(self.path).read_bytes())

    def get_absolute_url(self):
        return reverse("graph:download", args=[self.name])


def offered():
    """Returns the copies on offer, newest first."""
    published = {}
    return [copy for copy in _copies() if _is_public(copy, published)]


def find(name):
    """Returns the copy of a name, or None when there is none, or none any more."""
    copies = [copy for copy in _copies() if copy.name == name]
    return copies[0] if copies and _is_public(copies[0], {}) else None


def publish(base):
    """Makes today's copy, in the place of an earlier one of today; returns it."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as name:
        new, archive = Path(name) / "data", Path(name) / "archive"
        export(new, base)
        stem = f"reperes-{timezone.localdate().isoformat()}"
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(new.iterdir()):
                entry = zipfile.ZipInfo(f"{stem}/{path.name}", NO_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                with path.open("rb") as source, packed.open(entry, "w") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
        records = Path(name) / "records"
        package.write_json(records, {s.name: _references(new, s) for s in registry.values()})
        final = folder / f"{stem}.zip"
        # Without its list the old archive is not offered while the new one takes its place.
        _list_beside(final).unlink(missing_ok=True)
        os.replace(archive, final)
        os.replace(records, _list_beside(final))
    return Download(final)


def _references(folder, shape):
    with (folder / f"{shape.plural}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["reference"] for line in lines]


def _folder():
    return settings.DATA_DIR / "open-data"


def _list_beside(path):
    return path.with_suffix(".json")


def _copies():
    folder = _folder()
    paths = folder.iterdir() if folder.is_dir() else []
    found = [p for p in paths if NAME.fullmatch(p.name) and _list_beside(p).is_file()]
    return [Download(path) for path in sorted(found, key=lambda p: p.name, reverse=True)]


def _is_public(copy, published):
    """Whether readers may still see all that a copy holds; remembers what is in `published`."""
    for kind, references in copy.records.items():
        if kind not in registry:
            return False
        if kind not in published:
            rows = registry[kind].published()
            published[kind] = set(rows.values_list("reference", flat=True))
        if not published[kind].issuperset(references):
            return False
    return True
