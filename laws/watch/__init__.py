"""The law watch: reads official consolidated texts and compares them with what the site records.

    safe_xml.py       bytes -> a tree, safely
    parts.py          what every format gives
    akoma_ntoso.py    Legilux: articles and their paragraphs
    formex.py         EUR-Lex: articles, paragraphs and points
    publications.py   a file of either kind -> a `Consolidation`
    compare.py        whether two texts say the same, and which words differ
    record.py         a `Consolidation` -> the database, and the review tasks it opens
    fetch.py          one address -> bytes, patiently and within limits
    addresses.py      an act -> the address of its newest consolidation

Consolidated texts are documentary: the authentic text is the one of the Mémorial and of the
Official Journal. They tell an editor what to read again; they change no record by themselves.
"""
