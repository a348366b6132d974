"""Run inside Wagtail's start project: a page with the text that lies in body.html."""

import subprocess
import sys
from pathlib import Path

models = Path("home/models.py")
models.write_text(
    "from django.db import models\n"
    "from wagtail.admin.panels import FieldPanel\n"
    "from wagtail.fields import RichTextField\n"
    "from wagtail.models import Page\n\n\n"
    "class HomePage(Page):\n"
    "    body = RichTextField(blank=True)\n"
    "    content_panels = [*Page.content_panels, FieldPanel('body')]\n"
)
Path("home/templates/home/home_page.html").write_text(
    "{% extends 'base.html' %}{% load wagtailcore_tags %}\n"
    "{% block content %}<h1>{{ page.title }}</h1>{{ page.body|richtext }}\n"
    "<ul>{% for other in page.get_siblings.live %}"
    '<li><a href="{% pageurl other %}">{{ other.title }}</a></li>{% endfor %}</ul>'
    "{% endblock content %}\n"
)
for command in (["makemigrations", "home"], ["migrate"]):
    subprocess.run([sys.executable, "manage.py", *command], check=True)

import django  # noqa: E402

django.setup()

from home.models import HomePage  # noqa: E402
from wagtail.models import Page  # noqa: E402

home = Page.objects.get(slug="home")
body = Path("body.html").read_text()
for slug in ("question", "other", "third"):
    home.add_child(instance=HomePage(title=slug.title(), slug=slug, body=body))
