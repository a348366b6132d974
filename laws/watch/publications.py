"""A file of a publication -> what it says: a `Consolidation`."""

import hashlib
import re
from dataclasses import dataclass, replace

from laws.watch import akoma_ntoso, formex
from laws.watch.parts import Identity, Parts, date_of
from laws.watch.safe_xml import UnreadableError, name_of, parse

FORMATS = {"akomaNtoso": akoma_ntoso, "CONS.ACT": formex}


@dataclass(frozen=True)
class Consolidation:
    """An act as it reads on a day, in one language.

    `digest` is the SHA-256 of the file; `parts` the articles and what they are made of, by
    identifier.
    """

    name: str
    identity: Identity
    digest: str
    parts: Parts

    @property
    def articles(self):
        """How many articles it holds."""
        return sum("(" not in identifier for identifier in self.parts)


def identify(data, name):
    """The `Identity` of the publication in `data` (bytes); `name` is its file name.

    Raises `UnreadableError` for anything but a consolidated act whose act, language and day are
    known.
    """
    return _identity(parse(data, name), name)


def read(data, name):
    """The `Consolidation` in `data` (bytes). Raises `UnreadableError`, naming the file."""
    root = parse(data, name)
    identity = _identity(root, name)
    parts = _format(root, name).parts(root)
    if not parts:
        raise UnreadableError(
            f"{name}: no article was found in it. Nothing was changed: look whether it is the "
            "whole act, and whether its publisher has changed how it writes articles."
        )
    return Consolidation(name, identity, hashlib.sha256(data).hexdigest(), parts)


def _format(root, name):
    try:
        return FORMATS[name_of(root)]
    except KeyError:
        raise UnreadableError(
            f"{name}: it starts with <{name_of(root)}>, which is neither Akoma Ntoso (Legilux) nor "
            "a consolidated act in Formex 4 (EUR-Lex). Take it out of the folder, or save the XML "
            "of the consolidated text in its place."
        ) from None


def _identity(root, name):
    identity = _with_name(_format(root, name).identity(root), name)
    missing = [
        what
        for what, known in [
            ("the act (ELI or CELEX)", identity.elis or identity.celex),
            ("the language", identity.language),
            ("the day of the consolidation", identity.consolidated_on),
        ]
        if not known
    ]
    if missing:
        raise UnreadableError(
            f"{name}: it does not say {' nor '.join(missing)}. Fetch it again from its publisher."
        )
    return identity


def _with_name(identity, name):
    """What the metadata lack, from a file name such as code-penal-2023-08-22.fr.xml."""
    if not identity.language and (match := re.search(r"[.-]([a-z]{2})[.-]", name)):
        identity = replace(identity, language=match[1])
    if not identity.consolidated_on:
        match = re.search(r"(?<!\d)(\d{4}-?\d{2}-?\d{2})(?!\d)", name)
        identity = replace(identity, consolidated_on=date_of(match[1]) if match else None)
    return identity
