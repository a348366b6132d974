"""Import and export of records as CSV, XLSX or JSON, one line a row, in both languages.

django-import-export brings the pages, the buttons and the two steps: a dry run that shows what
would change, then the confirmation. What a line says, and how it reaches readers, is ours: rows
are matched by reference, every row is checked as the admin would, an import is one change of the
history, and what it changes of a published record waits for approval (see `workflow`).

An app's `admin.py` gives each admin `ExchangeAdmin` and the resources that `resource` makes.
"""

import contextlib
import datetime
import decimal
import functools
import hashlib
import json
import time
import uuid
from dataclasses import dataclass, field

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.core import signing
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import DatabaseError, models, transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportExportMixin
from import_export.fields import Field
from import_export.forms import ExportForm, ImportForm
from import_export.resources import ModelResource, modelresource_factory
from import_export.results import Error, Result, RowResult
from import_export.tmp_storages import BaseStorage

from kb_site.editorial import history, workflow
from kb_site.editorial.differences import Line
from kb_site.editorial.models import Revision, Status
from kb_site.editorial.sheets import CSV, JSON, MAX_BYTES, MAX_LINES, XLSX, Refused
from kb_site.editorial.words import words_changed
from kb_site.search import updates

# For so long an upload waits for its confirmation.
DAY = 24 * 60 * 60

DEFAULT_LANGUAGE = settings.MODELTRANSLATION_DEFAULT_LANGUAGE
YES = {"true", "vrai", "1"}
NO = {"false", "faux", "0"}


# Columns


class Column(Field):
    """A column of a file: its name, where a row keeps it, and the model's field it holds."""

    def __init__(self, column_name, lookup, column):
        super().__init__(attribute=lookup, column_name=column_name)
        self.column = column

    @property
    def is_many(self):
        return bool(self.column.many_to_many)

    def export(self, instance, **kwargs):
        return self.render(self.get_value(instance))

    def render(self, value):
        """A value as the text of a cell."""
        if value is None:
            return ""
        if self.is_many:
            rows = value.all() if hasattr(value, "all") else value
            return ", ".join(sorted(row.reference for row in rows))
        if isinstance(value, models.Model):
            return value.reference
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            return ", ".join(map(str, value))
        if isinstance(value, decimal.Decimal):
            return f"{value.normalize():f}" if value.is_finite() else str(value)
        return str(value)

    def read(self, text):
        """Returns the value of a cell. Raises `ValidationError`, which says what to write."""
        ProhibitNullCharactersValidator()(text)
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValidationError(_("This text has half a character: type it again."))
        column, parts = self.column, [part.strip() for part in text.split(",") if part.strip()]
        if self.is_many:
            return self.find(parts)
        if column.is_relation:
            return self.find([text.strip()])[0] if text.strip() else None
        if isinstance(column, models.JSONField):
            return parts
        if isinstance(column, models.CharField | models.TextField):
            if column.choices:
                return self.chosen(text.strip())
            return None if column.unique and column.null and not text else text
        text = text.strip()
        if not text and column.null:
            return None
        if isinstance(column, models.BooleanField):
            if text.lower() not in YES | NO:
                raise ValidationError(_("Write true or false."))
            return text.lower() in YES
        return column.to_python(text)

    def chosen(self, text):
        choices = dict(self.column.flatchoices)
        if text not in choices:
            raise ValidationError(
                _("“%(text)s” is no choice here. Write one of: %(choices)s.")
                % {"text": text, "choices": ", ".join(choices)}
            )
        return text

    def find(self, references):
        """Returns the records that references name, in their order."""
        model = self.column.related_model
        found = {row.reference: row for row in model.objects.filter(reference__in=references)}
        if unknown := [reference for reference in references if reference not in found]:
            raise ValidationError(unknown_reference(model, unknown))
        return list(found.values()) if self.is_many else [found[name] for name in references]


def unknown_reference(model, references):
    return _(
        "There is no %(kind)s “%(references)s”: correct the reference, or import that first."
    ) % {"kind": model._meta.verbose_name, "references": "”, “".join(references)}


def field_at(model, lookup):
    """Returns the field that a lookup such as `version__provision__reference` ends in."""
    *path, last = lookup.split("__")
    for name in path:
        model = model._meta.get_field(name).related_model
    return model._meta.get_field(last)


def resource(model, **key):
    """Returns the resource of a model.

    Takes the columns that name a row, each with the lookup it stands for; a record is named by
    its reference alone. All that the row says follows, as `history.columns` has it.
    """
    key = key or {"reference": "reference"}
    columns = {name: Column(name, lookup, field_at(model, lookup)) for name, lookup in key.items()}
    named = {lookup.partition("__")[0] for lookup in key.values()}
    for column in [*history.columns(model), *model._meta.many_to_many]:
        if column.name not in named:
            columns[column.name] = Column(column.name, column.name, column)
    options = {"fields": list(columns), "name": model._meta.verbose_name_plural, "key": key}
    return modelresource_factory(model, RecordResource, options, columns)


class RecordResource(ModelResource):
    """Rows of one model; those that belong to a record, as claims do, name it first."""

    def rows(self):
        """All rows, in the order of what names them, with what their cells read."""
        model = self._meta.model
        foreign = {field.name for field in model._meta.fields if field.is_relation}
        foreign |= {lookup.rpartition("__")[0] for lookup in self._meta.key.values()} - {""}
        many = [column.name for column in model._meta.many_to_many]
        rows = model.objects.order_by(*self._meta.key.values())
        return rows.select_related(*foreign).prefetch_related(*many)

    def filter_export(self, queryset, **kwargs):
        """The rows chosen in the list, or those that belong to the records chosen."""
        holder = "pk"
        if queryset.model is not self._meta.model:
            holder = next(iter(self._meta.key.values())).partition("__")[0]
        return self.rows().filter(**{f"{holder}__in": queryset.order_by().values("pk")})

    def import_data(self, dataset, dry_run=False, user=None, reason="", **kwargs):
        """Imports all the lines or none, as one change by this user, for this reason.

        Takes what a format's `create_dataset` returns. Returns an `Outcome`; a dry run, or an
        import with an error, leaves nothing behind.
        """
        outcome = Outcome()
        outcome.total_rows = len(dataset)
        for problem in self.header_problems(dataset.headers or []):
            outcome.append_base_error(Error(problem))
        if outcome.has_errors():
            return outcome
        rows = [
            Row(line, dict(zip(dataset.headers, cells, strict=True)))
            for line, cells in zip(dataset.numbers, dataset, strict=True)
        ]
        recorded = workflow.quietly() if dry_run else history.change(user=user, reason=reason)
        with transaction.atomic():
            with updates.together(), recorded:
                Import(self, user, reason).write(rows)
            if dry_run or any(row.errors for row in rows):
                transaction.set_rollback(True)
        for row in rows:
            outcome.add(row)
        return outcome

    def header_problems(self, headers):
        known = ", ".join(self.get_export_headers())
        for number, name in enumerate(headers, 1):
            if not name:
                yield _("Column %(number)s has no name: name it, or remove it.") % {
                    "number": number
                }
            elif name not in self.fields:
                yield _(
                    "The column “%(name)s” is unknown: rename or remove it. Known are: %(known)s."
                ) % {"name": name, "known": known}
            elif name in headers[: number - 1]:
                yield _("The column “%(name)s” is there twice: remove one.") % {"name": name}
        for name in self._meta.key:
            if name not in headers:
                yield _(
                    "The column “%(name)s” is missing: it says what each line is about. Add it."
                ) % {"name": name}


# One import


@dataclass
class Row:
    """A line of the file, and what becomes of it."""

    line: int
    cells: dict
    # What names it, as texts; the first is the reference of the record it is, or belongs to.
    key: tuple = ()
    instance: object = None
    is_new: bool = False
    # Whether readers see the record, and whether they see this only once it is approved.
    is_public: bool = False
    waits: bool = False
    # {column: (text before, text after)}
    changes: dict = field(default_factory=dict)
    # {column, or NON_FIELD_ERRORS: sentences}
    errors: dict = field(default_factory=dict)

    def refuse(self, problem, column=NON_FIELD_ERRORS):
        """Notes an error. Takes a sentence, or a `ValidationError` for one or many columns."""
        error = problem if isinstance(problem, ValidationError) else ValidationError(problem)
        named = error.message_dict if hasattr(error, "error_dict") else {column: error.messages}
        for name, sentences in named.items():
            if name not in self.cells and name != NON_FIELD_ERRORS:
                # The file has no such column: what is stored is wrong.
                name, sentences = NON_FIELD_ERRORS, [f"{name}: {text}" for text in sentences]
            self.errors.setdefault(name, []).extend(sentences)


class Import:
    """Writes the rows of a file, or sets aside what they change of published records."""

    def __init__(self, resource, user, reason):
        self.model = resource._meta.model
        self.key = resource._meta.key
        self.columns = resource.fields
        self.rows = resource.rows
        self.user = user
        self.reason = reason
        self.goes_straight = workflow.goes_straight(user)
        # The model of the records that the rows are, or belong to.
        self.first = next(iter(self.key.values()))
        self.record_model = field_at(self.model, self.first).model
        self.texts = history.base_names(self.model)

    def write(self, rows):
        """Fills in what becomes of each row; the caller rolls back when one has an error."""
        self.name(rows)
        rows = [row for row in rows if not row.errors]
        self.load(rows)
        rows = [row for row in rows if not self.is_as_it_was(row)]
        public = self.public({row.key[0] for row in rows})
        for row in rows:
            row.is_public = row.key[0] in public
        waiting = {} if self.goes_straight else public
        self.apply([row for row in rows if row.key[0] not in waiting])
        # What was written just now may be cited by what waits.
        for reference, record in waiting.items():
            self.set_aside(record, [row for row in rows if row.key[0] == reference])

    def public(self, references):
        """Returns {reference: record} of those that readers see, of these references."""
        kind = history.kind_of(self.record_model).name
        standing = Revision.objects.filter(kind=kind, until=None, is_public=True)
        records = self.record_model.objects.filter(
            reference__in=standing.filter(reference__in=references).values("reference")
        )
        return {record.reference: record for record in records.order_by("reference")}

    def name(self, rows):
        """Reads what names each row; two rows of one name are an error."""
        lines = {}
        for row in rows:
            key = []
            for name in self.key:
                column = self.columns[name]
                try:
                    text = row.cells[name].strip()
                    if not text:
                        raise ValidationError(_("Write it: it says what the line is about."))
                    key.append(column.render(column.read(text)))
                except ValidationError as error:
                    row.refuse(error, name)
            row.key = tuple(key)
            first = lines.setdefault(row.key, row.line)
            if not row.errors and first != row.line:
                row.refuse(
                    _("Line %(line)s is about the same: keep one of the two.") % {"line": first}
                )

    def load(self, rows):
        """Finds the rows that there are already."""
        references = {row.key[0] for row in rows}
        found = {
            tuple(self.columns[name].export(instance) for name in self.key): instance
            for instance in self.rows().filter(**{f"{self.first}__in": references})
        }
        for row in rows:
            row.instance = found.get(row.key)
            row.is_new = row.instance is None

    def is_as_it_was(self, row):
        return not row.is_new and all(
            text == self.columns[name].export(row.instance)
            for name, text in row.cells.items()
            if name not in self.key
        )

    def set_aside(self, record, rows):
        """Keeps what the rows make of a published record until somebody else approves it."""
        data = self.tried(record, rows)
        rows = [row for row in rows if row.changes or row.errors]
        pending = workflow.pending_of(record) if rows else None
        if pending and pending.by != self.user:
            for row in rows:
                row.refuse(
                    _(
                        "A change of this record by %(name)s waits for approval: have it approved "
                        "or discarded first."
                    )
                    % {"name": pending.by or "…"}
                )
        elif pending and not any(row.errors for row in rows):
            # One's own is built upon: claims may follow their question in a second file.
            for row in rows:
                kept = row.cells if row.is_new else {*row.changes, *self.key}
                row.cells = {name: row.cells[name] for name in row.cells if name in kept}
                row.changes = {}
            data = self.tried(record, rows, pending)
        changed = [row for row in rows if row.changes]
        if changed and not any(row.errors for row in rows):
            workflow.set_aside(record, data, self.user, self.reason)
            for row in changed:
                row.waits = True

    def tried(self, record, rows, pending=None):
        """Returns the state the record would have, on top of what waits already if given."""
        with transaction.atomic(), workflow.quietly():
            if pending:
                workflow.bring_in(pending)
            self.load(rows)
            self.apply(rows)
            data = history.state_of(self.record_model.objects.get(pk=record.pk))
            transaction.set_rollback(True)
        return data

    def apply(self, rows):
        """Writes rows; records may name others of the same file, so relations come last."""
        for row in rows:
            self.fill(row)
        for row in rows:
            self.relate(row)
        is_sound = not any(row.errors for row in rows)
        if is_sound and hasattr(self.record_model, "publication_problems"):
            changed = {row.key[0]: row for row in rows if row.changes}
            for record in self.record_model.objects.published().filter(reference__in=changed):
                if problems := record.publication_problems():
                    changed[record.reference].refuse(ValidationError(problems))

    def fill(self, row):
        """Gives an instance its values and saves it when one of them, or it, is new."""
        if row.is_new:
            self.begin(row)
        if row.instance is None:
            return
        for name, column, text in self.cells(row, many=False):
            old = "" if row.is_new else column.export(row.instance)
            if text == old and not row.is_new:
                continue
            try:
                value = column.read(text)
            except ValidationError as error:
                row.refuse(error, name)
                continue
            new = column.render(value)
            if new != old or row.is_new:
                setattr(row.instance, column.attribute, value)
            if new != old:
                row.changes[name] = (old, new)
        if not (row.is_new or row.changes):
            return
        self.check(row)
        if not row.errors:
            self.save(row, row.instance.save)

    def relate(self, row):
        for name, column, text in self.cells(row, many=True):
            old = column.export(row.instance)
            if text == old:
                continue
            try:
                records = column.read(text)
            except ValidationError as error:
                row.refuse(error, name)
                continue
            new = column.render(records)
            if new != old:
                row.changes[name] = (old, new)
                if not row.errors:
                    self.save(row, functools.partial(getattr(row.instance, name).set, records))

    def cells(self, row, many):
        """Yields (name, column, text) of a row's cells, of many-to-many relations or of others."""
        for name, text in row.cells.items():
            if name not in self.key and self.columns[name].is_many == many:
                yield name, self.columns[name], text

    def begin(self, row):
        """Makes the instance of a new row, with what names it, unless it belongs to nothing."""
        values, holders = {}, {}
        for text, (name, lookup) in zip(row.key, self.key.items(), strict=True):
            head, _separator, rest = lookup.partition("__")
            if rest:
                holders.setdefault(head, {})[rest] = text
            else:
                values[head] = self.columns[name].read(text)
            row.changes[name] = ("", text)
        for head, lookups in holders.items():
            model = self.model._meta.get_field(head).related_model
            values[head] = model.objects.filter(**lookups).first()
            if values[head] is None:
                row.refuse(unknown_reference(model, [" ".join(lookups.values())]))
                return
        row.instance = self.model(**values)

    def check(self, row):
        """Checks an instance as the admin does, and that nobody publishes by import."""
        required = [name for name, column in self.columns.items() if self.is_required(column)]
        for name in required:
            if row.is_new and name not in row.cells:
                row.errors.setdefault(name, []).append(
                    _("The column is missing, and a new record needs it: add it.")
                )
            elif not row.cells.get(name, "…").strip():
                row.refuse(_("Write it: it may not be empty."), name)
        status = row.changes.get("status", ("", ""))[1]
        if status == Status.PUBLISHED and not self.goes_straight:
            row.refuse(
                _("An import publishes nothing: write in_review, and have it published."), "status"
            )
        elif status == Status.WITHDRAWN and row.is_new:
            row.refuse(_("A new record begins as draft or in_review."), "status")
        # The columns of each language are checked, not the field they stand for.
        unchecked = {base for base, _language in self.texts.values()} | history.MACHINE_FIELDS
        try:
            row.instance.full_clean(exclude={*unchecked, *row.errors})
        except ValidationError as error:
            row.refuse(error)

    def is_required(self, column):
        if column.is_many or column.column_name in self.key:
            return False
        base, language = self.texts.get(column.column_name, (column.column_name, ""))
        asked = self.model._meta.get_field(base)
        return not asked.blank and not asked.has_default() and language in ("", DEFAULT_LANGUAGE)

    def save(self, row, save):
        try:
            with transaction.atomic():
                save()
        except ValidationError as error:
            row.refuse(error)
        except DatabaseError as error:
            row.refuse(_("The database refuses this line: %(problem)s") % {"problem": error})


class RowOutcome(RowResult):
    """What the confirmation page shows of a line."""

    def __init__(self, row):
        super().__init__()
        self.number = row.line
        self.name = " ".join(row.key)
        self.is_public = row.is_public
        self.waits = row.waits
        if row.is_new:
            self.import_type = self.IMPORT_TYPE_NEW
        else:
            self.import_type = self.IMPORT_TYPE_UPDATE if row.changes else self.IMPORT_TYPE_SKIP
        self.lines = [
            Line(name, "", words_between(before, after))
            for name, (before, after) in row.changes.items()
        ]


def words_between(before, after):
    """What differs between two cells, in words where they are sentences."""
    if " " in before and " " in after and len(before) + len(after) < 20_000:
        words = words_changed(before, after)
        if any(operation != "same" for operation, _text in words):
            return words
    pairs = [("removed", before), ("added", after)]
    return [(operation, text) for operation, text in pairs if text]


class Outcome(Result):
    """What an import does, or did, line by line."""

    def __init__(self):
        super().__init__()
        self._seen = []

    def add(self, row):
        self._seen.append([row.line, row.changes, row.is_public, row.waits, row.errors])
        if row.errors:
            self.append_invalid_row(row.line, row.cells, ValidationError(row.errors))
            self.totals[RowResult.IMPORT_TYPE_INVALID] += 1
        else:
            result = RowOutcome(row)
            self.increment_row_result_total(result)
            self.append_row_result(result)

    @property
    def changed(self):
        """The lines that change something."""
        return [row for row in self.rows if not row.is_skip()]

    @property
    def asks_reason(self):
        """Whether it changes what readers have seen."""
        return any(row.is_public for row in self.changed)

    @property
    def digest(self):
        """Tells whether what was shown is what would be done."""
        return hashlib.sha256(json.dumps(self._seen).encode()).hexdigest()


# The admin


class UploadStorage(BaseStorage):
    """Keeps what was uploaded in `DATA_DIR` until it is confirmed, for a day at most."""

    @property
    def path(self):
        return settings.DATA_DIR / "imports" / self.name

    def save(self, data):
        self.name = uuid.uuid4().hex
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self.path.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if old.stat().st_mtime < time.time() - DAY:
                    old.unlink()
        self.path.write_bytes(data)

    def read(self):
        try:
            return self.path.read_bytes()
        except FileNotFoundError as error:
            raise Refused(_("This import is done already, or too old: upload the file.")) from error

    def remove(self):
        self.path.unlink(missing_ok=True)


class UploadForm(ImportForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["import_file"].help_text = _(
            "As an export writes it, at most %(size)s MB and %(lines)s lines. Columns left out "
            "stay as they are. First you see what would change."
        ) % {"size": MAX_BYTES // 1024**2, "lines": MAX_LINES}

    def clean_import_file(self):
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise ValidationError(
                _("The file is larger than %(size)s MB: import it in several parts.")
                % {"size": MAX_BYTES // 1024**2}
            )
        return file


class ConfirmForm(forms.Form):
    """Says which upload is confirmed, and what its preview was; signed, for one user."""

    token = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("reason"),
        max_length=Revision._meta.get_field("reason").max_length,
        required=False,
        help_text=gettext_lazy(
            "Needed when records that readers have seen change: what happened, in a sentence, in "
            "French if you can. Readers see it."
        ),
    )
    user = None

    @classmethod
    def sign(cls, user, **data):
        return signing.dumps({"user": user.pk, **data}, salt=cls.__name__, compress=True)

    def clean(self):
        token = self.cleaned_data.get("token", "")
        try:
            data = signing.loads(token, salt=type(self).__name__, max_age=DAY)
        except signing.BadSignature:
            data = {}
        if data.get("user") != self.user.pk:
            raise Refused(_("This preview is too old, or not yours: upload the file again."))
        data["reason"] = self.cleaned_data.get("reason", "")
        if data.get("asks_reason") and not data["reason"] and not self.errors:
            self.add_error("reason", _("This changes what readers have seen: say why."))
        return data


class ExchangeAdmin(ImportExportMixin):
    """Gives an admin its import and its export; `resource_classes` says of what."""

    import_formats = export_formats = [CSV, XLSX, JSON]
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    # Without the choice of columns: its page needs inline scripts and styles.
    export_form_class = ExportForm
    tmp_storage_class = UploadStorage
    # The history of records says who changed what.
    skip_admin_log = True

    def permitted(self, request, *actions):
        """The resources whose model the user may do all these actions to."""
        return [
            one
            for one in self.resource_classes
            if all(
                request.user.has_perm(
                    f"{options.app_label}.{get_permission_codename(action, options)}"
                )
                for options in [one._meta.model._meta]
                for action in actions
            )
        ]

    def get_import_resource_classes(self, request):
        return self.permitted(request, "add", "change")

    def get_export_resource_classes(self, request):
        return self.permitted(request, "view")

    def has_import_permission(self, request):
        return bool(self.get_import_resource_classes(request))

    def has_export_permission(self, request):
        return bool(self.get_export_resource_classes(request))

    def choose_import_resource_class(self, form, request):
        try:
            return super().choose_import_resource_class(form, request)
        except IndexError as error:
            raise PermissionDenied from error

    def add_data_read_fail_error_to_form(self, form, e):
        message = _("The file cannot be read: is it damaged, or of another format?")
        form.add_error("import_file", str(e) if isinstance(e, Refused) else message)

    def import_action(self, request, **kwargs):
        """Shows what a file would change, and asks for the confirmation if it changes anything."""
        response = super().import_action(request, **kwargs)
        context = response.context_data
        if form := context.get("confirm_form"):
            outcome = context["result"]
            if outcome.changed:
                seen = {"digest": outcome.digest, "asks_reason": outcome.asks_reason}
                form.initial = {"token": form.sign(request.user, **seen, **form.initial)}
                form.fields["reason"].required = outcome.asks_reason
            else:
                del context["confirm_form"]
        # The page of a file that cannot be read would name none.
        context["fields_list"] = [
            (one.get_display_name(), one().get_export_headers())
            for one in self.get_import_resource_classes(request)
        ]
        return response

    def create_confirm_form(self, request, import_form=None):
        form = super().create_confirm_form(request, import_form)
        form.user = request.user
        return form

    def process_import(self, request, **kwargs):
        try:
            return super().process_import(request, **kwargs)
        except Refused as error:
            self.message_user(request, str(error), messages.ERROR)
            names = self.get_model_info()
            return HttpResponseRedirect(reverse("admin:{}_{}_import".format(*names)))

    def get_import_data_kwargs(self, form, **kwargs):
        # The form that is uploaded asks for no reason: nothing is written yet.
        return kwargs | {"reason": form.cleaned_data.get("reason", "")}

    def process_dataset(self, dataset, form, request, **kwargs):
        with transaction.atomic():
            outcome = super().process_dataset(dataset, form, request, **kwargs)
            if outcome.digest != form.cleaned_data["digest"]:
                raise Refused(
                    _(
                        "The records have changed since the preview: nothing was imported. Upload "
                        "the file again."
                    )
                )
        return outcome

    def add_success_message(self, result, request):
        written = len([row for row in result.changed if not row.waits])
        waiting = len(result.changed) - written
        parts = [
            ngettext("%d line was written", "%d lines were written", written) % written,
            ngettext(
                "%d line waits until somebody else approves it",
                "%d lines wait until somebody else approves them",
                waiting,
            )
            % waiting,
        ]
        parts = get_text_list(parts, _("and"))
        self.message_user(request, _("Imported: %(parts)s.") % {"parts": parts})

    def get_export_data(self, file_format, request, queryset, **kwargs):
        model = self.choose_export_resource_class(kwargs["export_form"], request)._meta.model
        request.exported = model._meta.model_name
        return super().get_export_data(file_format, request, queryset, **kwargs)

    def get_export_filename(self, request, queryset, file_format):
        day = datetime.date.today().isoformat()
        return f"{request.exported}-{day}.{file_format.get_extension()}"
