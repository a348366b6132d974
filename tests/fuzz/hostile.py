"""What nobody should send, and somebody will, as Hypothesis strategies of texts and of bytes."""

import functools
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

# Where it comes out of the site as it went in, a script would.
MARKER = "<zzfuzz"

TEXTS = [
    *["", " ", "\0", "image\0volée"],
    *["\r\nSet-Cookie: a=b", "\t\n", "\x7f\x1b[31m", "\ufeff", "\uffff"],
    *["%", "%%", "%00", "%zz", "%s%n", "\\"],
    *["'", '"', "' OR 1=1 --", "`", "$(id)", "{{ 7*7 }}", "{% x %}"],
    *[f"{MARKER}>", f'">{MARKER} a="'],
    *[f"'>{MARKER}>", f"</script>{MARKER}>", f"javascript:{MARKER}>"],
    *["x" * 201, "x" * 10_000, "é" * 3000, "image " * 2000, "a-" * 500, "\u0301" * 400, "🙂" * 300],
    *["\u202edeepfake\u2066", "עברית، =1", "ﬁ２０２６", "İıſß", "²", "٩٩", "𝟿", "\u200d"],
    *["-1", "0", "1", "2", "007", "1.5", "1e3", "1e309", "nan", "inf", "0x10", "1_000", "+1", " 1"],
    *["2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809"],
    *["9" * 30, "9" * 5000, "1000", "1001", "99999999"],
    *["9999-99-99", "9999-12-31", "0000-00-00"],
    *["0001-01-01", "-0001-01-01", "2024-02-30", "10000-01-01"],
    *["2026-11-23", "2026-W48-1", "2026-11-23T10:00:00Z"],
    *["9999-12-31T23:59:59+14:00", "24:00", "soon"],
    *["[" * 1000 + "]" * 1000, "((((", "(" * 3000],
    *['{"a":' * 900 + "}" * 900, "[[[]]]", "{}", "null"],
    *["*", "?", "deepfake AND (NOT", "title:x~^9", '"', "a" + "*a" * 60, "(a+)+$", "[a TO z]"],
    *["../../etc/passwd", "..%2f..%2f", "/"],
    *["//evil.example", "https://evil.example/", "\\\\evil.example"],
    *["http:///evil.example", "https:evil.example", "javascript:alert(1)"],
    *["/\\evil.example", "//[", "http://["],
    *["None", "true", "on", "undefined", "__class__", "pk__gt"],
    *["a__b__c", "id", "pk", "a,b,c", ",", ":", "::"],
]  # fmt: skip
BYTES = [
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf\xed\xa0\x80",
    b"\xc3",
    b"\xc0\xaf",
    b"\xf8\x88",
]

pieces = st.sampled_from([text for text in TEXTS if 0 < len(text) < 40])
texts = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(pieces, max_size=6).map("".join),
)
binary = st.sampled_from(BYTES) | st.binary(max_size=30)


def mixed(valid):
    """A value as bytes: as likely one of `valid`, texts or bytes, as something hostile."""
    return _mixed(tuple(valid))


@functools.lru_cache(maxsize=500)
def _mixed(valid):
    hostile = texts.map(str.encode) | binary
    if not valid:
        return hostile
    known = st.sampled_from([one if isinstance(one, bytes) else one.encode() for one in valid])
    # What is nearly right goes further than what is all wrong.
    nearly = st.builds(
        lambda one, other, at: one[:at] + other + one[at:], known, hostile, st.integers(0, 9)
    )
    return st.one_of(known, known, hostile, nearly)


def quoted(value, safe=""):
    """A value, bytes, as a browser writes it in an address."""
    return quote_from_bytes(value, safe=safe)
