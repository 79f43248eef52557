"""Hints of personal data: e-mail addresses, French phone numbers, French social security numbers.

Hints, not proof, and never shown: a report that repeats them would spread them.
"""

from __future__ import annotations

import re

_EMAIL = re.compile(
    r"(?<![\w.+-]) [\w+-] [\w.+-]{0,63} @ (?: [^\W_](?:[\w-]{0,61}[^\W_])? \. ){1,8} [^\W\d_]{2,24}"
    r"(?![\w-])",
    re.VERBOSE,
)
# A pattern that begins with a set of characters is searched several times faster than one that
# begins with a look-behind: so those come second.
_PHONE = re.compile(
    r"""
    [+0] (?<! [\w.,/-]. )                        # not inside a number or an article's name
    (?: (?: (?<=\+) | 0 ) 33 [\s.-]? (?: \(0\) [\s.-]? )? | (?<=0) )
    [1-9] (?: [\s.-]? \d\d ){4}
    (?! \d | [.,/-]\d )
    """,
    re.VERBOSE | re.ASCII,
)
_NIR = re.compile(
    r"""
    ( [12378] (?<! [\w.,/-]. ) [\s.-]? \d\d [\s.-]?                # sex, year of birth
      (?: 0[1-9] | 1[0-2] | [2-3]\d | 4[0-2] | [5-9]\d ) [\s.-]?    # month, or a code for none
      (?: \d\d | 2[AB] ) [\s.-]? \d{3} [\s.-]? \d{3} )    # department, commune, order
    [\s.-]? ( \d\d )                              # check digits
    (?! \d )
    """,
    re.VERBOSE | re.ASCII,
)
_NOT_CODE = re.compile(r"[^0-9AB]")
_CORSICA = {"2A": "19", "2B": "18"}
"""What stands for the letters when the check digits are worked out."""

EMAIL = "e-mail addresses"
PHONE = "French phone numbers"
NIR = "French social security numbers (NIR, check digits right)"


def personal(text: str) -> list[str]:
    """Return the kinds of personal data that a text seems to hold, each once."""
    kinds = []
    if "@" in text and _EMAIL.search(text):
        kinds.append(EMAIL)
    if _PHONE.search(text):
        kinds.append(PHONE)
    if any(is_nir(*hit.groups()) for hit in _NIR.finditer(text)):
        kinds.append(NIR)
    return kinds


def is_nir(number: str, check: str) -> bool:
    """Tell whether a number's check digits are right: 97 - (the 13 digits modulo 97).

    Args:
        number: Sex, year, month, department, commune and order, with or without separators.
        check: Two digits.
    """
    digits = _NOT_CODE.sub("", number)
    for letters, stand_in in _CORSICA.items():
        digits = digits.replace(letters, stand_in)
    return digits.isdecimal() and len(digits) == 13 and 97 - int(digits) % 97 == int(check)
