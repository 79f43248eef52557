"""Text in the cells of a CSV file: no spreadsheet program takes it for a formula.

A cell that begins with "=", "+", "-", "@", a tab or a line end can be a formula, and a formula can
call programs and fetch pages (OWASP, "CSV Injection"). Such a text gets a "'" before it, as
people type it there. A program that splits at ";" or tabs, as spreadsheets do where the comma is
the decimal sign, begins cells in the middle of texts too: so the same holds behind ";", tabs and
line ends. `plain` takes the signs off again; a text that needs none is written as it is.
"""

from __future__ import annotations

import re

# Quotes before a sign fall away in some programs; full-width signs are folded by some.
_SIGN = "[\"']*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_FIRST = re.compile(f"{_SIGN}|[\"']*[\t\r\n]")
_INSIDE = re.compile(f"([;\t\r\n])(?={_SIGN})")
_GUARDED = re.compile(f"([;\t\r\n])'(?={_SIGN})")
# What a terminal would obey, what reorders the text around it, and what no UTF-8 file can hold.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def guarded(text: str) -> str:
    """Return a text for a CSV cell: inert in spreadsheets and terminals.

    Control characters but tab and line ends become visible, as in every report.
    """
    if _UNSEEN.search(text):
        text = _UNSEEN.sub(_picture, text)
    text = _INSIDE.sub(r"\1'", text)
    return f"'{text}" if _FIRST.match(text) else text


def plain(text: str) -> str:
    """Return the text that `guarded` was given, but for characters that cannot be seen."""
    text = text[1:] if text.startswith("'") and _FIRST.match(text, 1) else text
    return _GUARDED.sub(r"\1", text)


def encodable(text: str) -> str:
    """Return a text that UTF-8 can hold: lone surrogates become "\ufffd", nothing else changes."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
