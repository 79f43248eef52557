"""The articles of a legi-data code: its tree walked, its dates read, its texts cleaned.

A node is `{"type": "code" | "section" | "article", "data": {...}, "children": [...]}`. Any
value of `data` can be null. Dates are milliseconds since 1970, at midnight UTC; "for ever" is
a date in the year 2999.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from html import unescape
from typing import Any

from benchmark.articles import Version

EPOCH = date(1970, 1, 1)
DAY = 86_400_000
"""Milliseconds."""

_TAG = re.compile(r"<[^<>]*>")
_TABLE = re.compile(r"<(/?)table\b[^<>]*>", re.IGNORECASE)
_ANNEX = re.compile(r"annexes?\b", re.IGNORECASE)
_TABLE_NUMBER = re.compile(r"\btableaux?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Article:
    """One article, cleaned.

    Attributes:
        id: Of the stored version.
        cid: Of the article through all its versions.
        num: "L1234-5", "R123-4 A", "Annexe II", ...
        path: Titles of the sections around it, outermost first.
        text: Of the stored version, in one paragraph, as the source gives it.
        tabular: Share of the text that stands in tables, from 0 to 1.
        stored: The version whose text this is.
        versions: All that are listed, the stored one among them or not.
    """

    id: str
    cid: str
    num: str
    path: tuple[str, ...]
    text: str
    tabular: float
    stored: Version
    versions: tuple[Version, ...]

    @property
    def is_annex(self) -> bool:
        """Tell whether the number is an annex's: "Annexe I à l'article R9-9"."""
        return bool(_ANNEX.match(self.num))

    @property
    def is_table(self) -> bool:
        """Tell whether the number is a table's ("Tableau n° 9 bis"), or half of the text is."""
        return bool(_TABLE_NUMBER.search(self.num)) or self.tabular >= 0.5


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


def why_not_in_force(article: Article, day: date) -> str:
    """Return why the stored text is not the one that applied on a day; "" if it is."""
    if article.stored.state_at(day) == "in force":
        return ""
    others = (version for version in article.versions if version.id != article.stored.id)
    if any(version.state_at(day) == "in force" for version in others):
        return "another version in force, whose text is not stored"
    return "not in force"


def _article(data: dict[str, Any], path: tuple[str, ...]) -> Article:
    html = data.get("texteHtml")
    html = html if isinstance(html, str) else ""
    listed = data.get("articleVersions")
    versions = listed if isinstance(listed, list) else []
    return Article(
        id=_line(data.get("id")),
        cid=_line(data.get("cid")),
        num=_line(data.get("num")),
        path=path,
        text=_line(data.get("texte")) or _line(_plain(html)),
        tabular=_tabular(html),
        stored=_version(data),
        versions=tuple(_version(item) for item in versions if isinstance(item, dict)),
    )


def _version(data: dict[str, Any]) -> Version:
    return Version(
        id=_line(data.get("id")),
        state=_line(data.get("etat")),
        start=_day(data.get("dateDebut")),
        end=_day(data.get("dateFin")),
    )


def _day(value: Any) -> date | None:
    """Return the day of a moment in milliseconds; a moment outside of all calendars is clipped."""
    return _date(value // DAY) if isinstance(value, int) else None


@lru_cache(maxsize=65_536)
def _date(days: int) -> date:
    try:
        return EPOCH + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def _line(value: Any) -> str:
    """Return a text with every run of white space as one space; "" for what is no text."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _plain(html: str) -> str:
    return unescape(_TAG.sub(" ", html))


def _tabular(html: str) -> float:
    """Return the share of a page's letters that stand inside of tables; tables may nest."""
    tags = list(_TABLE.finditer(html))
    if not tags:
        return 0.0
    inside = depth = opened = 0
    for tag in tags:
        if not tag[1]:
            opened = opened if depth else tag.end()
            depth += 1
        elif depth:  # one that closes nothing is ignored
            depth -= 1
            inside += 0 if depth else _letters(html[opened : tag.start()])
    if depth:
        inside += _letters(html[opened:])
    return inside / max(_letters(html), 1)


def _letters(html: str) -> int:
    return sum(map(len, _plain(html).split()))
