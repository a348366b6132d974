"""Whether two texts say the same, and which words differ between them."""

import difflib
import hashlib
import re
import unicodedata

VARIANTS = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ′`´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
        "œ": "oe",
        "Œ": "OE",
        "æ": "ae",
        "Æ": "AE",
        "\u00ad": "",  # soft hyphen
        "\u200b": "",
        "\ufeff": "",
    }
)
THOUSANDS = re.compile(r"(?<=\d)[ .](?=\d{3}\b)")
# Fewer words or signs than this between two changes are part of them.
FEW = 3
# A word with the apostrophe and the white space after it, or a sign.
WORD = re.compile(r"\w+['’]?\s*|[^\w\s]\s*")


def comparable(text):
    """The text without what typesetting changes: white space, quotes, dashes, ligatures.

    All white space goes, since Legilux breaks lines inside words ("1 er", "383 bis") in one
    consolidation and not in the next; so does the mark between thousands.
    """
    text = THOUSANDS.sub("", unicodedata.normalize("NFKC", text))
    return "".join(text.translate(VARIANTS).split())


def digest(text):
    """The SHA-256 of what a text says: two texts that differ in their typesetting share it."""
    return hashlib.sha256(comparable(text).encode()).hexdigest()


def words_changed(before, after):
    """What was taken from one text and added to make the other, in words.

    Returns (operation, text) pairs in reading order, the operation being "same", "removed" or
    "added". "same" and "added" joined give `after`, "same" and "removed" give `before` but for
    its typesetting. Both are texts of a provision: some thousand words.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    matcher = difflib.SequenceMatcher(
        None, [comparable(word) for word in old], [comparable(word) for word in new], autojunk=False
    )
    changes = []
    for kept, removed, added in _runs(matcher.get_opcodes()):
        changes += [
            (operation, "".join(words))
            for operation, words in [
                ("same", new[kept]),
                ("removed", old[removed]),
                ("added", new[added]),
            ]
            if words
        ]
    return changes


def _runs(opcodes):
    """Yields (slice kept of the new, slice removed of the old, slice added of the new).

    Words that happen to be alike between two changes belong to the change: a reader follows one
    long replacement more easily than "d'un" standing among ten short ones.
    """
    opcodes = list(opcodes)
    kept = removed = added = slice(0, 0)
    for place, (operation, _, old_end, new_start, new_end) in enumerate(opcodes):
        within = 0 < place < len(opcodes) - 1
        if operation == "equal" and not (within and new_end - new_start < FEW):
            yield kept, removed, added
            kept = slice(new_start, new_end)
            removed, added = slice(old_end, old_end), slice(new_end, new_end)
        else:
            removed = slice(removed.start, old_end)
            added = slice(added.start, new_end)
    yield kept, removed, added
