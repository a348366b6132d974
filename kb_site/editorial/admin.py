"""What the admin of every record shares, and the desk where reviews are closed."""

from dataclasses import dataclass

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from modeltranslation.admin import TabbedTranslationAdmin

from kb_site.editorial import differences, history, previews, translations, workflow
from kb_site.editorial.desk import change_url
from kb_site.editorial.models import (
    Record,
    ReviewTask,
    Revision,
    Status,
    Translation,
)
from kb_site.languages import LANGUAGES
from kb_site.links.models import failing_in
from kb_site.search import updates

# What is done to a record from its form, beside saving it, and what is said then. Each takes the
# record, the user and what was sent; it raises `PermissionDenied` or `ValidationError`.
ACTIONS = {
    "approve": (
        lambda record, user, sent: workflow.approve(record, user),
        _("Approved: readers see it now."),
    ),
    "send_back": (
        lambda record, user, sent: workflow.send_back(record, user, sent.get("word", "")),
        _("Sent back to its author."),
    ),
    "discard": (
        lambda record, user, sent: workflow.discard(record, user),
        _("Discarded: what readers see stays as it is."),
    ),
    "verify": (
        lambda record, user, sent: workflow.verify(record, user, sent.get("verified_url", "")),
        _("Verified today."),
    ),
    "restore": (
        lambda record, user, sent: workflow.restore_revision(record, sent.get("number", ""), user),
        _("The earlier state is restored, as a new revision."),
    ),
}

# Fields of the form that say something of the change, not of the record.
ABOUT_THE_CHANGE = ("change_reason", "change_is_editorial", "change_by_machine", "seen")

PUBLICATION = (_("Publication"), {"fields": ["status"]})
VERIFICATION = (
    _("Verification"),
    {"fields": [("confidence", "verified_on"), ("verified_by", "verified_url")]},
)
CHANGE = (
    _("This change"),
    {
        "fields": ["change_reason", "change_is_editorial", "change_by_machine", "seen"],
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
    change_by_machine = forms.BooleanField(
        label=_("translated by a machine"),
        required=False,
        help_text=_(
            "The texts changed here in the second language come from a machine: readers are told "
            "until somebody has reviewed them."
        ),
    )
    # What the record was like when the form was opened: see `Work.seen`.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    # Set by the admin for each request.
    user = None
    seen_now = ""
    author = None
    reason_is_missing = False
    is_stale = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.seen_now

    def clean(self):
        data = super().clean()
        if data.get("seen") and data["seen"] != self.seen_now:
            self.is_stale = True
            # Sent again, it replaces what the other editor saved: knowingly.
            self.data = self.data.copy()
            self.data["seen"] = self.seen_now
            self.add_error(
                None,
                _(
                    "Somebody else has saved this record since you opened it. Nothing of yours is "
                    "lost, and nothing is saved yet: compare below, change what you need, and save "
                    "again to put your texts in the place of theirs."
                ),
            )
        self.check_publication(data)
        if self.reason_is_missing:
            self.add_error(
                "change_reason",
                _(
                    "This changes what readers have seen. Say why in a sentence, or tick “only a "
                    "slip of the pen” if nothing it says has changed."
                ),
            )
        return data

    def check_publication(self, data):
        """Nobody publishes what they changed last, nor without the right to."""
        if "status" not in self.fields or "status" not in self.changed_data:
            return
        if data.get("status") == Status.PUBLISHED:
            touched = set(self.changed_data) - {"status", *ABOUT_THE_CHANGE}
            touched = touched or self.instance._state.adding
            if problem := workflow.refusal(self.user, self.user if touched else self.author):
                self.add_error("status", problem)


@dataclass(frozen=True)
class Work:
    """What is going on with a record whose form is open: looked up once a request."""

    # The record that the form is about, or about a part of; its revision; what waits.
    root: object = None
    standing: object = None
    pending: object = None

    @property
    def seen(self):
        """Names the state that the form shows."""
        version = self.pending.version if self.pending else 0
        return f"{self.standing.number}.{version}" if self.standing else ""

    @property
    def author(self):
        """Who made the record's last change, or None when nobody is known."""
        return self.standing and self.standing.by


class ContentAdmin(TabbedTranslationAdmin):
    """Saves a record with its inlines and citations as one change of its history and the index.

    A change of a published record is set aside until somebody else approves it: see `workflow`.
    """

    form = ChangeForm

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, CHANGE] if obj else fieldsets

    def get_form(self, request, obj=None, **kwargs):
        form = super().get_form(request, obj, **kwargs)
        form.user = request.user
        form.seen_now = request.work.seen
        form.author = request.work.author
        form.reason_is_missing = getattr(request, "reason_is_missing", False)
        return form

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return self.in_turn(request, object_id, form_url, extra_context)
        except history.ReasonMissing:
            # All is rolled back; the form comes again as it was typed, asking why.
            request.reason_is_missing = True
            get_messages(request)._queued_messages.clear()
            return self.in_turn(request, object_id, form_url, extra_context)

    def in_turn(self, request, *args):
        """Of two saves of one record at once, the second waits, then sees what the first did."""
        if request.method != "POST":
            return self.set_aside_or_save(request, *args)
        with transaction.atomic():
            return self.set_aside_or_save(request, *args)

    def set_aside_or_save(self, request, *args):
        """Shows and saves the form on top of what waits for approval, if anything does."""
        request.work = work = self.find_work(request, args[0])
        show_or_save = super().changeform_view
        waits = work.standing and work.standing.is_public
        waits = waits and not workflow.goes_straight(request.user)
        if work.pending is None and not (waits and request.method == "POST"):
            return show_or_save(request, *args)
        with transaction.atomic(), workflow.quietly():
            if work.pending:
                workflow.bring_in(work.pending)
            response = show_or_save(request, *args)
            is_saved = request.method == "POST" and response.status_code == 302
            if is_saved:
                data = history.state_of(history.record_of(work.standing.key))
            elif hasattr(response, "render"):
                response.render()
            transaction.set_rollback(True)
        if is_saved:
            self.set_aside(request, work, data)
        return response

    def find_work(self, request, object_id):
        found = self.get_object(request, unquote(object_id)) if object_id else None
        root = history.root_of(found) if found else None
        if root and request.method == "POST":
            root = history.locked(type(root)).filter(pk=root.pk).first()
        standing = root and history.standing(history.key_of(root))
        return Work(root, standing, workflow.pending_of(root)) if standing else Work()

    def set_aside(self, request, work, data):
        reason = request.POST.get("change_reason", "").strip()
        is_editorial = "change_is_editorial" in request.POST
        has_reason = reason or is_editorial or (work.pending and work.pending.reason)
        changes = history.differences(work.standing.data, data, history.kinds[work.standing.kind])
        if not has_reason and any(not row["silent"] for row in changes):
            raise history.ReasonMissing
        get_messages(request)._queued_messages.clear()
        by_machine = "change_by_machine" in request.POST
        if workflow.set_aside(work.root, data, request.user, reason, is_editorial, by_machine):
            text = _("Saved. Readers see it once somebody else has approved it.")
        else:
            text = _("Nothing differs from what readers see: nothing waits for approval.")
        self.message_user(request, text)

    def desk_context(self, request):
        """What the form shows of the work on its record."""
        root, pending = request.work.root, request.work.pending
        context = {"root": root, "pending": pending}
        if isinstance(root, Record):
            options = root._meta
            names = {a: f"admin:{options.app_label}_{options.model_name}_{a}" for a in ACTIONS}
            context |= {
                "root_opts": names,
                "previews": previews.addresses(root),
                "failing_links": failing_in(history.key_of(root)),
            }
            if not root.is_published and hasattr(root, "publication_problems"):
                context["blocking"] = root.publication_problems()
                context["lacking"] = getattr(root, "language_problems", dict)()
        if pending:
            context |= {
                "pending_changes": workflow.changes_of(pending),
                "approval_refused": workflow.refusal(request.user, pending.by),
            }
        return context

    def render_change_form(self, request, context, *args, **kwargs):
        context |= self.desk_context(request) | {"meanwhile": _both_texts(context)}
        return super().render_change_form(request, context, *args, **kwargs)

    def _changeform_view(self, request, *args, **kwargs):
        # Django calls it inside the transaction that saves the form.
        with (
            updates.together(),
            history.change(
                user=request.user,
                reason=request.POST.get("change_reason", ""),
                is_editorial="change_is_editorial" in request.POST,
                by_machine="change_by_machine" in request.POST,
                asks_reason=True,
            ),
        ):
            return super()._changeform_view(request, *args, **kwargs)

    def _delete_view(self, request, *args, **kwargs):
        with updates.together(), history.change(user=request.user):
            return super()._delete_view(request, *args, **kwargs)

    def delete_queryset(self, request, queryset):
        with transaction.atomic(), updates.together(), history.change(user=request.user):
            super().delete_queryset(request, queryset)


def _both_texts(context):
    """Returns (label, theirs, yours) of each field that differs, when a form came too late."""
    form = context["adminform"].form
    if not getattr(form, "is_stale", False):
        return []
    forms_ = [("", form)]
    for inline in context["inline_admin_formsets"]:
        for row in inline.formset.forms:
            forms_.append((f"{row.instance} · ", row))
    return [
        (f"{prefix}{one.fields[name].label}", one[name].initial, one[name].value())
        for prefix, one in forms_
        for name in one.changed_data
        if name not in ABOUT_THE_CHANGE
    ]


class RecordAdmin(ContentAdmin):
    """Daily fields first, then publication and verification."""

    list_per_page = 50
    save_on_top = True
    readonly_fields = ["created_at", "updated_at"]
    # The translated fields that `has_both_languages` looks at.
    required_texts = []

    def get_urls(self):
        options = self.model._meta
        name = f"{options.app_label}_{options.model_name}"
        return [
            path(
                f"<path:object_id>/{action}/",
                self.admin_site.admin_view(self.act_view),
                {"action": action},
                name=f"{name}_{action}",
            )
            for action in ACTIONS
        ] + super().get_urls()

    def act_view(self, request, object_id, action):
        """Does an action, says what came of it, and goes back to the record's form."""
        record = None
        if request.method == "POST":
            record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        if not self.has_change_permission(request, record):
            raise PermissionDenied
        act, done = ACTIONS[action]
        try:
            act(record, request.user, request.POST)
        except (PermissionDenied, ValidationError) as error:
            problems = getattr(error, "messages", None) or [str(error)]
            self.message_user(request, " ".join(map(str, problems)), messages.ERROR)
        else:
            self.message_user(request, done)
        return HttpResponseRedirect(change_url(record))

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
            revisions = Revision.objects.of(history.key_of(record)).select_related("by")[:200]
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
            for language in LANGUAGES
        )


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
        # Somebody else may have closed it while the form was open: their word stays.
        if "word" in form.cleaned_data:
            ReviewTask.objects.get(pk=task.pk).close(request.user, form.cleaned_data["word"])

    @admin.action(description=_("Close the chosen tasks with a word"))
    def close_tasks(self, request, queryset):
        word = request.POST.get("word", "")
        tasks = list(queryset.filter(closed_at=None))
        try:
            for task in tasks:
                task.close(request.user, word)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        count = len(tasks)
        self.message_user(
            request, ngettext("%d task was closed.", "%d tasks were closed.", count) % count
        )

    @admin.display(description=_("to be read again"))
    def what(self, task):
        part = "" if task.target == task.record else f" · {task.target or _('deleted')}"
        return format_html("{}{}", _link(task.record, task.subject), part)

    @admin.display(description=_("because of"), ordering="cause")
    def because_of(self, task):
        return _link(task.cause_record, task.cause)

    @admin.display(description=_("difference"))
    def shown_difference(self, task):
        return differences.as_html(task.difference)


def _attach(tasks):
    """Reads what tasks name: their `target`, and as `record` and `cause_record` the others."""
    records = history.records_of({key for task in tasks for key in (task.subject, task.cause)})
    for task in tasks:
        task.record = records.get(task.subject)
        task.cause_record = records.get(task.cause)
    models = {task.target_type.model_class() for task in tasks}
    rows = [history.with_foreign(model) for model in models]
    prefetch_related_objects(tasks, GenericPrefetch("target", rows))


def _link(record, key):
    if record is None:
        return key
    return format_html('<a href="{}">{}</a>', change_url(record), record)


@admin.register(Translation)
class TranslationAdmin(admin.ModelAdmin):
    """One page a language: what is missing, what is out of date, what nobody has reviewed."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        language = request.GET.get("language", "en")
        if language not in LANGUAGES:
            raise Http404
        if request.method == "POST":
            return self.review(request, language)
        texts = translations.to_care_for(language)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Translations"),
            "opts": self.opts,
            "language": language,
            "languages": LANGUAGES,
            "missing": list(translations.missing(language)),
            "outdated": [text for text in texts if text.state.is_outdated],
            "unreviewed": [text for text in texts if not text.state.is_outdated],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/translations.html", context)

    def review(self, request, language):
        pk = request.POST.get("state", "")
        states = Translation.objects.filter(language=language)
        state = states.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 12 else None
        if state is None:
            raise Http404
        translations.review(state, request.user)
        self.message_user(request, _("Reviewed: readers are no longer told."))
        return HttpResponseRedirect(f"{request.path}?language={language}")
