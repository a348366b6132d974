"""What each role may do: said here, given to the groups by each `migrate`, changed nowhere else.

Rights beyond these go to a group of one's own or, for one person, to the person.
"""

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

EDITOR, REVIEWER, ADMINISTRATOR = "Editor", "Reviewer", "Administrator"


def _rights(apps, prefixes=("",)):
    """The permissions on all models of some apps whose codenames begin so."""
    begins = Q()
    for prefix in prefixes:
        begins |= Q(codename__startswith=prefix)
    return begins & Q(content_type__app_label__in=apps)


CONTENT = ["laws", "articles"]
# They have no page of their own in the admin: taking one away is changing its record.
PARTS = Q(codename__in=["delete_claim", "delete_penalty"]) & _rights(CONTENT)

_EDITS = (
    _rights(CONTENT, ["add_", "change_", "view_"])
    | PARTS
    | _rights(["editorial", "links"], ["view_"])
    | _rights(["reports"], ["change_", "view_"])
)
_REVIEWS = _rights(["editorial"], ["publish_", "close_"]) | _rights(["search"], ["view_"])
_ADMINISTERS = (
    _rights([*CONTENT, "editorial", "links", "reports", "search"])
    # An account is closed, not deleted: the history keeps who did what.
    | (_rights(["auth"], ["add_", "change_", "view_"]) & Q(content_type__model="user"))
    | (_rights(["auth"]) & Q(content_type__model="group"))
    | _rights(["accounts"], ["view_"])
)
ROLES = {
    EDITOR: _EDITS,
    REVIEWER: _EDITS | _REVIEWS,
    ADMINISTRATOR: _EDITS | _REVIEWS | _ADMINISTERS,
}

# Whoever holds one of these, or can give it to themselves, signs in with two factors.
STRONG_RIGHTS = [
    "editorial.publish_record",
    "editorial.close_reviewtask",
    "auth.add_user",
    "auth.change_user",
    "auth.add_group",
    "auth.change_group",
]


def needs_second_factor(user):
    """Whether somebody must have a second factor. A superuser holds every right."""
    return settings.REQUIRE_MFA and any(user.has_perm(right) for right in STRONG_RIGHTS)


def give_rights(using=DEFAULT_DB_ALIAS, **kwargs):
    """Makes the groups and gives each exactly its rights, in a database of any age.

    Called by a migration and after every `migrate`, so that new models get theirs. Django makes
    an app's permissions only after all migrations have run: those still missing are made first.
    """
    Group, Permission = (apps.get_model("auth", name) for name in ("Group", "Permission"))
    for label in [*CONTENT, "editorial", "links", "reports", "search", "auth", "accounts"]:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for name, rights in ROLES.items():
        group, _created = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(Permission.objects.using(using).filter(rights))
