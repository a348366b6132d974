"""Formex 4 consolidated acts (CONS.ACT) of EUR-Lex, the European Union's consolidations."""

import re

from lxml import etree

from laws.watch.compare import LATIN
from laws.watch.parts import Identity, Part, Parts, date_of
from laws.watch.safe_xml import lines, name_of, text_of

# Points and articles inserted later carry a letter in English and a Latin word in French:
# (ba) is b bis), Article 75c is Article 75 quater.
LETTERS = dict(zip(LATIN, "abcdefghijklmnopqrs", strict=True))
LATER = rf"(?:\s+({'|'.join(LATIN)}))?"
NUMBER = re.compile(rf"\W*(\w+){LATER}\W*", re.IGNORECASE)
TITLE = re.compile(rf"\D*(\d\w*){LATER}\W*", re.IGNORECASE)

BLOCKS = {"ARTICLE", "TI.ART", "STI.ART", "PARAG", "ALINEA", "P", "NP", "ITEM", "ROW", "TITLE"}
NOT_WORDING = {"NOTE", "TI.ART"}
NOT_OURS = {"QUOT.S", "NOTE"}  # text quoted from another act, footnotes


def identity(root):
    """The act, language and day of a consolidation, from its metadata: an `Identity`."""
    info = root.find("INFO.CONSLEG")
    info = info.attrib if info is not None else {}
    celex = text_of(root.find("CONS.DOC/FAM.COMP/BIB.DATA/NO.CELEX"))
    if not celex and info.get("CONSLEG.REF"):
        celex = f"3{info['CONSLEG.REF']}"
    # START.DATE is the day from which the act reads so; CONSLEG.DATE, when it was produced.
    day = date_of(info.get("START.DATE"))
    language = text_of(root.find("CONS.DOC/BIB.INSTANCE/LG.DOC")).lower()
    return Identity(
        celex=celex,
        language=language,
        consolidated_on=day,
        source=address(celex, language, day) if celex and day else "",
    )


def address(celex, language, day):
    """The page of a consolidation, by its dated CELEX number."""
    number = f"0{celex[1:]}-{day:%Y%m%d}"
    return f"https://eur-lex.europa.eu/legal-content/{language.upper()}/TXT/?uri=CELEX:{number}"


def parts(root):
    """The articles of a consolidation, their paragraphs and their points, in order.

    They are known as the Union's texts are cited, after the English numbering and whatever the
    language: "75c", "50(4)", "5(1)(ba)". What the publication marks as deleted is left out,
    though the file still holds its words.
    """
    changed, known = changed_in_this_version(root), identity(root)
    remove_deleted(root)

    def part(identifier, label, element):
        return Part(
            identifier=identifier,
            label=label,
            text=lines(
                element,
                blocks=BLOCKS,
                numbers={"NO.PARAG", "NO.P"},
                skip=lambda node: name_of(node) in NOT_WORDING,
                lead=quotation_mark,
            ),
            starts_on=known.consolidated_on if element in changed else None,
            source=known.source,
        )

    def below(identifier, element):
        """The numbered parts inside an element, each followed by its own."""
        for numbered, mark in children(element):
            label = text_of(numbered.find(mark))
            if number := number_of(label):
                inner = f"{identifier}({number})"
                yield part(inner, label, numbered)
                yield from below(inner, numbered)

    found = Parts()
    for article in articles(root):
        title = text_of(article.find("TI.ART"))
        number = article.get("IDENTIFIER", "").lstrip("0").lower() or number_of(title, TITLE)
        if number:
            found.add(part(number, title, article))
            found.extend(below(number, article))
    return found


def articles(root):
    return [
        article
        for article in root.iterfind("CONS.DOC//ARTICLE")
        if not any(name_of(parent) in NOT_OURS for parent in article.iterancestors())
    ]


def children(element):
    """The paragraphs and points nearest below an element, with the tag of their number."""
    for child in element:
        name = name_of(child)
        if name == "PARAG":
            yield child, "NO.PARAG"
        elif name == "NP":
            yield child, "NO.P"
        elif name and name not in NOT_OURS:
            yield from children(child)


def number_of(label, pattern=NUMBER):
    """The number in a label as English writes it, or nothing: "b bis)" is "ba", "1." is "1"."""
    match = pattern.fullmatch(label)
    if not match:
        return ""
    number, latin = match.groups()
    return number.lower() + LETTERS.get((latin or "").lower(), "")


def quotation_mark(node):
    """The mark that an element stands for: the file gives its code point."""
    if name_of(node) not in ("QUOT.START", "QUOT.END"):
        return ""
    code = node.get("CODE", "")
    return chr(int(code, 16)) if re.fullmatch(r"[0-9A-Fa-f]{4}", code) else '"'


def is_mark(node, target):
    """Whether a node opens (CLG.MDFO) or closes (CLG.MDFC) a modification."""
    return node.tag is etree.PI and node.target == target


def remove_deleted(root):
    """Takes out what stands between the marks of a deletion, where they are side by side."""
    for opening in [node for node in root.iter(etree.PI) if is_mark(node, "CLG.MDFO")]:
        if opening.get("ACTION") != "DELETED":
            continue
        between = []
        for node in opening.itersiblings():
            if is_mark(node, "CLG.MDFC") and node.get("IDREF") == opening.get("ID"):
                opening.tail = None
                for deleted in between:
                    opening.getparent().remove(deleted)
                break
            between.append(node)


def changed_in_this_version(root):
    """The elements that hold, or stand in, a modification made in this very consolidation.

    A mark's identifier starts with the consolidation that made it, as in PROD.SEQ: O001001M… for
    "001.001.0". The marks of earlier consolidations stay in the file and say nothing of its day.
    """
    info = root.find("INFO.CONSLEG")
    sequence = info.get("PROD.SEQ", "") if info is not None else ""
    ours = "O" + "".join(sequence.split(".")[:2]) + "M"
    changed, open_marks = set(), set()
    for node in root.iter():
        if is_mark(node, "CLG.MDFO") and node.get("ID", "").startswith(ours):
            open_marks.add(node.get("ID"))
            changed.update(node.iterancestors())
        elif is_mark(node, "CLG.MDFC"):
            open_marks.discard(node.get("IDREF"))
        elif open_marks:
            changed.add(node)
    return changed
