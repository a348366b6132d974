from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from kb_site.accounts.models import AuditEvent
from kb_site.accounts.roles import ROLES
from kb_site.accounts.signals import remove_factors

User = get_user_model()

# allauth's own: one holds secrets, the other stays empty, since an account has one address.
admin.site.unregister([Authenticator, EmailAddress, User, Group])


def free_email(email, account):
    """Returns an address in lower case, as allauth compares it, unless another account has it.

    Raises `ValidationError` when one has.
    """
    email = email.lower()
    if User.objects.filter(email__iexact=email).exclude(pk=account.pk).exists():
        raise ValidationError(_("Another account has this e-mail address."))
    return email


PASSWORDS = ["password1", "password2"]


class EmailMixin:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "email" in self.fields:  # not for those who may only look
            self.fields["email"].required = True
            self.fields["email"].help_text = _(
                "To sign in with, and where the link for a new password goes."
            )

    def clean_email(self):
        return free_email(self.cleaned_data["email"], self.instance)


class AccountForm(EmailMixin, UserChangeForm):
    pass


class NewAccountForm(EmailMixin, AdminUserCreationForm):
    pass


@admin.register(User)
class AccountAdmin(UserAdmin):
    """People of the desk. Only a superuser makes a superuser, or touches one."""

    form = AccountForm
    add_form = NewAccountForm
    actions = ["remove_second_factors"]
    list_display = ["username", "email", "roles", "has_second_factor", "is_active", "last_login"]
    list_filter = ["groups", "is_active"]
    filter_horizontal = ["user_permissions"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "email", ("first_name", "last_name")]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "groups"]}),
        (_("Important dates"), {"fields": [("last_login", "date_joined")]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["username", "email", "groups", "usable_password", *PASSWORDS],
                "classes": ["wide"],
                "description": _(
                    "Without a password the person chooses one: by “Forgot your password?” on the "
                    "page to sign in."
                ),
            },
        )
    ]

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not request.user.is_superuser:
            return fieldsets
        more = (_("Beyond a role"), {"fields": ["is_superuser", "user_permissions"]})
        return [*fieldsets[:2], more, *fieldsets[2:]]

    def get_queryset(self, request):
        factors = Authenticator.objects.filter(user_id=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .prefetch_related("groups")
            .annotate(_has_second_factor=Exists(factors))
        )

    def has_change_permission(self, request, obj=None):
        if obj and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return False  # The history would no longer know who. “Active” closes an account.

    def save_model(self, request, account, form, change):
        if not change:
            account.is_staff = True  # There are no other accounts.
        super().save_model(request, account, form, change)

    @admin.display(description=_("role"))
    def roles(self, account):
        names = [group.name for group in account.groups.all()]
        return ", ".join(["superuser"] * account.is_superuser + names)

    @admin.display(description=_("second factor"), boolean=True)
    def has_second_factor(self, account):
        return account._has_second_factor

    @admin.action(description=_("Remove the second factors (a lost phone)"), permissions=["change"])
    def remove_second_factors(self, request, queryset):
        accounts = [a for a in queryset if self.has_change_permission(request, a)]
        for account in accounts:
            remove_factors(account, request)
        self.message_user(
            request,
            ngettext(
                "%d account signs in with its password alone, until it has a new second factor.",
                "%d accounts sign in with their password alone, until they have a new second "
                "factor.",
                len(accounts),
            )
            % len(accounts),
            messages.WARNING,
        )


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """What the three roles may do is set by the program; other groups are free."""

    def has_change_permission(self, request, obj=None):
        if obj and obj.name in ROLES:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        if obj and obj.name in ROLES:
            return False
        return super().has_delete_permission(request, obj)


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    list_display = ["at", "who", "what", "about", "detail"]
    list_filter = ["what", "at"]
    list_per_page = 100
    search_fields = ["who", "about"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
