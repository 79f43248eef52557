"""Laws, decrees, ordinances and EU acts by number or date: references that no code holds.

::

    act    = kind [adjective] ["(" union ")"] ["n°"] [figures] ["du" date]     figures or date
    kind   = "loi" | "décret" | "ordonnance" | "règlement" | "directive" | "arrêté" | ...
    figures = "2016-1691" | "2016/679" | "2003/88/CE"
    date   = day month year
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.citations.names import at
from benchmark.citations.tokens import Token

KINDS = frozenset(
    "loi decret ordonnance arrete reglement directive decision circulaire convention "
    "recommandation".split()
)
NAMED = frozenset({"RGPD", "TFUE", "TUE", "CEDH", "CESDH", "DDHC"})
"""Acts that are known by a short form."""
CONTAINERS = KINDS | frozenset(
    "constitution traite accord avenant charte declaration protocole contrat bail statut statuts "
    "cahier instruction deliberation pacte preambule concordat annexe projet proposition cci "
    "conventions accords statuts lois decrets".split()
)
"""What else has articles: behind a number, "de la …" with one of these is no code."""
_UNIONS = frozenset({"UE", "CE", "CEE", "EURATOM", "CECA"})
_ADJECTIVES = frozenset(
    "organique constitutionnelle rectificative ministeriel interministeriel prefectoral "
    "d urbanisme execution europeen communautaire delegue internationale europeenne".split()
)
_MONTHS = frozenset(
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()
)


class Act(NamedTuple):
    """A law or the like: its tokens."""

    start: int
    end: int
    next: int


def act(tokens: Sequence[Token], i: int) -> Act | None:
    """Return the act that is named from token `i` on, if one is, by number or by date."""
    first = at(tokens, i)
    if first.raw in NAMED:
        return Act(first.start, first.end, i + 1)
    if first.text not in KINDS:
        return None
    i += 1
    while at(tokens, i).text in _ADJECTIVES and at(tokens, i).text != "d":
        i += 1
    i = _union(tokens, i)
    figures = _figures(tokens, i)
    dated = _date(tokens, figures or i)
    end = dated or figures
    return Act(first.start, tokens[end - 1].end, end) if end else None


def contains(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether token `i` names something that has articles, and is no code."""
    token = at(tokens, i)
    return token.text in CONTAINERS or token.raw in NAMED


def _union(tokens: Sequence[Token], i: int) -> int:
    """Return the place behind "(UE)", "(CE, Euratom)"; `i` if there is none."""
    if at(tokens, i).raw != "(" or at(tokens, i + 1).raw.upper() not in _UNIONS:
        return i
    for end in range(i + 2, i + 6):
        if at(tokens, end).raw == ")":
            return end + 1
    return i


def _figures(tokens: Sequence[Token], i: int) -> int:
    """Return the place behind the number; 0 if there is none."""
    said = at(tokens, i).text in ("n", "no", "numero")
    i += said + (said and at(tokens, i + 1).text in ("°", "."))
    letter = at(tokens, i + 1) if at(tokens, i).raw in ("L", "D", "R") else None
    i += letter is not None and letter.kind == "number"
    if at(tokens, i).kind != "number":
        return 0
    figures = tokens[i].text
    i += 1
    slashed = at(tokens, i).raw == "/" and at(tokens, i + 1).kind == "number"
    i += 2 * slashed
    if at(tokens, i).raw == "/" and at(tokens, i + 1).raw.upper() in _UNIONS:
        return i + 2
    # "loi 3 jours après" is none: a number is said to be one, or has two parts.
    return i if said or slashed or ("-" in figures and len(figures) >= 5) else 0


def _date(tokens: Sequence[Token], i: int) -> int:
    """Return the place behind "du 9 décembre 2016"; 0 if there is none."""
    i += at(tokens, i).text == ","
    i += at(tokens, i).text in ("du", "en", "le")
    if at(tokens, i).kind != "number":
        return 0
    i += 1
    i += at(tokens, i).text == "er"
    if at(tokens, i).text not in _MONTHS or at(tokens, i + 1).kind != "number":
        return 0
    return i + 2
