"""Akoma Ntoso 3 with Legilux's own metadata (JOLux): consolidations of Luxembourg acts."""

import datetime
import re

from laws.watch.compare import LATIN
from laws.watch.parts import Identity, Part, Parts, date_of
from laws.watch.safe_xml import lines, name_of, text_of

SCL = "{http://www.scl.lu}"
# The day Legilux loaded its first consolidations: it says nothing of when a wording started.
LOADED_ON = datetime.date(2017, 9, 5)

# What the line breaks around <sup> and <i> tear apart: "1 er", "383 bis", "(1 )", "375 ."
TORN = re.compile(rf"(?<=\d) (?=(?:er|re|e|{'|'.join(LATIN)})\b)|(?<=\() | (?=[).,])")

LANGUAGES = {"FRA": "fr", "DEU": "de", "LTZ": "lb", "ENG": "en", "POR": "pt"}
BLOCKS = {"article", "paragraph", "alinea", "heading", "p", "li", "ol", "ul", "tr"}
NOT_WORDING = {"JOLUXWork", "indexterms", "noteRef", "authorialNote", "eop"}
# "(L. 7 août 2023)", "(Arr. g.-d. 1er août 2001)": the consolidator's note of what amended it.
AMENDED_BY = re.compile(r"\(\s*(?:L\.|Arr\. g\.-d\.|R[èe]gl?\. g\.-d\.)[^()]*?\d{4}\s*\)")


def identity(root):
    """The act, language and day of a consolidation, from its metadata: an `Identity`."""
    meta = root.find(".//{*}meta")
    if meta is None:
        return Identity()
    resource = jolux(meta.find(".//{*}JOLUXLegalResource"))
    work = jolux(meta.find(".//{*}JOLUXComplexWork"))
    expression = jolux(meta.find(".//{*}JOLUXExpression"))
    day = date_of(resource.get("dateApplicability")) or dated(resource.get("uriThis", ""))
    return Identity(
        elis=tuple(filter(None, [resource.get("isMemberOf"), work.get("uriThis")])),
        language=LANGUAGES.get(expression.get("language", "").rpartition("/")[2], ""),
        consolidated_on=day,
        source=resource.get("uriThis", ""),
    )


def parts(root):
    """The articles of a consolidation and their numbered paragraphs, in order.

    An article is known by its number in small letters ("383bis", "442-1"), a paragraph by its
    number behind it ("80(1)"). Articles printed as a group ("Art. 41 à 43") stand under each of
    their numbers, unless the number has an article of its own.
    """
    found, groups = Parts(), []
    for article in root.iter("{*}article"):
        resource = jolux(article.find(".//{*}JOLUXLegalResource"))
        members = [numbered(i) for i in article.get(f"{SCL}ids", "").split(";") if i.strip()]
        part = Part(
            identifier=numbered(article.get("id", "")),
            label=text_of(article.find("{*}num")),
            text=wording(article),
            starts_on=start(resource),
            source=resource.get("uriThis", ""),
        )
        if len(members) > 1:
            groups.extend(part.renamed(member) for member in members)
        elif part.identifier:
            found.add(part)
            found.extend(paragraphs(article, part))
    for part in groups:
        found.setdefault(part.identifier, part)
    return found


def paragraphs(article, whole):
    for paragraph in article.iterchildren("{*}paragraph"):
        label = text_of(paragraph.find("{*}num"))
        if number := re.sub(r"\W", "", label).lower():
            yield whole.part_of(f"({number})", label=label, text=wording(paragraph))


def numbered(identifier):
    """An article's number, from its identifier in the file: "art_383bis", "art_1er"."""
    number = identifier.strip().lower().removeprefix("art_").replace(" ", "")
    return "1" if number == "1er" else number


def start(resource):
    """The day an article's dated ELI gives, unless it is only the day it was loaded."""
    day = dated(resource.get("uriThis", "")) or date_of(resource.get("dateApplicability"))
    return None if day == LOADED_ON else day


def dated(eli):
    """The day at the end of a dated ELI, or None: …/code/penal/art_383bis/20230822."""
    return date_of(eli.rpartition("/")[2])


def jolux(element):
    """The JOLux properties of an element as {name: text}; the first wins."""
    found = {}
    for child in element.iterchildren(f"{SCL}jolux") if element is not None else ():
        found.setdefault(child.get(f"{SCL}name"), text_of(child))
    return found


def wording(element):
    """The text of an article or paragraph, without its title and the consolidator's notes."""

    def skip(node):
        title = name_of(node) == "num" and name_of(node.getparent()) == "article"
        return title or name_of(node) in NOT_WORDING

    text = lines(element, blocks=BLOCKS, numbers={"num"}, skip=skip, lead=list_mark)
    rows = (TORN.sub("", " ".join(row.split())) for row in AMENDED_BY.sub(" ", text).split("\n"))
    return "\n".join(row for row in rows if row)


def list_mark(node):
    """The mark before a list item, which the file gives for the whole list: "2° ", "b) ", "– "."""
    if name_of(node) != "li":
        return ""
    symbol, items = node.get(f"{SCL}symbol"), node.getparent()
    if symbol is None:
        symbol = attribute(items, "symbol")
        position = int(attribute(items, "start") or 1) + len(
            list(node.itersiblings("{*}li", preceding=True))
        )
        if symbol[:1] == "1":
            symbol = f"{position}{symbol[1:]}"
        elif symbol[:1] == "a":
            symbol = f"{letter(position)}{symbol[1:]}"
    return {"dash": "– ", "none": "", "custom": "", "": ""}.get(symbol, f"{symbol} ")


def attribute(node, name):
    return node.get(f"{SCL}{name}", "")


def letter(position):
    return chr(ord("a") + (position - 1) % 26)
