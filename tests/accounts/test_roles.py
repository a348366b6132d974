"""The rights of the three roles, in new and old databases."""

from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from kb_site.accounts.models import AuditEvent
from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER, ROLES, give_rights

pytestmark = pytest.mark.django_db


def rights():
    """{role: {app.codename}}."""
    return {
        group.name: {
            f"{right.content_type.app_label}.{right.codename}"
            for right in group.permissions.select_related("content_type")
        }
        for group in Group.objects.filter(name__in=ROLES)
    }


def test_what_the_roles_hold():
    roles = rights()
    assert roles[EDITOR] < roles[REVIEWER] < roles[ADMINISTRATOR]
    for action in ("add", "change", "view"):
        assert f"articles.{action}_question" in roles[EDITOR]
        assert f"laws.{action}_provisionversion" in roles[EDITOR]
    deletes = {right for right in roles[REVIEWER] if ".delete_" in right}
    assert deletes == {"articles.delete_claim", "laws.delete_penalty"}
    extra = {"editorial.publish_record", "editorial.close_reviewtask"}
    assert not extra & roles[EDITOR]
    assert extra < roles[REVIEWER]
    assert "search.view_synonymgroup" in roles[REVIEWER]
    assert not {right for right in roles[REVIEWER] if right.startswith(("auth.", "accounts."))}
    assert {"laws.delete_legalact", "search.add_synonymgroup"} <= roles[ADMINISTRATOR]
    assert {"auth.change_user", "accounts.view_auditevent"} <= roles[ADMINISTRATOR]
    assert not {"auth.delete_user", "accounts.add_auditevent"} & roles[ADMINISTRATOR]


def test_migrating_again_changes_nothing():
    before = rights()
    events = AuditEvent.objects.count()
    for _ in range(2):
        call_command("migrate", verbosity=0)
    assert rights() == before
    assert AuditEvent.objects.count() == events


def test_a_role_that_was_changed_by_hand_is_put_right():
    before = rights()
    editors = Group.objects.get(name=EDITOR)
    editors.permissions.clear()
    editors.permissions.add(Permission.objects.get(codename="delete_legalact"))
    Group.objects.get(name=REVIEWER).delete()
    give_rights()
    assert rights() == before


def test_rights_that_do_not_exist_yet_are_made():
    before = rights()
    Group.objects.all().delete()
    Permission.objects.all().delete()
    give_rights()
    assert rights() == before


def test_other_groups_are_left_alone():
    group = Group.objects.create(name="Guests")
    group.permissions.add(Permission.objects.get(codename="view_question"))
    give_rights()
    assert group.permissions.count() == 1


def test_the_migration_alone_makes_the_roles():
    before = rights()
    Group.objects.all().delete()
    Permission.objects.all().delete()
    migration = MigrationLoader(connection).get_migration("accounts", "0002_roles")
    for operation in migration.operations:
        operation.code(apps, SimpleNamespace(connection=connection))
    assert rights() == before
