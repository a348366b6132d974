"""Reads a folder of open data into the site: all of it, or nothing.

Records are found by their reference. What the folder says of one replaces what is here; what it
says nothing of (fields that never leave, citations of what is not published, records it does not
hold) stays. Every record is checked as the admin checks it, and the history keeps the reason.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, IntegrityError, transaction
from pydantic import ValidationError as InvalidRow

from kb_site.editorial import history, workflow
from kb_site.editorial.models import Record, Revision, Status
from kb_site.graph import package
from kb_site.graph.shapes import registry
from kb_site.search import updates

# A line longer than any record is no record.
LONGEST_LINE = 5_000_000
# So many problems are told; the rest are alike.
MOST_PROBLEMS = 50


class Refused(Exception):
    """What cannot be imported: `problems` says where and why, a sentence each."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass
class Entry:
    """A line of the folder: the row, where it stands, and the record that it becomes."""

    shape: object
    row: dict
    place: str
    record: object = None
    is_new: bool = False

    @property
    def key(self):
        return f"{self.shape.name}:{self.row['reference']}"


def load(folder, reason, republish=False):
    """Imports a folder and returns (new, changed, unchanged): numbers of records.

    Takes a path, the reason that the history keeps, and whether what is here but not published, a
    draft or something withdrawn, is replaced and published. Raises `package.Damaged` or `Refused`;
    nothing has changed then.
    """
    folder = Path(folder)
    limit = Revision._meta.get_field("reason").max_length
    if len(reason) > limit:
        raise Refused([f"The reason is longer than {limit} characters: shorten it."])
    entries = _read(folder, package.check(folder))
    try:
        with transaction.atomic(), history.change(reason=reason):
            with workflow.quietly():
                changed = _write(entries, republish)
            history.touch([entry.record for entry in changed])
    except DatabaseError as error:
        raise Refused([f"The database refuses the data: {error}".strip()]) from error
    if changed:
        updates.rebuild()
    new = sum(entry.is_new for entry in changed)
    return new, len(changed) - new, len(entries) - len(changed)


# Reading


def _read(folder, files):
    """Returns {key: `Entry`}, in the order in which records can be made."""
    shapes = {f"{shape.plural}.jsonl": shape for shape in registry.values()}
    problems, entries = [], {}
    for name in files:
        if name.endswith(".jsonl") and name not in shapes:
            problems.append(f"{name}: this site knows no such kind of record.")
    for name in sorted(set(files) & shapes.keys(), key=lambda name: _rank(shapes[name])):
        for entry in _lines(folder / name, shapes[name], problems):
            if entry.key in entries:
                first = entries[entry.key].place
                problems.append(f"{entry.place}: {entry.row['reference']} is in {first} already.")
            entries[entry.key] = entry
    if not entries and not problems:
        problems.append(f"There is no record in {folder}.")
    _refuse(problems)
    return entries


def _lines(path, shape, problems):
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            place = f"{path.name}, line {number}"
            if len(line) == LONGEST_LINE:
                problems.append(f"{place}: longer than any record.")
                return
            try:
                shape.schema.model_validate_json(line, strict=True)
            except InvalidRow as error:
                for found in error.errors(include_url=False, include_context=False):
                    where = ".".join(map(str, found["loc"]))
                    problems.append(f"{place}: {where}: {found['msg']}".replace(": : ", ": "))
            else:
                entry = Entry(shape, json.loads(line), place)
                problems += _invalid(shape.attributes, entry.row, place)
                yield entry


def _invalid(attributes, row, place):
    """Yields what the columns refuse of values that are of the right type, before they are written.

    Databases differ in what they refuse by themselves.
    """
    for attribute in attributes:
        if attribute.parts:
            for item in row[attribute.name]:
                part = f"{place}: {attribute.name}/{item[attribute.label]}"
                yield from _invalid(attribute.parts, item, part)
        elif not attribute.target:
            try:
                for name, value in _columns(attribute, row[attribute.name]):
                    attribute.column.model._meta.get_field(name).run_validators(value)
            except ValidationError as error:
                yield from (f"{place}: {attribute.name}: {text}" for text in error.messages)
            except ArithmeticError:
                yield f"{place}: {attribute.name}: the number is too large."


def _rank(shape):
    """Kinds come after those that their records point to by a foreign key they must have."""
    needed = [c.related_model for c in shape.model._meta.fields if c.is_relation and not c.null]
    found = [other for other in registry.values() if other.model in needed]
    return 1 + max(map(_rank, found), default=0)


def _refuse(problems):
    if problems:
        left = len(problems) - MOST_PROBLEMS
        more = [f"… and {left} more."] if left > 0 else []
        raise Refused(problems[:MOST_PROBLEMS] + more)


# Writing


def _write(entries, republish):
    """Writes what differs from what is here; returns the `Entry`s of it."""
    _find(entries, republish)
    _refuse(list(_unknown(entries)))
    for entry in entries.values():
        if entry.is_new:
            entry.record = _begun(entry)
    hidden = _Hidden()
    changed = []
    for entry in entries.values():
        before = history.state_of(entry.record)
        data = _data(entry.row, entry.shape.attributes, before, entry.record, hidden)
        if issubclass(entry.shape.model, Record):
            data["status"] = Status.PUBLISHED
        if entry.is_new or data != before:
            changed.append((entry, data))
    problems = []
    # A record that others cite is published before whoever cites it.
    for entry, data in changed:
        problems += _restore(entry, data)
    for entry, _data_of in changed:
        problems += _problems(entry)
    _refuse(problems)
    return [entry for entry, _data_of in changed]


def _find(entries, republish):
    """Finds the records that are here; refuses to replace what readers may not see here."""
    here = history.records_of(entries)
    problems = []
    for key, entry in entries.items():
        entry.record = here.get(key)
        entry.is_new = entry.record is None
        status = getattr(entry.record, "status", Status.PUBLISHED)
        if not entry.is_new and status != Status.PUBLISHED and not republish:
            problems.append(
                f"{entry.place}: {entry.row['reference']} is here, and not published "
                f"({status}). Publish or delete it first, or import with --republish."
            )
    _refuse(problems)


def _unknown(entries):
    """Yields what names a record that is neither in the folder nor here."""
    named = {}
    for entry in entries.values():
        for key in _cited(entry.shape.attributes, entry.row):
            named.setdefault(key, entry)
    missing = named.keys() - entries.keys()
    for key in sorted(missing - history.records_of(missing).keys()):
        kind, _separator, reference = key.partition(":")
        yield f"{named[key].place}: there is no {kind} {reference}, neither here nor in the folder."


def _cited(attributes, row):
    for attribute in attributes:
        value = row[attribute.name]
        if attribute.parts:
            for item in value:
                yield from _cited(attribute.parts, item)
        elif attribute.target:
            kind = history.kind_of(attribute.target).name
            for reference in value if attribute.is_many else [value] if value else []:
                yield f"{kind}:{reference}"


def _begun(entry):
    """Makes a record with its own fields, as a draft: what it cites may not be there yet."""
    record = entry.shape.model()
    for attribute in entry.shape.attributes:
        value = entry.row[attribute.name]
        if attribute.target and not attribute.is_many:
            if value and not attribute.column.null:
                found = attribute.target._base_manager.get(reference=value)
                setattr(record, attribute.name, found)
        elif not attribute.parts and not attribute.is_many:
            for name, one in _columns(attribute, value):
                setattr(record, name, one)
    record.save()
    return record


class _Hidden:
    """Which records, by key, readers cannot see: the folder says nothing of what cites them."""

    def __init__(self):
        self.seen = {}

    def __call__(self, key):
        name, _separator, reference = key.partition(":")
        if name not in self.seen:
            self.seen[name] = set(registry[name].published().values_list("reference", flat=True))
        return reference not in self.seen[name]


def _data(row, attributes, before, instance, hidden):
    """Returns the state (see `history.snapshot`) that a row gives to what had the state `before`.

    `before` holds the key of the row alone where it is new.
    """
    data = dict(before)
    for attribute in attributes:
        value = row[attribute.name]
        if attribute.parts:
            known = {item[attribute.label]: item for item in before.get(attribute.name, ())}
            data[attribute.name] = [
                _data(
                    item,
                    attribute.parts,
                    known.get(item[attribute.label], {"pk": None}),
                    None,
                    hidden,
                )
                for item in sorted(value, key=lambda item, a=attribute: item[a.label])
            ]
        elif attribute.target:
            kind = history.kind_of(attribute.target).name
            old = before.get(attribute.name) or ([] if attribute.is_many else None)
            if attribute.is_many:
                keys = {f"{kind}:{reference}" for reference in value}
                data[attribute.name] = sorted(keys | {key for key in old if hidden(key)})
            elif value:
                data[attribute.name] = f"{kind}:{value}"
            else:
                data[attribute.name] = old if old and hidden(old) else None
        else:
            data |= dict(_columns(attribute, value))
    # As it comes back from the database.
    return json.loads(json.dumps(data, cls=DjangoJSONEncoder))


def _columns(attribute, value):
    """Yields (column, value) of an attribute that is no relation."""
    for code, name in attribute.columns.items():
        one = value[code] if attribute.is_translated else value
        if one is not None and attribute.column is not None:
            one = attribute.column.to_python(one)
        if hasattr(attribute.column, "decimal_places") and one is not None:
            one = round(one, attribute.column.decimal_places)
        yield name, one


def _restore(entry, data):
    """Gives a record its state; returns what it lacks to be published."""
    try:
        with transaction.atomic():
            workflow.restore(entry.record, data)
    except ValidationError as error:
        return [f"{entry.place}: {message}" for message in error.messages]
    except IntegrityError as error:
        return [f"{entry.place}: {_refusal(error)}"]
    return []


def _refusal(error):
    """What a constraint of the database says to people, where it says something."""
    for kind in history.kinds.values():
        for model in [kind.model, *history.part_models(kind)]:
            for constraint in model._meta.constraints:
                if constraint.name in str(error):
                    return constraint.get_violation_error_message()
    return f"The database refuses it: {error}".strip()


def _problems(entry):
    """Yields what the admin would refuse of a record and of its parts."""
    record = entry.shape.model._base_manager.get(pk=entry.record.pk)
    for part, row in history.rows_of(record):
        try:
            row.full_clean()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                where = [entry.place, row.natural_key()[0], part, name]
                named = ": ".join(map(str, (w for w in where if w and w != NON_FIELD_ERRORS)))
                yield from (f"{named}: {message}" for message in messages)
    if getattr(record, "is_published", False) and hasattr(record, "publication_problems"):
        for problem in record.publication_problems():
            yield f"{entry.place}: {problem}"
