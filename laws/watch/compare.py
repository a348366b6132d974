"""Whether two texts say the same, which words differ, and how later insertions are numbered.

The comparison itself is shared with every other difference the site shows.
"""

from kb_site.editorial.words import comparable, digest, words_changed

__all__ = ["LATIN", "comparable", "digest", "words_changed"]

# The Latin numbering of what was inserted later, in the order of the letters of English texts:
# the two languages of one act show it, b bis) and b ter) being (ba) and (bb).
LATIN = (
    "bis ter quater quinquies sexies septies octies nonies decies undecies duodecies terdecies "
    "quaterdecies quindecies sexdecies septdecies octodecies novodecies vicies"
).split()
