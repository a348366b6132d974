import ast
import re
from pathlib import Path

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.template import templatize

from kb_site.languages import LANGUAGES
from kb_site.markdown import spaces

# In templates, after Django's own `templatize` has turned tags into calls of gettext.
_CALL = re.compile(
    r"\b(?P<function>p?n?gettext|_)\(\s*(?P<args>u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|"
    r"'''.*?'''|\"\"\".*?\"\"\")(?:\s*,\s*u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|"
    r"'''.*?'''|\"\"\".*?\"\"\"))*)",
    re.DOTALL,
)
_STRING = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}


def set_well(message, language):
    """Returns a message with the spaces that its language does not break, outside HTML's tags."""
    pieces = re.split(r"(<[^>]*>)", message)
    return "".join(p if p.startswith("<") else spaces(p, language) for p in pieces)


class Command(BaseCommand):
    help = (
        "Messages of the interface, without a system gettext: `update` writes the .po files from "
        "the sources, `check` fails where one is incomplete, `compile` makes the .mo files."
    )

    def add_arguments(self, parser):
        parser.add_argument("action", choices=["update", "check", "compile"])

    def handle(self, *args, action, verbosity, **options):
        self.verbosity = verbosity
        getattr(self, f"{action}_messages")()

    def compile_messages(self):
        for language, path in self.files():
            catalog = polib.pofile(str(path))
            for entry in catalog:
                entry.msgstr = set_well(entry.msgstr, language)
                for form, text in entry.msgstr_plural.items():
                    entry.msgstr_plural[form] = set_well(text, language)
            compiled, messages = path.with_suffix(".mo"), catalog.to_binary()
            # In production the code belongs to somebody else, who has compiled them.
            if not compiled.exists() or compiled.read_bytes() != messages:
                compiled.write_bytes(messages)
            if self.verbosity:
                self.stdout.write(f"{language}: compiled.")

    def update_messages(self):
        messages = self.messages()
        for language, path in self.files():
            catalog = polib.pofile(str(path)) if path.exists() else self.new_catalog(language)
            known = {entry.msgid: entry for entry in catalog}
            for entry in list(catalog):
                if entry.msgid not in messages:
                    catalog.remove(entry)
            for msgid, plural in messages.items():
                entry = known.get(msgid)
                if entry is None:
                    entry = polib.POEntry(msgid=msgid)
                    catalog.append(entry)
                if plural and not entry.msgid_plural:
                    entry.msgid_plural = plural
                    entry.msgstr_plural = {0: "", 1: ""}
                if language == "en":
                    self.fill_english(entry)
                if "%(" in msgid and "python-format" not in entry.flags:
                    entry.flags.append("python-format")
            catalog.sort(key=lambda entry: entry.msgid.casefold())
            path.parent.mkdir(parents=True, exist_ok=True)
            catalog.save(str(path))
            self.stdout.write(f"{language}: {len(catalog.untranslated_entries())} to translate.")

    def check_messages(self):
        problems = []
        messages = self.messages()
        for language, path in self.files():
            catalog = polib.pofile(str(path)) if path.exists() else []
            known = {entry.msgid: entry for entry in catalog}
            problems += [f"{language}: missing: {m!r}" for m in messages if m not in known]
            for msgid, entry in known.items():
                if msgid not in messages:
                    problems.append(f"{language}: no longer used: {msgid!r}")
                elif not entry.translated() or entry.fuzzy:
                    problems.append(f"{language}: not translated: {msgid!r}")
                elif wrong := self.wrong_placeholders(entry):
                    problems.append(f"{language}: placeholders differ: {msgid!r}: {wrong}")
        if problems:
            raise CommandError(
                "\n".join(problems) + "\nRun `manage.py translations update`, then fill the .po "
                "files in locale/."
            )
        if self.verbosity:
            self.stdout.write(f"{len(messages)} messages, complete in every language.")

    def files(self):
        for language in LANGUAGES:
            yield language, Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"

    def new_catalog(self, language):
        catalog = polib.POFile(wrapwidth=98)
        plural = "n > 1" if language == "fr" else "n != 1"
        catalog.metadata = {
            "Language": language,
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Transfer-Encoding": "8bit",
            "Plural-Forms": f"nplurals=2; plural=({plural});",
        }
        return catalog

    def fill_english(self, entry):
        # The sources are in English.
        if entry.msgid_plural:
            entry.msgstr_plural = {0: entry.msgid, 1: entry.msgid_plural}
        else:
            entry.msgstr = entry.msgid

    def wrong_placeholders(self, entry):
        def names(text):
            return set(re.findall(r"%\((\w+)\)", text))

        expected = names(entry.msgid) | names(entry.msgid_plural)
        for text in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            if names(text) - expected or (not entry.msgid_plural and names(text) != expected):
                return text
        return None

    def messages(self):
        """Returns every message of our sources, with its plural or None."""
        # Babel is a development dependency: only `update` and `check` need it.
        from babel.messages.extract import extract_from_file

        root = settings.BASE_DIR
        found = {}
        for folder in ("kb_site", "laws", "articles"):
            for path in sorted((root / folder).rglob("*.py")):
                if "migrations" in path.parts:
                    continue
                for _line, message, _comments, _context in extract_from_file(
                    "python", path, keywords=_KEYWORDS
                ):
                    singular, plural = message if isinstance(message, tuple) else (message, None)
                    found[singular] = plural
        for path in sorted((root / "templates").rglob("*.html")):
            for call in _CALL.finditer(templatize(path.read_text(encoding="utf-8"))):
                strings = [_unquote(s) for s in _STRING.findall(call["args"])]
                plural = strings[1] if "ngettext" in call["function"] and len(strings) > 1 else None
                found[strings[0]] = plural
        found.pop("", None)
        return found


def _unquote(literal):
    return ast.literal_eval(literal)
