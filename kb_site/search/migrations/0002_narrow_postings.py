import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Numbers in the place of terms, and texts apart. The index is derived: it is built anew."""

    dependencies = [("search", "0001_initial")]

    operations = [
        migrations.DeleteModel(name="Posting"),
        migrations.DeleteModel(name="IndexedTerm"),
        migrations.DeleteModel(name="IndexedDocument"),
        migrations.CreateModel(
            name="IndexedDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=120)),
                ("language", models.CharField(max_length=8)),
                ("sequence", models.TextField(blank=True)),
                ("title_end", models.PositiveIntegerField(default=0)),
                ("links", models.TextField(blank=True)),
                ("fingerprint", models.CharField(blank=True, max_length=16)),
                ("facet", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="search.indexedfacet")),
            ],
            options={
                "verbose_name": "indexed document",
                "constraints": [models.UniqueConstraint(fields=("key", "language"), name="search_document_once")],
            },
        ),
        migrations.CreateModel(
            name="IndexedText",
            fields=[
                ("document", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="shown", serialize=False, to="search.indexeddocument")),
                ("title", models.TextField(blank=True)),
                ("url", models.TextField(blank=True)),
                ("text", models.TextField(blank=True)),
                ("words", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="TermCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("term", models.BigIntegerField()),
                ("documents", models.IntegerField()),
            ],
            options={
                "verbose_name": "indexed term",
                "indexes": [models.Index(fields=["term", "documents"], name="search_termcount_by_term")],
            },
        ),
        migrations.CreateModel(
            name="WordCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(max_length=8)),
                ("word", models.CharField(max_length=40)),
                ("documents", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("pk", models.CompositePrimaryKey("term", "weight", "document", "facet", blank=True, editable=False, primary_key=True, serialize=False)),
                ("term", models.BigIntegerField()),
                ("document", models.IntegerField(db_index=True)),
                ("facet", models.IntegerField()),
                ("weight", models.FloatField()),
            ],
            options={"verbose_name": "posting"},
        ),
    ]
