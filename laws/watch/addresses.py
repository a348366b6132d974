"""An act -> its newest consolidation in force, as bytes of XML.

Both publishers say which consolidations there are in a public SPARQL endpoint, and serve each at
an address made of its ELI or CELEX number:

- Legilux: every `jolux:Consolidation` that `isMemberOf` the act's ELI has a `dateApplicability`
  and a dated ELI, whose XML is at {dated ELI}/{language}/xml. The same names stand in the metadata
  of its files.
- EUR-Lex: the Publications Office's Cellar knows the acts that consolidate an act by CELEX, and
  serves {dated CELEX} in Formex 4 by content negotiation, as a ZIP. The relation also links acts
  that the act amends, so that only a CELEX made from the act's own counts.
"""

import datetime
import io
import json
import re
import zipfile
import zlib
from urllib.parse import quote, urlencode

from kb_site.editorial.clock import today
from laws.models import LegalAct
from laws.watch.fetch import FetchError, Response
from laws.watch.parts import date_of
from laws.watch.safe_xml import MAX_BYTES

LEGILUX = "https://data.legilux.public.lu"
LEGILUX_SPARQL = f"{LEGILUX}/sparqlendpoint"
CELLAR = "https://publications.europa.eu/resource/celex"
CELLAR_SPARQL = "https://publications.europa.eu/webapi/rdf/sparql"

LEGILUX_QUERY = """\
PREFIX jolux: <http://data.legilux.public.lu/resource/ontology/jolux#>
SELECT DISTINCT ?consolidation ?day WHERE {{
  ?consolidation a jolux:Consolidation ;
    jolux:isMemberOf <{eli}> ;
    jolux:dateApplicability ?day .
}}"""
CELLAR_QUERY = """\
PREFIX cdm: <http://publications.europa.eu/ontology/cdm#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
SELECT DISTINCT ?consolidation WHERE {{
  ?act owl:sameAs <http://publications.europa.eu/resource/celex/{celex}> .
  ?consolidated cdm:act_consolidated_consolidates_resource_legal ?act ;
    cdm:resource_legal_id_celex ?consolidation .
}}"""

# What reading a broken or encrypted ZIP raises.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)

# ISO 639-2 codes, as Cellar names languages.
CELLAR_LANGUAGES = {"fr": "fra", "en": "eng", "de": "deu", "pt": "por"}


def languages_of(act):
    """The languages to read an act in: its authentic ones, French when none is recorded."""
    return act.authentic_languages or ["fr"]


def newest(fetcher, act):
    """What the act's newest consolidation applicable today is fetched by: a dated ELI or CELEX.

    Returns "" when it has none, as for an act never amended, or that has neither identifier.
    Raises `FetchError`.
    """
    found = _consolidations(fetcher, act)
    applicable = {day: address for day, address in found.items() if day <= today()}
    return applicable[max(applicable)] if applicable else ""


def fetch(fetcher, address, language, **conditions):
    """The `Response` with the XML of a consolidation, by its dated ELI or CELEX.

    `conditions` are the etag and last_modified of the last time. Raises `FetchError`.
    """
    if "/eli/" in address:
        where = f"{LEGILUX}/eli/{address.partition('/eli/')[2]}/{language}/xml"
        return fetcher.get(where, "application/xml", **conditions)
    response = fetcher.get(
        f"{CELLAR}/{quote(address)}",
        "application/zip;mtype=fmx4, application/xml;mtype=fmx4;q=0.9",
        language=CELLAR_LANGUAGES.get(language, language),
        types=("zip", "xml"),
        **conditions,
    )
    if response.data is None or not response.data.startswith(b"PK"):
        return response
    return Response(unpacked(response.data, address), response.etag, response.last_modified)


def unpacked(data, name, max_bytes=MAX_BYTES):
    """The consolidated act in a ZIP of Formex files, which also holds its description.

    Raises `FetchError` when there is not exactly one, or they are bigger than `max_bytes`.
    """
    acts, left = [], max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for member in package.namelist():
                if not member.lower().endswith(".xml"):
                    continue
                with package.open(member) as file:
                    text = file.read(left + 1)
                left -= len(text)
                if left < 0:
                    raise FetchError(
                        f"{name}: its ZIP file holds over {max_bytes} bytes, more than any act. It "
                        "was not read: look at it on EUR-Lex."
                    )
                if b"<CONS.ACT" in text[:2000]:
                    acts.append(text)
    except DAMAGED as error:
        raise FetchError(
            f"{name}: its ZIP file is damaged ({error}). Run the watch again."
        ) from error
    if len(acts) != 1:
        raise FetchError(
            f"{name}: its ZIP file holds {len(acts)} consolidated acts in Formex 4, not one. Look "
            "at it on EUR-Lex."
        )
    return acts[0]


def _consolidations(fetcher, act):
    """{day: dated ELI or CELEX} of every consolidation of an act."""
    if act.jurisdiction == LegalAct.Jurisdiction.LUXEMBOURG and act.eli:
        rows = _ask(fetcher, LEGILUX_SPARQL, LEGILUX_QUERY.format(eli=_safe(act.eli)))
        found = {date_of(row.get("day", "")[:10]): row["consolidation"] for row in rows}
    elif act.jurisdiction == LegalAct.Jurisdiction.EUROPEAN_UNION and act.celex:
        rows = _ask(fetcher, CELLAR_SPARQL, CELLAR_QUERY.format(celex=_safe(act.celex)))
        ours = re.compile(rf"0{re.escape(act.celex[1:])}-(\d{{8}})")
        matches = [ours.fullmatch(row["consolidation"]) for row in rows]
        found = {date_of(match[1]): match[0] for match in matches if match}
    else:
        found = {}
    return {day: address for day, address in found.items() if isinstance(day, datetime.date)}


def _safe(identifier):
    """An identifier for a query; raises `FetchError` for what could end it early."""
    if not re.fullmatch(r"[A-Za-z0-9:/._()%-]+", identifier):
        raise FetchError(f"{identifier}: this ELI or CELEX number holds signs that none has.")
    return identifier


def _ask(fetcher, endpoint, query):
    """The rows of a SPARQL query as {variable: text}."""
    response = fetcher.get(
        f"{endpoint}?{urlencode({'query': query})}",
        "application/sparql-results+json",
        types=("json",),
    )
    try:
        rows = json.loads(response.data)["results"]["bindings"]
        return [{name: cell["value"] for name, cell in row.items()} for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(f"{endpoint}: its answer is no list of results ({error!r}).") from error
