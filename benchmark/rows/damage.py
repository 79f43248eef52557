"""Text that a wrong encoding or a broken tool has damaged: found, and mended where it can be.

Mojibake ("Ã©" for "é") is judged and undone by ftfy, which tells it from letters that are
meant; a pattern that no clean text needs ftfy for decides what it sees, because it is slow.
"""

from __future__ import annotations

import re

_CONTINUATION = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MAYBE_MOJIBAKE = re.compile(
    "[Â-ô](?:"  # begins with one set of characters: that is searched three times faster
    f"(?<=[Â-ß]){_CONTINUATION}|(?<=Ã) "
    f"|(?<=[à-ï]){_CONTINUATION}{{2}}|(?<=[ð-ô]){_CONTINUATION}{{3}})"
)
"""UTF-8 read as Latin-1 or Windows-1252: a lead byte and its continuation bytes."""

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
"""Control characters but tab, line feed, carriage return and next line; a BOM inside a text."""
_REPLACED = re.compile("\ufffd")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ANY = re.compile(f"[{_CONTROLS}\ufffd\ud800-\udfff]")

MOJIBAKE = "letters read in a wrong encoding"
REPLACED = "U+FFFD in place of a letter"
SURROGATE = "half a character (a lone surrogate)"
CONTROL = "control characters"


def damages(text: str) -> list[str]:
    """Return the kinds of damage in a text, each once; none for a sound one."""
    kinds = [MOJIBAKE] if is_mojibake(text) else []
    if not _ANY.search(text):
        return kinds
    patterns = {REPLACED: _REPLACED, SURROGATE: _SURROGATE, CONTROL: _CONTROL}
    return kinds + [kind for kind, pattern in patterns.items() if pattern.search(text)]


def is_mojibake(text: str) -> bool:
    """Tell whether letters were read in a wrong encoding."""
    if text.isascii() or not _MAYBE_MOJIBAKE.search(text):
        return False
    from ftfy.badness import is_bad

    return bool(is_bad(text))


def mended(text: str) -> str:
    """Return a text with its mojibake undone and its control characters gone.

    What is lost stays lost: U+FFFD, a lone surrogate and mojibake that cannot be undone are
    still there, for `damages` to find.
    """
    if is_mojibake(text):
        from ftfy import fix_encoding

        text = fix_encoding(text)
    return _CONTROL.sub("", text)
