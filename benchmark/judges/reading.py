"""From what a judge's model wrote to its mark, or to the reason why there is none.

Models wrap JSON in prose and fences, forget quotes, write "4/5" or nothing but "Oui." What can be
read without guessing is read; what cannot is no mark. The last mark counts, as the reason comes
first and may quote the graded answer, with whatever mark that one claims.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

KEYS = ("verdict", "score", "note", "grade", "mark", "rating")
REASONS = ("raison", "reason", "rationale", "explanation", "explication", "justification")
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_MENTION = re.compile(
    rf"[\"'*_]*\b(?:{'|'.join(KEYS)})\b[\"'*_]*\s*(?:[:=]|\best\b|\bis\b)\s*(?=(?P<rest>[^\n]*))",
    re.IGNORECASE,
)
_OUT_OF = re.compile(r"(?P<mark>\d+(?:[.,]\d+)?)\s*(?:/|sur|out of)\s*(?P<most>\d+)", re.IGNORECASE)
_SAME = {"true": ("yes", "oui"), "vrai": ("oui",), "false": ("no", "non"), "faux": ("non",)}
_NOTHING = ("null", "none", "n/a")
_DECODER = json.JSONDecoder()


class Read(NamedTuple):
    """A mark: `value` None means that the model says it cannot judge."""

    label: str
    value: float | None
    reason: str


class Unreadable(Exception):
    """There is no mark, or more than one, or one that the scale does not have."""


def read(text: str, levels: Mapping[str, float]) -> Read:
    """Return the mark in a reply.

    Args:
        text: What the model wrote.
        levels: The scale: mark -> number.

    Raises:
        Unreadable: Says why.
    """
    text = _THOUGHTS.sub("", text).strip()
    if not text:
        raise Unreadable("the reply is empty")
    objects = list(_objects(text))
    end = objects[-1][1] if objects else 0
    mentions = [match for match in _MENTION.finditer(text) if match.start() >= end]
    if mentions:
        try:
            return _mark(_first_word(mentions[-1]["rest"], levels), levels, text[:500])
        except Unreadable:
            if not objects:  # else a remark behind the verdict, such as "Note: ..."
                raise
    if objects:
        found = objects[-1][0]
        return _mark(next(found[key] for key in KEYS if key in found), levels, _reason(found))
    if len(text) <= 40 and (bare := _in_scale(text, levels)) is not None:
        return Read(*bare, "")
    shares = {(match["mark"], match["most"]) for match in _OUT_OF.finditer(text)}
    most = max(levels.values())
    if len(shares) == 1 and float(next(iter(shares))[1]) == most:
        return _mark(next(iter(shares))[0], levels, text[:500])
    raise Unreadable("the reply holds no verdict")


def _objects(text: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the outermost JSON objects that hold a mark, and where each ends.

    Only outermost ones: what stands inside a string of one is a quotation.
    """
    at = text.find("{")
    while at >= 0:
        found, end = _decoded(text, at)
        if isinstance(found, dict):
            named = {_plain(str(name)): value for name, value in found.items()}
            if any(name in KEYS for name in named):
                yield named, end
        at = text.find("{", max(end, at + 1))


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    # A comma too many and bare line breaks in strings are what models get wrong most often.
    end = text.find("}", at) + 1
    mended = re.sub(r",\s*}", "}", text[at:end])
    try:
        return json.loads(mended, strict=False), end
    except (ValueError, RecursionError):
        return None, at + 1


def _reason(found: Mapping[str, Any]) -> str:
    for name in REASONS:
        if isinstance(found.get(name), str):
            return str(found[name])
    return ""


def _first_word(rest: str, levels: Mapping[str, float]) -> str:
    """Return what stands behind `verdict:`, without quotes, stars and what follows the mark."""
    rest = rest.strip().strip("*_`\"'« ")
    if share := _OUT_OF.match(rest):
        if float(share["most"]) != max(levels.values()):
            raise Unreadable(f"a mark out of {share['most']}")
        return share["mark"]
    cut = re.split(r"[\"'*`}»;!?]|[.,](?!\d)|\s[-–—(]", rest, maxsplit=1)[0].strip()
    if _in_scale(cut, levels) is None and (first := cut.split()[:1]):
        return first[0]
    return cut


def _mark(said: Any, levels: Mapping[str, float], reason: str) -> Read:
    if said is None or _plain(str(said)) in _NOTHING:
        return Read("abstained", None, reason)
    if isinstance(said, dict | list):
        raise Unreadable("the verdict is no single mark")
    if isinstance(said, str) and (share := _OUT_OF.fullmatch(said.strip())):
        said = share["mark"] if float(share["most"]) == max(levels.values()) else said
    found = _in_scale(str(said), levels)
    if found is None:
        raise Unreadable(f"{str(said)[:40]!r} is not on the scale {', '.join(levels)}")
    return Read(*found, reason)


def _in_scale(text: str, levels: Mapping[str, float]) -> tuple[str, float] | None:
    """Return a mark of the scale, or a number between those of a scale of numbers."""
    said = _plain(text)
    marks = {_plain(mark): mark for mark in levels}
    for name in (said, *_SAME.get(said, ())):
        if name in marks:
            return marks[name], levels[marks[name]]
    try:
        number = float(said.replace(",", "."))
    except ValueError:
        return None
    numeric = all(re.fullmatch(r"-?\d+(\.\d+)?", mark) for mark in levels)
    if not numeric or not min(levels.values()) <= number <= max(levels.values()):
        return None
    exact = [mark for mark, value in levels.items() if value == number]
    return (exact[0] if exact else f"{number:g}"), number


def _plain(text: str) -> str:
    """Return a text in small letters, without accents and what stands around it."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return bare.casefold().strip().strip("\"'*_`.!:() ").strip()
