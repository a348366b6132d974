"""The sources of an answer, numbered as they are first cited."""

from itertools import chain

from articles.models import Statement


def number(claims):
    """Numbers the provisions and statements that claims cite, each once, in order.

    Takes claims with what they cite. Sets `sources` on each: its (number, record) pairs. Returns
    the pairs of all, from 1 on; `is_statement` on a record tells the two kinds apart.
    """
    numbers = {}
    for claim in claims:
        claim.sources = []
        for record in chain(claim.provisions.all(), claim.statements.all()):
            record.is_statement = isinstance(record, Statement)
            found = numbers.setdefault(
                (record.is_statement, record.reference), (len(numbers) + 1, record)
            )
            claim.sources.append((found[0], record))
    return list(numbers.values())
