"""What the admin of every record shares, and the desk where reviews are closed."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from modeltranslation.admin import TabbedTranslationAdmin

from kb_site.editorial import differences, history
from kb_site.editorial.desk import change_url
from kb_site.editorial.models import ReviewTask, Revision
from kb_site.search import updates

PUBLICATION = (_("Publication"), {"fields": ["status"]})
VERIFICATION = (
    _("Verification"),
    {"fields": [("confidence", "verified_on"), ("verified_by", "verified_url")]},
)
CHANGE = (
    _("This change"),
    {
        "fields": ["change_reason", "change_is_editorial"],
        "description": _("What readers are told about it in the log of changes."),
    },
)


class ChangeForm(forms.ModelForm):
    """A record's form, with why it is changed."""

    change_reason = forms.CharField(
        label=_("reason"),
        max_length=Revision._meta.get_field("reason").max_length,
        required=False,
        help_text=_(
            "Needed once readers have seen the record, when what it says changes: what happened, "
            "in a sentence, in French if you can. Readers see it."
        ),
    )
    change_is_editorial = forms.BooleanField(
        label=_("only a slip of the pen"),
        required=False,
        help_text=_(
            "A typo, a comma, a broken link: nobody has to read the answers again, and readers are "
            "not told. Never for a date, a figure, a phone number or what the law says."
        ),
    )
    reason_is_missing = False

    def clean(self):
        data = super().clean()
        if self.reason_is_missing:
            self.add_error(
                "change_reason",
                _(
                    "This changes what readers have seen. Say why in a sentence, or tick “only a "
                    "slip of the pen” if nothing it says has changed."
                ),
            )
        return data


class ContentAdmin(TabbedTranslationAdmin):
    """Saves a record with its inlines and citations as one change of its history and the index."""

    form = ChangeForm

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, CHANGE] if obj else fieldsets

    def get_form(self, request, obj=None, **kwargs):
        form = super().get_form(request, obj, **kwargs)
        form.reason_is_missing = getattr(request, "reason_is_missing", False)
        return form

    def changeform_view(self, request, *args, **kwargs):
        try:
            return super().changeform_view(request, *args, **kwargs)
        except history.ReasonMissing:
            # All is rolled back; the form comes again as it was typed, asking why.
            request.reason_is_missing = True
            get_messages(request)._queued_messages.clear()
            return super().changeform_view(request, *args, **kwargs)

    def _changeform_view(self, request, *args, **kwargs):
        # Django calls it inside the transaction that saves the form.
        with (
            updates.together(),
            history.change(
                user=request.user,
                reason=request.POST.get("change_reason", ""),
                is_editorial="change_is_editorial" in request.POST,
                asks_reason=True,
            ),
        ):
            return super()._changeform_view(request, *args, **kwargs)

    def _delete_view(self, request, *args, **kwargs):
        with updates.together(), history.change(user=request.user):
            return super()._delete_view(request, *args, **kwargs)

    def delete_queryset(self, request, queryset):
        with updates.together(), history.change(user=request.user):
            super().delete_queryset(request, queryset)


class RecordAdmin(ContentAdmin):
    """Daily fields first, then publication and verification."""

    list_per_page = 50
    save_on_top = True
    readonly_fields = ["created_at", "updated_at"]

    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        # A reference never changes once readers may have it.
        return [*fields, "reference"] if obj else fields

    def view_on_site(self, record):
        """Only published records have a page."""
        return record.get_absolute_url() if record.is_published else None

    def history_view(self, request, object_id, extra_context=None):
        record = self.get_object(request, object_id)
        revisions = []
        if record is not None and self.has_view_or_change_permission(request, record):
            kind = history.kind_of(type(record)).name
            revisions = Revision.objects.filter(kind=kind, reference=record.reference)
            revisions = revisions.select_related("by")[:200]
        return super().history_view(
            request, object_id, {"revisions": revisions, **(extra_context or {})}
        )

    @admin.display(description=_("reference"), ordering="reference")
    def short_reference(self, record):
        return format_html("<code>{}</code>", record.reference)

    @admin.display(description=_("both languages"), boolean=True)
    def has_both_languages(self, record):
        return all(
            getattr(record, f"{name}_{language}")
            for name in self.required_texts
            for language in ("fr", "en")
        )

    required_texts = []


class OpenFilter(admin.SimpleListFilter):
    """Open tasks first: closed ones are history."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("closed", _("closed")), ("all", _("all"))]

    def choices(self, changelist):
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("open"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request, queryset):
        if self.value() == "all":
            return queryset
        return queryset.filter(closed_at__isnull=self.value() != "closed")


class CloseForm(ActionForm):
    word = forms.CharField(
        label=_("what was found"),
        required=False,
        max_length=ReviewTask._meta.get_field("word").max_length,
    )


class TaskForm(forms.ModelForm):
    class Meta:
        model = ReviewTask
        fields = ["word"]

    def clean_word(self):
        word = self.cleaned_data["word"].strip()
        if not word:
            raise ValidationError(_("Say in a word what you found before closing it."))
        return word


@admin.register(ReviewTask)
class ReviewTaskAdmin(admin.ModelAdmin):
    """Tasks are opened by the site and closed by a person with the right to review."""

    form = TaskForm
    action_form = CloseForm
    actions = ["close_tasks"]
    list_display = ["what", "language", "reason", "because_of", "changed_on", "opened_at"]
    list_filter = [OpenFilter, "reason", "language"]
    list_select_related = ["target_type"]
    list_per_page = 50
    search_fields = ["subject", "cause"]
    fields = [
        "what",
        "language",
        "reason",
        "because_of",
        "changed_on",
        "shown_difference",
        "opened_at",
        "closed_at",
        "closed_by",
        "word",
    ]

    def get_readonly_fields(self, request, obj=None):
        closed = obj is not None and obj.closed_at
        return [name for name in self.fields if name != "word" or closed]

    def get_actions(self, request):
        actions = super().get_actions(request)
        if not request.user.has_perm("editorial.close_reviewtask"):
            actions.pop("close_tasks", None)
        return actions

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        changelist.result_list = tasks = list(changelist.result_list)
        _attach(tasks)
        return changelist

    def get_object(self, request, object_id, from_field=None):
        task = super().get_object(request, object_id, from_field)
        _attach([task] if task else [])
        return task

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return request.user.has_perm("editorial.close_reviewtask")

    def save_model(self, request, task, form, change):
        ReviewTask.objects.get(pk=task.pk).close(request.user, form.cleaned_data["word"])

    @admin.action(description=_("Close the chosen tasks with a word"))
    def close_tasks(self, request, queryset):
        word = request.POST.get("word", "")
        try:
            for task in queryset.filter(closed_at=None):
                task.close(request.user, word)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        count = queryset.count()
        self.message_user(
            request, ngettext("%d task was closed.", "%d tasks were closed.", count) % count
        )

    @admin.display(description=_("to be read again"))
    def what(self, task):
        part = "" if task.row == task.record else f" · {task.row or _('deleted')}"
        return format_html("{}{}", _link(task.record, task.subject), part)

    @admin.display(description=_("because of"), ordering="cause")
    def because_of(self, task):
        return _link(task.cause_record, task.cause)

    @admin.display(description=_("difference"))
    def shown_difference(self, task):
        return differences.as_html(task.difference)


def _attach(tasks):
    """Sets on tasks what they name: `record`, `row` (itself, or a part of it), `cause_record`."""
    records = history.records_of({key for task in tasks for key in (task.subject, task.cause)})
    rows = {}
    for kind in {task.target_type for task in tasks}:
        pks = [task.target_id for task in tasks if task.target_type == kind]
        found = history.with_foreign(kind.model_class()).in_bulk(pks)
        rows |= {(kind, pk): row for pk, row in found.items()}
    for task in tasks:
        task.record = records.get(task.subject)
        task.cause_record = records.get(task.cause)
        task.row = rows.get((task.target_type, task.target_id))


def _link(record, key):
    if record is None:
        return key
    return format_html('<a href="{}">{}</a>', change_url(record), record)
