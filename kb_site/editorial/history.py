"""The history of records: every state each one has had, whole.

To a reader a question with its claims, or a provision with its versions and penalties, is one
thing. So each change of it writes one `Revision` that holds all of it as plain data, in which
records name each other by key. One row then serves the page as it stood on a day, the difference
between two states, the change log, and the review tasks of whatever cites the record.

An app says in its own `history.py` which of its models are records and which are parts of them.
"""

import contextlib
import contextvars
import functools
import json
from dataclasses import dataclass, field

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.utils import timezone
from modeltranslation.translator import NotRegistered, translator

from kb_site.editorial.models import Record, ReviewTask, Revision, RevisionCitation, Status
from kb_site.editorial.relations import fill, in_order
from kb_site.languages import LANGUAGES

# Set by the machine at every save: no part of what a record says.
MACHINE_FIELDS = {"created_at", "updated_at"}


@dataclass(frozen=True)
class Part:
    """Rows that belong to a record, found by a reverse relation.

    `parent` is their foreign key, `label` the field that tells one from the other; a change of a
    field in `silent` is kept but is no change of substance.
    """

    parent: str
    label: str
    parts: dict = field(default_factory=dict)
    silent: frozenset = frozenset()


@dataclass(frozen=True)
class Kind:
    """A kind of record. `parts` maps reverse relations to `Part`s.

    `titles` are the translated fields that together name a record. `on_change` is called with
    (record, changes, revision) after each change of substance; the record is None when it was
    deleted.
    """

    name: str
    model: type
    titles: tuple
    parts: dict = field(default_factory=dict)
    silent: frozenset = frozenset()
    on_change: object = None


kinds = {}


def register(name, model, titles, parts=None, silent=(), on_change=None):
    """Declares a kind of record: see `Kind`."""
    kinds[name] = Kind(name, model, tuple(titles), parts or {}, frozenset(silent), on_change)


@functools.cache
def kind_of(model):
    """Returns the `Kind` of a model; raises `LookupError` when it is none."""
    for kind in kinds.values():
        if kind.model is model:
            return kind
    raise LookupError(f"{model.__name__} is no kind of record: register it in its history.py.")


def key_of(record):
    """Returns the record's name among all kinds: "question:q-school"."""
    return f"{kind_of(type(record)).name}:{record.reference}"


def records_of(keys, rows=None):
    """Returns {key: record} of the records that keys name, published or not.

    `rows` makes the queryset of a model to read them from: `with_foreign`, or `with_parts`.
    """
    rows = rows or with_foreign
    found = {}
    for name in {key.partition(":")[0] for key in keys} & kinds.keys():
        references = [key.partition(":")[2] for key in keys if key.startswith(f"{name}:")]
        records = rows(kinds[name].model).filter(reference__in=references)
        found |= {f"{name}:{record.reference}": record for record in records}
    return found


def record_of(key):
    """Returns the record that a key names, published or not, or None."""
    return records_of([key]).get(key)


def root_of(instance):
    """Returns the record that an instance is or belongs to; None when it is no part of one."""
    for kind in kinds.values():
        root = _root(instance, kind.model, kind.parts)
        if root is not None:
            return root
    return None


def locked(model):
    """All records of a model, to read anew: whoever else changes one waits for the other."""
    return model._base_manager.select_for_update(no_key=True).order_by("pk")


def standing(key):
    """Returns the revision that holds a record's present state, or None."""
    return Revision.objects.of(key).filter(until=None).select_related("by").first()


def record_kinds():
    """The kinds whose records have a status, and a page once they are published."""
    return [kind for kind in kinds.values() if issubclass(kind.model, Record)]


def published(reference):
    """Returns the published record of any kind that has this reference, or None."""
    names = Revision.objects.filter(reference=reference, until=None).values_list("kind", flat=True)
    for kind in record_kinds():
        if kind.name in names:
            shown = kind.model.objects.published().filter(reference=reference)
            record = with_foreign(kind.model).filter(pk__in=shown.values("pk")).first()
            if record is not None:
                return record
    return None


def withdrawal(name, reference):
    """Returns the revision that took a record from the readers who once had it, or None.

    A record goes with one that it must point to: a provision with its act.
    """
    revisions = Revision.objects.filter(kind=name, reference=reference)
    last = revisions.filter(is_public=True).order_by("-number").first()
    if last is None:
        return None
    if last.until is not None:
        # Not a later one: what was done to it since is not told.
        return revisions.filter(number=last.number + 1).first()
    held = [c.name for c in columns(kinds[name].model) if c.is_relation and not c.null]
    keys = filter(None, (last.data.get(field) for field in held))
    found = (withdrawal(*key.split(":", 1)) for key in keys)
    return next(filter(None, found), None)


def state_of(record):
    """Returns all that a record says now, as plain data."""
    return _plain(snapshot(record, kind_of(type(record)).parts))


def with_foreign(model):
    """All rows of a model with what they must point to, so that naming them asks no more."""
    names = [c.name for c in model._meta.fields if c.is_relation and not c.null]
    return model._base_manager.select_related(*names)


def with_parts(model):
    """All records of a model with all their parts, so that `rows_of` asks no more."""
    return with_foreign(model).prefetch_related(*_lookups(kind_of(model).parts))


def _lookups(parts, prefix=""):
    for name, part in parts.items():
        yield f"{prefix}{name}"
        yield from _lookups(part.parts, f"{prefix}{name}__")


def title_of(name, data, language):
    """Returns (title, its language) of a record of a kind, from its data."""
    for code in dict.fromkeys([language, *LANGUAGES]):
        texts = [data.get(f"{field}_{code}") or data.get(field) for field in kinds[name].titles]
        if all(texts):
            return ", ".join(texts), code
    return "", language


# Recording


@dataclass
class Change:
    """Who changes what and why; the records touched are gathered until its end."""

    user: object = None
    approved_by: object = None
    reason: str = ""
    is_editorial: bool = False
    trigger: str = ""
    asks_reason: bool = False
    # Whether the translations in it were made by a machine.
    by_machine: bool = False
    touched: dict = field(default_factory=dict)


class ReasonMissing(Exception):
    """A published record changes in substance, and nobody said why."""


_listeners = []


def listens(function):
    """Function decorator: calls it with (revision, change) after each one that is not editorial."""
    _listeners.append(function)
    return function


_change = contextvars.ContextVar("change", default=None)
_paused = contextvars.ContextVar("paused", default=False)


@contextlib.contextmanager
def change(
    user=None,
    reason="",
    is_editorial=False,
    trigger="",
    asks_reason=False,
    approved_by=None,
    by_machine=False,
):
    """Records what changes inside as one change, at the end: enter it inside the transaction.

    Takes who changes it, why, whether it is editorial (a slip of the pen: neither readers nor
    reviewers are told), the keys of what caused it (by default that of the record's open review
    tasks), whether a reason is asked for: then `ReasonMissing` is
    raised when a published record changes in substance without one; who approved it; and whether
    a machine made the translations in it.
    """
    if _change.get() is not None:
        yield
        return
    current = Change(
        user, approved_by, reason.strip(), is_editorial, trigger, asks_reason, by_machine
    )
    token = _change.set(current)
    try:
        yield
    finally:
        _change.reset(token)
    _record(current)


@contextlib.contextmanager
def paused():
    """Changes inside are not recorded: for a load of many records that `begin` follows."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


@transaction.atomic
def begin():
    """Records the present state of every record without a history; returns how many there were."""
    count = 0
    for kind in kinds.values():
        known = Revision.objects.filter(kind=kind.name).values("reference")
        for record in kind.model._base_manager.exclude(reference__in=known).order_by("pk"):
            # What the site began with is no news.
            _write(kind, record.reference, record, Change(), is_news=False)
            count += 1
    return count


def connect():
    """Listens to every change of a registered record or of its parts."""
    pre_save.connect(_saving, dispatch_uid="editorial.history.saving")
    post_save.connect(_saved, dispatch_uid="editorial.history.saved")
    pre_delete.connect(_deleting, dispatch_uid="editorial.history.deleting")
    post_delete.connect(_deleted, dispatch_uid="editorial.history.deleted")
    m2m_changed.connect(_cites_changed, dispatch_uid="editorial.history.cites")


def _saving(sender, instance, raw=False, **kwargs):
    # A part may leave a record for another: both change.
    if not raw and instance.pk and _is_part(sender):
        instance._left = _roots(sender._base_manager.filter(pk=instance.pk).first())


def _saved(sender, instance, raw=False, **kwargs):
    if not raw:
        _touch(instance.__dict__.pop("_left", {}) | _roots(instance))


def _deleting(sender, instance, **kwargs):
    # What cites it without holding it, a topic for instance, cites it no more.
    if sender in [kind.model for kind in kinds.values()]:
        citing = Revision.objects.filter(until=None, citations__key=key_of(instance))
        rows = citing.exclude(data=None).values_list("kind", "reference", "data__pk")
        instance._left = {(kind, reference): pk for kind, reference, pk in rows}


def _deleted(sender, instance, origin=None, **kwargs):
    # A part that goes with what it belongs to is no change of its own.
    if not _is_part(sender) or origin is None or getattr(origin, "model", type(origin)) is sender:
        _touch(_roots(instance) | instance.__dict__.pop("_left", {}))


def _cites_changed(sender, instance, action, reverse, model, pk_set, **kwargs):
    if not reverse:
        rows = [instance]
    elif action == "pre_clear":
        # Afterwards nobody knows any more what cited it.
        name = next(f.name for f in model._meta.many_to_many if f.remote_field.through is sender)
        instance._cleared = list(model._base_manager.filter(**{name: instance}))
        return
    elif action == "post_clear":
        rows = instance.__dict__.pop("_cleared")
    else:
        rows = model._base_manager.filter(pk__in=pk_set or ())
    if action.startswith("post_"):
        _touch({key: pk for row in rows for key, pk in _roots(row).items()})


def touch(records):
    """Records what became of these records while `paused`."""
    _touch({(kind_of(type(r)).name, r.reference): r.pk for r in records})


def _touch(touched):
    """Notes that these records have changed: {(kind, reference): primary key}."""
    if _paused.get() or not touched:
        return
    if current := _change.get():
        current.touched |= touched
    else:
        with transaction.atomic():
            _record(Change(touched=touched))


@functools.cache
def _is_part(model):
    """Whether rows of a model belong to records of another."""
    return any(_holds(kind.model, kind.parts, model) for kind in kinds.values())


def _holds(holder, parts, model):
    return any(
        (held := holder._meta.get_field(name).related_model) is model
        or _holds(held, part.parts, model)
        for name, part in parts.items()
    )


def _roots(instance):
    """Returns {(kind, reference): primary key} of the record an instance is, or belongs to."""
    roots = {}
    if _paused.get():
        return roots
    for kind in kinds.values():
        root = _root(instance, kind.model, kind.parts)
        if root is not None:
            roots[kind.name, root.reference] = root.pk
    return roots


def _root(instance, model, parts):
    """Returns the record of a model that an instance is or belongs to, or None."""
    if isinstance(instance, model):
        return instance
    for name, part in parts.items():
        row = _root(instance, model._meta.get_field(name).related_model, part.parts)
        if row is not None:
            return model._base_manager.filter(pk=getattr(row, f"{part.parent}_id")).first()
    return None


def _record(current):
    for (name, reference), pk in sorted(current.touched.items()):
        kind = kinds[name]
        # What was committed in the meantime is seen.
        _write(kind, reference, locked(kind.model).filter(pk=pk).first(), current)


def _write(kind, reference, record, current, is_news=True):
    """Writes a revision of a record when it differs from the last one; None says it is gone."""
    key = f"{kind.name}:{reference}"
    last = standing(key)
    before = last.data if last else None
    after = state_of(record) if record else None
    if after == before:
        return
    changes = differences(before, after, kind)
    was_public = bool(last and last.is_public)
    # Topics, speakers and sources have no page of their own.
    is_public = after is not None and after.get("status") == Status.PUBLISHED
    is_substance = not current.is_editorial and any(not row["silent"] for row in changes)
    if current.asks_reason and is_substance and was_public and not current.reason:
        raise ReasonMissing
    trigger = current.trigger
    if not trigger and is_substance and was_public:
        trigger = _causes(key)
    now = timezone.now()
    if last:
        last.until = now
        last.save(update_fields=["until"])
    revision = Revision.objects.create(
        kind=kind.name,
        reference=reference,
        number=last.number + 1 if last else 1,
        at=now,
        by=current.user,
        approved_by=current.approved_by,
        reason=current.reason,
        is_editorial=current.is_editorial,
        trigger=trigger,
        is_public=is_public,
        is_told=is_news and ((is_substance and was_public) or (is_public and not was_public)),
        changes=changes if before is not None else [],
        data=after,
    )
    RevisionCitation.objects.bulk_create(
        RevisionCitation(revision=revision, key=other)
        for other in sorted(cited(after, kind.model, kind.parts))
    )
    if before is not None and not current.is_editorial:
        for function in _listeners:
            function(revision, current)
    if before is not None and is_substance and kind.on_change:
        kind.on_change(record, changes, revision)


def _causes(key):
    """Returns the keys of what a record is to be read again for: not its age, nor itself."""
    tasks = ReviewTask.objects.open().filter(subject=key).exclude(reason__in=ReviewTask.DUE)
    causes = tasks.exclude(cause=key).order_by("opened_at", "pk").values_list("cause", flat=True)
    return " ".join(dict.fromkeys(causes))


# Plain data


def snapshot(row, parts, parent=None):
    """Returns all that a row says as plain data: fields, the keys of what it cites, its parts."""
    model = type(row)
    data = {"pk": row.pk}
    for column in columns(model):
        if column.name == parent:
            continue
        if column.is_relation:
            target = getattr(row, column.name)
            data[column.name] = target and key_of(target)
        else:
            data[column.name] = _value(row, column)
    for column in model._meta.many_to_many:
        name = kind_of(column.related_model).name
        # Read from the database: what a page has loaded of it may be filtered or old.
        references = (
            column.related_model._base_manager.filter(
                pk__in=getattr(row, column.name)
                .through._base_manager.filter(**{column.m2m_field_name(): row.pk})
                .values(column.m2m_reverse_field_name())
            )
            .order_by("reference")
            .values_list("reference", flat=True)
        )
        data[column.name] = [f"{name}:{reference}" for reference in references]
    for name, part in parts.items():
        rows = model._meta.get_field(name).related_model._base_manager.filter(
            **{part.parent: row.pk}
        )
        data[name] = [
            snapshot(item, part.parts, part.parent) for item in rows.order_by(part.label, "pk")
        ]
    return data


def rows_of(record):
    """Yields (name among the record's parts, row) of a record and of all its parts."""
    yield "", record
    yield from _rows_of(record, kind_of(type(record)).parts)


def _rows_of(row, parts):
    for name, part in parts.items():
        for item in getattr(row, name).all():
            yield part_name(name, item.pk), item
            yield from _rows_of(item, part.parts)


def _value(row, column):
    """The value of a column, the same whichever way a form sends back what nobody touched."""
    value = column.value_from_object(row)
    if value is None and column.name in base_names(type(row)):
        return ""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _plain(data):
    """Returns data as it comes back from the database."""
    return json.loads(json.dumps(data, cls=DjangoJSONEncoder))


@functools.cache
def base_names(model):
    """Returns {column: (field, language)} of a model's translated columns."""
    try:
        translated = translator.get_options_for_model(model).fields
    except NotRegistered:
        return {}
    return {f"{name}_{code}": (name, code) for name in translated for code in LANGUAGES}


@functools.cache
def columns(model):
    """The columns that say something: a translated field is its columns, one a language."""
    left_out = MACHINE_FIELDS | {name for name, _language in base_names(model).values()}
    return [c for c in model._meta.concrete_fields if not c.primary_key and c.name not in left_out]


def cited(data, model, parts, following=("foreign", "many")):
    """Returns the keys that a record's data names, those its parts name among them.

    `following` says which relations count: foreign keys, many-to-many relations.
    """
    keys = set()
    if data is None:
        return keys
    if "foreign" in following:
        keys |= {data[c.name] for c in columns(model) if c.is_relation and data.get(c.name)}
    if "many" in following:
        keys |= {key for c in model._meta.many_to_many for key in data.get(c.name, ())}
    for name, part in parts.items():
        part_model = model._meta.get_field(name).related_model
        for row in data.get(name, ()):
            keys |= cited(row, part_model, part.parts, following)
    return keys


# Differences


def differences(before, after, kind):
    """Returns what differs between two states of a record, as plain rows.

    Each has `kind`, `path` (the parts it is in, outermost first, each [relation, label]), `part`
    (the innermost one's name among all of its record, "" for the record itself), `field` (empty
    for a part, or a record, that came or went), `before`, `after` and `silent`: whether it is no
    change of substance.
    """
    if before is None or after is None:
        nothing = {"path": [], "part": "", "field": "", "before": None, "after": None}
        rows = [nothing | {"silent": False}]
    else:
        rows = _differences(before, after, kind.model, kind.parts, kind.silent, [], "")
    return [{"kind": kind.name, **row} for row in rows]


def part_models(kind):
    """Yields the models of the parts of a kind's records."""
    yield from _part_models(kind.model, kind.parts)


def _part_models(model, parts):
    for name, part in parts.items():
        inner = model._meta.get_field(name).related_model
        yield inner
        yield from _part_models(inner, part.parts)


def model_at(kind, path):
    """Returns the model of the rows that a path of a difference leads to."""
    model = kind.model
    for relation, _label in path:
        model = model._meta.get_field(relation).related_model
    return model


def part_name(relation, pk):
    """Names a part among all of its record: "claims:12"."""
    return f"{relation}:{pk}"


def _differences(before, after, model, parts, silent, path, within):
    # A column that only one of them knows came or went with the site's code: no change.
    for name in [n for n in after if n in before and n != "pk" and n not in parts]:
        if before[name] == after[name]:
            continue
        base, _language = base_names(model).get(name, (name, ""))
        yield {
            "path": path,
            "part": within,
            "field": name,
            "before": before[name],
            "after": after[name],
            "silent": base in silent,
        }
    for name, part in parts.items():
        part_model = model._meta.get_field(name).related_model
        old = {row["pk"]: row for row in before.get(name, ())}
        new = {row["pk"]: row for row in after.get(name, ())}
        for pk in dict.fromkeys([*old, *new]):
            first, second = old.get(pk), new.get(pk)
            inner = [*path, [name, (second or first)[part.label]]]
            named = part_name(name, pk)
            if first and second:
                yield from _differences(
                    first, second, part_model, part.parts, part.silent, inner, named
                )
            else:
                row = {"path": inner, "part": named, "field": "", "before": first, "after": second}
                yield row | {"silent": False}


# The past


class Past:
    """Published records as they stood at an instant, built from their revisions.

    What a record cites comes with it; what those cite in turn by a many-to-many relation does
    not. The instances are for reading: their relations are filled, and saving one is refused.
    """

    def __init__(self, moment):
        self.moment = moment
        self._data = {}
        self._built = {}

    def get(self, name, reference):
        """Returns the record of a kind with this reference, or None if readers had none."""
        key = f"{name}:{reference}"
        self._load([key])
        data = self._data.get(key)
        if data is None:
            return None
        kind = kinds[name]
        self._load(cited(data, kind.model, kind.parts))
        record = self._build(key)
        if record is None:
            return None
        # A copy with its own citations: what it cites may cite it in turn.
        return self._fill(kind.model, data, kind.parts, with_citations=True)

    def all(self, model):
        """Returns every record of a model that readers could see, with what it cites, in order."""
        kind = kind_of(model)
        rows = Revision.objects.standing_at(self.moment).filter(kind=kind.name, is_public=True)
        keys = {
            f"{kind.name}:{reference}" for reference in rows.values_list("reference", flat=True)
        }
        keys |= {key for key in self._data if key.startswith(f"{kind.name}:")}
        self._load(keys)
        self._load({c for key in keys for c in cited(self._data[key], kind.model, kind.parts)})
        return [self.get(kind.name, row.reference) for row in self._ordered(model, keys)]

    def citing(self, model, keys):
        """Returns the records of a model that cite, themselves or in a part, one of these keys."""
        name = kind_of(model).name
        rows = Revision.objects.standing_at(self.moment).filter(
            kind=name, pk__in=RevisionCitation.objects.filter(key__in=keys).values("revision")
        )
        found = [f"{name}:{reference}" for reference in rows.values_list("reference", flat=True)]
        self._load(found)
        return self._ordered(model, found)

    def _load(self, keys):
        """Reads the states of these records, and of those that they point to."""
        missing = set(keys) - self._data.keys()
        while missing:
            self._data |= dict.fromkeys(missing)
            rows = Revision.objects.standing_at(self.moment).filter(
                kind__in={key.partition(":")[0] for key in missing},
                reference__in={key.partition(":")[2] for key in missing},
            )
            pointed = set()
            for name, reference, data in rows.values_list("kind", "reference", "data"):
                key = f"{name}:{reference}"
                if key in missing and data is not None:
                    self._data[key] = data
                    kind = kinds[name]
                    pointed |= cited(data, kind.model, kind.parts, following=["foreign"])
            missing = pointed - self._data.keys()

    def _build(self, key):
        """Returns what a key named, when readers could see it, else None."""
        if key not in self._built:
            kind, data = kinds[key.partition(":")[0]], self._data.get(key)
            self._built[key] = None
            if data and data.get("status", Status.PUBLISHED) == Status.PUBLISHED:
                self._built[key] = self._fill(kind.model, data, kind.parts)
        return self._built[key]

    def _fill(self, model, data, parts, with_citations=False, parent=None):
        row = model(pk=data["pk"])
        row._state.adding = False
        row.save = _refuse
        for column in columns(model):
            value = data.get(column.name)
            if column.name not in data:
                continue
            if not column.is_relation:
                setattr(row, column.name, None if value is None else column.to_python(value))
            elif value:
                target = self._build(value)
                if target is None and not column.null:
                    return None
                setattr(row, column.name, target)
        for column in model._meta.many_to_many:
            keys = data.get(column.name, ()) if with_citations else ()
            rows = self._ordered(column.related_model, keys)
            fill(row, column.name, rows)
        for name, part in parts.items():
            part_model = model._meta.get_field(name).related_model
            rows = []
            for item in data.get(name, ()):
                inner = self._fill(part_model, item, part.parts, with_citations)
                if inner is not None:
                    setattr(inner, part.parent, row)
                    rows.append(inner)
            fill(row, name, rows)
        return row

    def _ordered(self, model, keys):
        """The records named, those readers could see, in their model's order."""
        return in_order(model, [row for key in keys if (row := self._build(key)) is not None])


def _refuse(*args, **kwargs):
    raise TypeError("This is a record of the past: it cannot be saved.")
