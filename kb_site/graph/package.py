"""A folder of open data: its description (`datapackage.json`, Frictionless) and its checksums."""

import hashlib
import json

DESCRIPTION = "datapackage.json"
# Grows when the shape of the data changes so that an older site could not read it.
VERSION = "1"
LICENCE = {
    "name": "CC-BY-4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
    "title": "Creative Commons Attribution 4.0",
}
MEDIA_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "jsonld": "application/ld+json",
    "ttl": "text/turtle",
}


class Damaged(Exception):
    """A folder that cannot be read: the message says which file, and what to do."""


def describe(folder, base, files):
    """Writes the description of a folder.

    Takes the site's address and [(file name, what it holds, fields of a table or None)].
    """
    description = {
        "profile": "data-package",
        "name": "reperes",
        "title": "Repères: AI-manipulated images and the law of Luxembourg",
        "description": (
            "Questions with their claims, statements with their sources, provisions with their "
            "versions and penalties, acts and contacts, in French and in English: all that the "
            "site publishes. The .jsonl files hold everything; the tables and the linked data say "
            "parts of it again. Texts of claims are Markdown. Not legal advice."
        ),
        "version": VERSION,
        "homepage": base,
        "licenses": [LICENCE],
        "resources": [_resource(folder / name, text, fields) for name, text, fields in files],
    }
    write_json(folder / DESCRIPTION, description)


def _resource(path, text, fields):
    stem, _dot, ending = path.name.rpartition(".")
    resource = {
        "name": f"{stem}-{ending}",
        "path": path.name,
        "description": text,
        "format": ending,
        "mediatype": MEDIA_TYPES[ending],
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{checksum(path)}",
    }
    if fields:
        resource |= {"profile": "tabular-data-resource", "schema": {"fields": fields}}
    return resource


def check(folder):
    """Returns the names of the files of a folder, each equal to its checksum; raises `Damaged`."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_bytes())
        version = description["version"]
        files = {entry["path"]: entry["hash"] for entry in description["resources"]}
    except FileNotFoundError as error:
        raise Damaged(f"There is no {DESCRIPTION} in {folder}: name a folder of open data.") from (
            error
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(f"{path} is damaged or no description: download the data again.") from error
    if version != VERSION:
        raise Damaged(f"{path} is of version {version}; this site reads version {VERSION}.")
    for name, expected in files.items():
        if not isinstance(name, str) or name in ("", ".", "..") or set(name) & set("/\\\0"):
            raise Damaged(f"{path} names a file outside of its folder: {name!r}.")
        try:
            found = f"sha256:{checksum(folder / name)}"
        except OSError as error:
            raise Damaged(f"{folder / name} cannot be read: download the data again.") from error
        if found != expected:
            raise Damaged(
                f"{folder / name} is not what {DESCRIPTION} says: its SHA-256 is {found[7:]}, not "
                f"{str(expected)[7:]}. Download the data again; nothing was imported."
            )
    return list(files)


def checksum(path):
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, data):
    text = json.dumps(data, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
