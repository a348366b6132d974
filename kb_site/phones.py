"""Phone numbers inside a line of text."""

import re

_NUMBER = re.compile(r"(?:\(\+\d{1,3}\)\s?|\+\d{1,3}\s?)?\d[\d\s]+(?:-\d+)?")


def split(text):
    """Yields (shown, dialled) pieces of a text; `dialled` is "" for what is not a number.

    "116 111" gives ("116 111", "116111"); "(+352) 26 10 60-1" dials "+3522610601".
    """
    position = 0
    for match in _NUMBER.finditer(text or ""):
        shown = match.group().rstrip()
        digits = re.sub(r"[^\d+]", "", shown)
        if len(digits) < 3:
            continue
        if match.start() > position:
            yield text[position : match.start()], ""
        yield shown, digits
        position = match.start() + len(shown)
    if position < len(text or ""):
        yield text[position:], ""
