"""Reads XML that anybody may have written: no DTD, no entity, no network, no endless nesting."""

import re

from lxml import etree

# The largest act read so far, the Criminal Code, is 1.7 MB.
MAX_BYTES = 40 * 1024 * 1024


class UnreadableError(Exception):
    """A publication cannot be read. The message names it and says what to do."""


def parse(data, name):
    """The root element of the XML in `data` (bytes); `name` is for messages.

    Raises `UnreadableError` when it is too big, malformed, or declares a document type: with a
    DTD come entities, which can name files of this machine or grow without end, and no
    publication read here has one.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError(
            f"{name}: it is over {MAX_BYTES // 1024**2} MB, more than any act. It was not read: "
            "check where it comes from."
        )
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableError(
            f"{name}: it is not well-formed XML ({error}). It may be cut off: fetch it again from "
            "its publisher."
        ) from error
    document_type = root.getroottree().docinfo
    if document_type.internalDTD is not None or document_type.doctype:
        raise UnreadableError(
            f"{name}: it declares a document type (DTD), as hostile files do and official ones do "
            "not. It was not read: fetch it again from legilux.public.lu or eur-lex.europa.eu."
        )
    return root


def lines(element, *, blocks, numbers, skip, lead=lambda node: ""):
    """An element's text, a line for each block.

    `blocks` are the tags that start a line; `numbers` those whose text stands before the text
    that follows ("1.", "(a)"); `skip(node)` tells what is not part of the wording; `lead(node)`
    gives what stands before a node's own text. Tags are given without namespace.
    """

    def pieces(node):
        tag = name_of(node)
        if not tag or skip(node):
            return
        if tag in blocks:
            yield "\n"
        yield lead(node)
        yield node.text or ""
        for child in node:
            yield from pieces(child)
            yield child.tail or ""
        if tag in numbers:
            yield "\t"
        elif tag in blocks:
            yield "\n"

    # Line breaks of the file mean nothing; those of the blocks are put back after.
    text = "".join(piece if piece in ("\n", "\t") else spaced(piece) for piece in pieces(element))
    rows = re.sub(r"\t\s*", " ", text).split("\n")
    return "\n".join(row for row in (" ".join(row.split()) for row in rows) if row)


def spaced(text):
    """The same text with every run of white space made one space, kept at its ends."""
    return f"{' ' if text[:1].isspace() else ''}{' '.join(text.split())}" + (
        " " if text.strip() and text[-1].isspace() else ""
    )


def name_of(node):
    """A node's tag without its namespace; nothing for comments and processing instructions."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def text_of(node):
    """All the text of an element on one line; nothing for no element."""
    return " ".join("".join(node.itertext()).split()) if node is not None else ""
