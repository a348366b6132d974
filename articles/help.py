"""Who to turn to and what to do in a situation. The rules are fields of contacts and of advice.

A situation is a set of `Case`s. What a reader leaves open is taken as what is safest to assume, or
stays open: then it excludes no contact, and no advice that asks for an answer is given.
"""

from articles.fields import QUESTIONS, Case, Need

# Nobody is sent to a service for adults, nor told what holds for adults only, on a guess.
ASSUMED = {"danger": Case.DANGER, "who": Case.MINOR, "what": Case.IMAGE}


def situation_of(answers):
    """Returns the cases that answers amount to.

    Takes {question: list of cases}, of the questions in `QUESTIONS`; an empty list, or none, says
    that the reader does not know or does not want to say.
    """
    cases = set()
    for question in QUESTIONS:
        chosen = answers.get(question) or []
        if not chosen and question in ASSUMED:
            chosen = [ASSUMED[question]]
        cases.update(chosen)
    return frozenset(cases)


def excludes(contact, cases):
    """Whether a contact does not deal with a situation.

    Where several answers to one question hold, one that the contact deals with is enough.
    """
    if Case.MINOR in cases and not contact.for_minors:
        return True
    if Case.ADULT in cases and not contact.for_adults:
        return True
    chosen = (cases.intersection(answers) for answers in QUESTIONS.values())
    return any(some and some.issubset(contact.excludes) for some in chosen)


def contacts_for(contacts, cases, needs=()):
    """Returns the contacts that deal with a situation and serve a need, the first to turn to first.

    Takes contacts in the editors' order, the situation's cases, and what is wanted: none says
    everything. In danger the emergency numbers come before all others. Then each place goes to
    whoever serves most of what nobody before serves; among equals to whoever is there for this
    age only, then in the editors' order.
    """
    wanted = set(needs) or set(Need)
    able = [contact for contact in contacts if not excludes(contact, cases)]
    found = [c for c in able if c.emergency] if Case.DANGER in cases else []
    able = [c for c in able if c not in found and wanted.intersection(c.needs)]
    unserved = wanted.difference(*(contact.needs for contact in found))

    def fitness(contact):
        return (
            len(unserved.intersection(contact.needs)),
            bool(unserved) and not (contact.for_minors and contact.for_adults),
        )

    while able:
        # Of equals, `max` takes the first.
        best = max(able, key=fitness)
        able.remove(best)
        found.append(best)
        unserved.difference_update(best.needs)
    return found


def suits(advice, cases):
    """Whether advice is for a situation: for one answer at least to each question it names."""
    named = (set(advice.only_for).intersection(answers) for answers in QUESTIONS.values())
    return all(meant & cases for meant in named if meant)
