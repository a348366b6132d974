"""Every page a reader can get, so that no test keeps a list of its own.

`pages` finds the pages of the real content: those of every public address, of a record of every
kind, and `MORE`. `states` makes those that the real content does not show: nothing published yet,
an answer being checked, an error. A page built tomorrow is found by itself, or a test says what to
add here.
"""

from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import NamedTuple
from unittest import mock

import time_machine
from django.apps import apps
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError, transaction
from django.http import Http404
from django.test import Client
from django.urls import LocalePrefixPattern, NoReverseMatch, get_resolver, resolve, reverse
from django.utils import timezone
from django.utils.translation import get_language, override

from articles.views import HomeView
from kb_site.editorial import history, previews
from kb_site.editorial.models import Record, Revision, Status
from kb_site.search import limits

LANGUAGES = [code for code, _name in settings.LANGUAGES]

# Not for readers: the desk, and the pages to sign in to it.
DESK = (settings.ADMIN_PATH, "accounts/")
ADMIN_URL = f"/{settings.ADMIN_PATH}"
# Namespaces for machines: none of their addresses is a page.
MACHINES = {"api", "graph"}
# Answers that are HTML and no page, but a part that a script puts into one: {name: what to ask}.
FRAGMENTS = {"search:suggest": "?q=image"}
# The record that stands for its kind, where the first one would show less.
RECORDS = {
    "question": "q-creation-offence",
    "provision": "lu-cp-383bis",
    "act": "lu-code-penal",
    "contact": "ct-police",
    "statement": "st-creation-is-offence",
}
# What an address that takes something is called with, for each name of one that is no record's:
# {name: function that returns the arguments of a page of it, as a dict}.
ARGUMENTS = {
    "editorial:preview": lambda: {"token": previews.token_of(sample("question"))},
    "citing:cite": lambda: {"reference": "st-creation-is-offence"},
    "citing:cite-point": lambda: {"reference": "q-school", "point": "1"},
    "citing:embed": lambda: {"reference": "ct-police"},
    "citing:file": lambda: {"reference": "q-school", "extension": "bib"},
    "citing:file-point": lambda: {"reference": "q-school", "point": "1", "extension": "ris"},
    "quoting:permalink": lambda: {"reference": "q-school"},
    "quoting:permalink-point": lambda: {"reference": "q-school", "point": "1"},
    "quoting:cite": lambda: {"reference": "q-school"},
    "quoting:cite-point": lambda: {"reference": "q-school", "point": "1"},
    "quoting:embed": lambda: {"reference": "q-school"},
}
# Other pages worth seeing: {name: (name of the address, what follows it, status)}.
MORE = {
    "search-results": ("search:search", "?q=image", 200),
    "search-filtered": ("search:search", "?q=image&kind=question", 200),
    "search-corrected": ("search:search", "?q=hypertrucgae", 200),
    "search-nothing": ("search:search", "?q=qwertyuiop", 200),
    "search-refused": ("search:search", "?q=%3F", 400),
    "questions-of-a-topic": ("articles:question-list", "?topic=tp-criminal-law", 200),
    "questions-page-2": ("articles:question-list", "?page=2", 200),
    "changes-of-a-record": ("editorial:change-list", "?record=question:q-school", 200),
    "report-of-a-record": ("reports:report", "question/q-school/", 200),
    "statements-refused": ("articles:statement-list", "?after=soon", 400),
    "a-revision": ("laws:act-list", "lu-code-penal/lu-cp-383bis/?rev=1", 200),
    "no-such-revision": ("laws:act-list", "lu-code-penal/lu-cp-383bis/?rev=9", 404),
    "embed-of-an-answer": ("home", "embed/q-school/", 200),
    "no-such-page": ("home", "no-such-page/", 404),
}


class Page(NamedTuple):
    name: str
    address: str
    status: int = 200

    def __str__(self):
        return f"{self.name} {self.address}"


def routes():
    """Yields (name, whether it takes arguments) of every public address that has a name."""

    def walk(resolver, namespaces, prefix):
        for pattern in resolver.url_patterns:
            route = prefix + (
                "" if isinstance(pattern.pattern, LocalePrefixPattern) else str(pattern.pattern)
            )
            if route.startswith(DESK) or getattr(pattern, "namespace", None) in MACHINES:
                continue
            if hasattr(pattern, "url_patterns"):
                inside = [pattern.namespace] if pattern.namespace else []
                yield from walk(pattern, [*namespaces, *inside], route)
            elif pattern.name:
                yield ":".join([*namespaces, pattern.name]), "<" in route or "(" in route

    yield from dict.fromkeys(walk(get_resolver(), [], ""))


def sample(kind):
    """The published record of a kind that stands for all; None where none is published."""
    published = history.kinds[kind].model.objects.published()
    reference = RECORDS.get(kind)
    return (published.filter(reference=reference) if reference else published).first()


def samples():
    """Yields (kind, record) for every kind of record that has a page of its own."""
    for name, kind in history.kinds.items():
        if not issubclass(kind.model, Record) or not hasattr(kind.model, "get_absolute_url"):
            continue
        record = sample(name)
        assert record, f"No {name} is published: RECORDS of tests/pages.py names one that is."
        yield name, record


@cache
def pages(language):
    """Returns every page of the real content in a language, each once.

    For tests that have changed nothing yet: what is found is found for the whole session.

    Raises `AssertionError` that says what to add here for an address nobody knows how to call.
    """
    with override(language):
        found = {}
        for kind, record in samples():
            address = record.get_absolute_url()
            name = resolve(address.partition("#")[0]).view_name
            if "#" not in address and name not in found:
                found[name] = Page(name, address)
                if "as-of" not in found and kind == "provision":
                    today = timezone.localdate().isoformat()
                    found["as-of"] = Page("as-of", f"{address}?as_of={today}")
                    found["as-of-never"] = Page("as-of-never", f"{address}?as_of=2000-01-01", 404)
                    found["as-of-wrong"] = Page("as-of-wrong", f"{address}?as_of=soon", 400)
        for name, takes_arguments in routes():
            if name in found or name in FRAGMENTS:
                continue
            known = name in ARGUMENTS or not takes_arguments
            assert known, f"Add what {name!r} takes to ARGUMENTS of tests/pages.py."
            arguments = ARGUMENTS[name]() if name in ARGUMENTS else {}
            try:
                address = reverse(name, kwargs=arguments)
            except NoReverseMatch as error:
                raise AssertionError(f"Add {name!r} to ARGUMENTS of tests/pages.py.") from error
            if is_page(address, as_it_stands):
                found[name] = Page(name, address)
        for name, (route, rest, status) in MORE.items():
            found[name] = Page(name, reverse(route) + rest, status)
        return list(found.values())


@cache
def as_it_stands(address):
    """Returns the answer to an address of the real content, which is asked once a session.

    For tests that only read: whoever has changed something asks by `get`.
    """
    response = get(address)
    response.context = None  # It would hold on to every record of every page.
    return response


def is_page(address, ask):
    """Whether an address answers with HTML: feeds, redirects and what asks for more do not."""
    if not address.startswith(f"/{get_language()}/"):
        return False
    response = ask(address)
    if response.status_code in (301, 302, 400, 405):
        return False
    assert response.status_code == 200, f"{address} answers {response.status_code}."
    return response["Content-Type"].startswith("text/html")


# What the real content does not show. Whatever is changed for it is rolled back.


def states(language):
    """Yields (name, response) of the pages that need a state of their own."""
    with override(language):
        for make in (
            nothing_published,
            answered,
            withdrawn,
            being_checked,
            left_behind,
            errors,
            too_much,
            too_late,
        ):
            with transaction.atomic():
                yield from make()
                transaction.set_rollback(True)


def get(address, method="get", data=None):
    """Returns the answer, whatever it is. A request leaves its own language active: ours stays."""
    with override(get_language()):
        return getattr(Client(raise_request_exception=False), method)(address, data)


@contextmanager
def home(error):
    """The home page fails."""
    with mock.patch.object(HomeView, "get", side_effect=error), mock.patch("logging.Logger.error"):
        yield


def nothing_published():
    for kind in history.kinds.values():
        if issubclass(kind.model, Record):
            kind.model._base_manager.update(status=Status.DRAFT)
    Revision.objects.all().delete()
    for name, takes_arguments in routes():
        if not takes_arguments and name not in FRAGMENTS and is_page(reverse(name), get):
            yield f"empty-{name}", get(reverse(name))


def answered():
    situation = {"danger": "danger", "who": "minor", "what": ["image"], "needs": ["remove"]}
    yield "help-answered", get(reverse("articles:help"), "post", situation)
    yield "help-refused", get(reverse("articles:help"), "post", {"danger": "?"})


def changed(kind, **values):
    """Changes a record, as a save with a reason."""
    record = sample(kind)
    for name, value in values.items():
        setattr(record, name, value)
    with history.change(reason="An example of a reason."):
        record.save()
    return record


def withdrawn():
    question = changed("question", status=Status.WITHDRAWN)
    yield "withdrawn", get(question.get_absolute_url())
    yield "withdrawn-told", get(reverse("editorial:change-list"))
    yield "embed-gone", get(reverse("citing:embed", args=[question.reference]))
    question = apps.get_model("articles", "Question").objects.published().first()
    last = question.claims.last()
    with history.change(reason="An example of a reason."):
        last.delete()
    yield "point-gone", get(reverse("citing:cite-point", args=[question.reference, last.order]))


def being_checked():
    contact = changed("contact", phone="+352 000 000")
    claim = contact.claims.filter(question__status=Status.PUBLISHED).first()
    yield "being-checked", get(claim.question.get_absolute_url())
    yield "changed", get(reverse("editorial:change-list"))
    provision = sample("provision")
    version = provision.versions.last()
    version.applies_until = timezone.localdate() + timedelta(days=9)
    version.save()
    yield "law-about-to-change", get(provision.get_absolute_url())
    question = apps.get_model("articles", "Question").objects.published()
    question = question.filter(claims__provisions=provision).first()
    yield "answer-about-to-change", get(question.get_absolute_url())


def left_behind():
    with override("fr"):
        contact = changed("contact", summary_fr="Un autre résumé.")
    yield "left-behind-fr", get(contact.get_absolute_url())
    contact = changed("contact", summary_en="Another summary, not followed.")
    yield "left-behind", get(contact.get_absolute_url())


def errors():
    with home(RuntimeError("broken")):
        yield "error", get(reverse("home"))
    with home(OperationalError("gone")):
        yield "resting", get(reverse("home"))
    with home(BadRequest()):
        yield "bad-request", get(reverse("home"))
    with home(PermissionDenied()):
        yield "forbidden", get(reverse("home"))
    with home(Http404()):
        yield "not-found", get(reverse("home"))
    yield "wrong-method", get(reverse("home"), "post")


def too_much():
    with mock.patch.object(limits, "wait", return_value=30):
        yield "searched-too-often", get(reverse("search:search"), data={"q": "image"})
    yield "too-large", get(reverse("articles:help"), "post", {"text": "x" * 300_000})


def too_late():
    address = reverse("editorial:preview", args=[previews.token_of(sample("question"))])
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        yield "preview-expired", get(address)
