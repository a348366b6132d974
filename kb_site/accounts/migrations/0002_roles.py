from django.core.management import call_command
from django.db import migrations

from kb_site.accounts import roles


def make_cache_table(apps, schema_editor):
    # A table that is there already is left alone.
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


def make_roles(apps, schema_editor):
    # As after each `migrate`: the groups follow `roles.py`, not the state of a migration.
    roles.give_rights(using=schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
