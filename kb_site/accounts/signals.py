"""Writes the audit list: what people do with accounts, by whatever page or command they do it."""

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from kb_site.accounts.backends import find_account
from kb_site.accounts.middleware import remember_factors
from kb_site.accounts.models import AuditEvent
from kb_site.accounts.roles import ROLES

What = AuditEvent.What
RECOVERY_CODES = Authenticator.Type.RECOVERY_CODES


def connect():
    User = get_user_model()
    user_logged_in.connect(signed_in)
    user_login_failed.connect(sign_in_failed)
    user_logged_out.connect(signed_out)
    authentication_failed.connect(second_factor_failed)
    authenticator_added.connect(factor_added)
    authenticator_reset.connect(factor_added)
    authenticator_removed.connect(factor_removed)
    authenticator_used.connect(factor_used)
    pre_save.connect(before_account, sender=User)
    post_save.connect(account_saved, sender=User)
    post_delete.connect(account_deleted, sender=User)
    for through in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(rights_changed, sender=through)


def note(what, about=None, who=None, detail=""):
    """Adds a row. Takes an account or group, who did it (default: who is signed in), a word."""
    who = who or getattr(context.request, "user", None)
    AuditEvent.objects.create(
        what=what,
        who=who.get_username() if who and who.is_authenticated else "",
        about=str(about or ""),
        detail=detail[:300],
    )


# Signing in and out


def signed_in(request, user, **kwargs):
    if request is not None:
        remember_factors(request, user)
    note(What.SIGNED_IN, who=user)


def sign_in_failed(credentials, **kwargs):
    # What was typed is not kept: it may be a password in the wrong box.
    note(What.SIGN_IN_FAILED, find_account(credentials.get("username") or ""))


def signed_out(user, **kwargs):
    if user:
        note(What.SIGNED_OUT, who=user)


# Second factors


def second_factor_failed(user, authenticator, **kwargs):
    note(What.SIGN_IN_FAILED, user, detail=authenticator.type)


def factor_added(request, user, authenticator, **kwargs):
    is_codes = authenticator.type == RECOVERY_CODES
    what = What.CODES_MADE if is_codes else What.FACTOR_ADDED
    note(what, user, who=request and request.user, detail=authenticator.type)


def factor_removed(request, authenticator, **kwargs):
    who = request and request.user
    note(What.FACTOR_REMOVED, authenticator.user, who=who, detail=authenticator.type)


def remove_factors(account, request=None):
    """Takes every second factor and recovery code from an account, for whoever lost theirs."""
    for authenticator in Authenticator.objects.filter(user=account):
        authenticator.delete()
        authenticator_removed.send(
            sender=Authenticator, request=request, user=account, authenticator=authenticator
        )


def factor_used(user, authenticator, **kwargs):
    if authenticator.type == RECOVERY_CODES:
        note(What.CODE_USED, who=user)


# Accounts and rights

FLAGS = {"is_staff": "staff", "is_superuser": "superuser"}


def before_account(instance, **kwargs):
    fields = ["is_active", "username", "email", *FLAGS]
    instance._before = type(instance).objects.filter(pk=instance.pk).values(*fields).first()


def account_saved(instance, created, raw, **kwargs):
    if raw:
        return
    if created:
        flags = [word for name, word in FLAGS.items() if getattr(instance, name)]
        note(What.ACCOUNT_CREATED, instance, detail=", ".join(flags))
        return
    # Set by `set_password`, and not by a stronger hash of the same password.
    if instance._password is not None:
        note(What.PASSWORD_CHANGED, instance)
    changed = {
        name for name, value in (instance._before or {}).items() if getattr(instance, name) != value
    }
    if "is_active" in changed:
        note(What.ACCOUNT_OPENED if instance.is_active else What.ACCOUNT_CLOSED, instance)
    if names := sorted(changed & {"username", "email"}):
        note(What.ACCOUNT_CHANGED, instance, detail=", ".join(names))
    if flags := [
        f"{'+' if getattr(instance, name) else '−'}{word}"
        for name, word in FLAGS.items()
        if name in changed
    ]:
        note(What.RIGHTS_CHANGED, instance, detail=", ".join(flags))


def account_deleted(instance, **kwargs):
    note(What.ACCOUNT_DELETED, instance)


def rights_changed(instance, action, reverse, model, pk_set, using, **kwargs):
    sign = {"post_add": "+", "post_remove": "−", "pre_clear": "−"}.get(action)
    if sign is None or (isinstance(instance, Group) and not reverse and instance.name in ROLES):
        return  # What a role may do is set by the program.
    if action == "pre_clear":
        note(What.RIGHTS_CHANGED, instance, detail="−*")
        return
    if not pk_set:
        return
    others = list(model.objects.using(using).filter(pk__in=pk_set))
    if reverse:  # people put into a group, from the group's side
        for other in others:
            note(What.RIGHTS_CHANGED, other, detail=f"{sign}{_name(instance)}")
    else:
        words = sorted(f"{sign}{_name(other)}" for other in others)
        note(What.RIGHTS_CHANGED, instance, detail=", ".join(words))


def _name(right):
    """A group by its name; a permission as code writes it."""
    if hasattr(right, "codename"):
        return f"{right.content_type.app_label}.{right.codename}"
    return right.name
