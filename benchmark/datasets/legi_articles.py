"""The articles of a legi-data code: its tree walked, its dates read, its texts cleaned.

A node is `{"type": "code" | "section" | "article", "data": {...}, "children": [...]}`. Any
value of `data` can be null. Dates are milliseconds since 1970, at midnight UTC; "for ever" is
a date in the year 2999.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from html import unescape
from typing import Any

NEVER_IN_FORCE = frozenset({"MODIFIE_MORT_NE", "ANNULE"})
"""Replaced before its first day, or annulled (which reaches back): whatever the dates say."""
NO_LONGER = frozenset({"ABROGE", "MODIFIE", "TRANSFERE", "PERIME", "DEPLACE", "DISJOINT"})
NOT_YET = frozenset({"VIGUEUR_DIFF"})

_TAG = re.compile(r"<[^<>]*>")


def first_moment(day: date) -> int:
    """Return when a day begins, in milliseconds since 1970 UTC."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an article: who it is and when it applies, `start` ≤ day < `end`."""

    id: str
    state: str
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Article:
    """One article, cleaned.

    Attributes:
        id: Of the stored version.
        cid: Of the article through all its versions.
        num: "L1234-5", "R123-4 A", "Annexe II", ...
        path: Titles of the sections around it, outermost first.
        text: Of the stored version, in one paragraph, as the source gives it.
        stored: The version whose text this is.
        versions: All that are known, the stored one among them or not.
    """

    id: str
    cid: str
    num: str
    path: tuple[str, ...]
    text: str
    stored: Version
    versions: tuple[Version, ...]


def articles(root: dict[str, Any]) -> Iterator[Article]:
    """Give the articles of a code, in the order of the code."""
    # A stack, not recursion: how deep a file nests is not ours to decide.
    waiting: list[tuple[Any, tuple[str, ...]]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if not isinstance(node, dict):
            continue
        data = node.get("data")
        data = data if isinstance(data, dict) else {}
        if node.get("type") == "article":
            yield _article(data, path)
            continue
        title = _line(data.get("title"))
        if node.get("type") == "section" and title:
            path = (*path, title)
        children = node.get("children")
        waiting += [(child, path) for child in reversed(children or [])]


def why_not_in_force(article: Article, day: int) -> str:
    """Return why the stored text is not the one that applied at `day`; "" if it is."""
    if _applies(article.stored, day):
        return ""
    others = (version for version in article.versions if version.id != article.stored.id)
    if any(_applies(version, day) for version in others):
        return "another version in force, whose text is not stored"
    return "not in force"


def _applies(version: Version, day: int) -> bool:
    """Tell whether a version applies on a day: by its dates, and by its state where one is missing.

    A state tells how things stood when the source was made, a date tells it for every day: a
    version that is "MODIFIE" today did apply before its end.
    """
    if version.state in NEVER_IN_FORCE:
        return False
    begun = version.start <= day if version.start is not None else version.state not in NOT_YET
    over = version.end <= day if version.end is not None else version.state in NO_LONGER
    known = version.start is not None or version.end is not None or bool(version.state)
    return known and begun and not over


def _article(data: dict[str, Any], path: tuple[str, ...]) -> Article:
    text = _line(data.get("texte")) or _line(_plain(data.get("texteHtml")))
    listed = data.get("articleVersions")
    versions = (
        [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    )
    return Article(
        id=_line(data.get("id")),
        cid=_line(data.get("cid")),
        num=_line(data.get("num")),
        path=path,
        text=text,
        stored=_version(data),
        versions=tuple(_version(item) for item in versions if isinstance(item, dict)),
    )


def _version(data: dict[str, Any]) -> Version:
    start, end = data.get("dateDebut"), data.get("dateFin")
    return Version(
        id=_line(data.get("id")),
        state=_line(data.get("etat")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def _line(value: Any) -> str:
    """Return a text with every run of white space as one space; "" for what is no text."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _plain(html: Any) -> str:
    return unescape(_TAG.sub(" ", html)) if isinstance(html, str) else ""
