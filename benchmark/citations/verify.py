"""What an index of articles says of a citation: one verdict, one sentence, one link.

What "invented" means, and what it cannot mean. The index holds the articles that stood in the
codes when the source was made, with their earlier versions. An article that had been repealed by
then is in no code file, so nothing here can tell it from one that never was: both are "invented"
("that code has no such article"), and a reader who doubts follows the link. "Repealed" is said of
articles that ended after the source was made, or that the asked day lies outside of. Codes that
are not in the index are "out of corpus", whatever the number; laws, decrees and EU acts are
"other reference". These two and "unparseable" are counted apart, never as right or wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from benchmark.articles import ArticleIndex, Code, Entry, Version
from benchmark.citations.codes import known_codes, same_code
from benchmark.citations.extract import Citation
from benchmark.records import CitationVerdict, CitedArticle

SITE = "https://www.legifrance.gouv.fr/codes"
CHECKABLE = frozenset(
    {"in force", "amended since", "repealed", "not yet in force", "other code", "invented"}
)
"""Verdicts that say something is right or wrong."""
IN_FORCE = frozenset({"in force", "amended since"})
HALLUCINATED = frozenset({"invented", "other code"})
MAX_RANGE = 500
"""Articles; a range with more inside stands for its two ends alone."""

_ARTICLE_ID = re.compile(r"LEGIARTI\d{12}")
_CODE_ID = re.compile(r"LEGITEXT\d{12}")


class Checked(NamedTuple):
    """A citation with its verdict."""

    citation: Citation
    cited: CitedArticle
    entries: tuple[Entry, ...]
    """The articles that it is, in its code; () if there are none."""


def verify(citations: Sequence[Citation], index: ArticleIndex, day: date) -> list[Checked]:
    """Return a verdict on each citation.

    Args:
        citations: As `extract` gives them.
        index: The codes that can be checked.
        day: On which an article is to be in force.
    """
    return [_check(citation, index, day) for citation in citations]


def code_in(index: ArticleIndex, title: str) -> Code | None:
    """Return the code of the index that a title of `codes.py` stands for; None if it has none."""
    ids = {known.id for known in known_codes() if known.title == title and known.id}
    for code in index.codes:
        if {code.id, code.cid} & ids or same_code(code.title, title):
            return code
    return None


def expand(citation: Citation, index: ArticleIndex) -> tuple[str, ...]:
    """Return the numbers strictly inside of the range that a citation begins, by the index.

    () if it begins none, if one of its ends is no article of its code, or if it is too wide:
    nothing is counted up that the code does not have.
    """
    code = code_in(index, citation.code) if citation.until and citation.code else None
    if code is None:
        return ()
    found = index.between(citation.number, citation.until, code)
    return tuple(found[1:-1]) if len(found) <= MAX_RANGE + 2 else ()


def _check(citation: Citation, index: ArticleIndex, day: date) -> Checked:
    apart = _apart(citation)
    if apart:
        return apart
    code = code_in(index, citation.code)
    entries = index.find(citation.number, code) if code else ()
    if not entries and not citation.named and citation.last:
        # No code stands beside it: the one that was named before it may be meant.
        other = code_in(index, citation.last)
        if other is None:
            reason = f"It may be of the {_the(citation.last)}, which is not checked."
            return _checked(citation, "unparseable", reason)
        entries = index.find(citation.number, other)
    if entries:
        return _standing(citation, entries, day)
    if code is None:
        reason = f"The {_the(citation.code)} is not among the codes that are checked."
        return _checked(citation, "out of corpus", reason, link=_known_link(citation.code))
    return _missing(citation, index, code)


def _apart(citation: Citation) -> Checked | None:
    """Return the verdict on what no index can be asked for; None if one can."""
    if citation.act:
        reason = f"It is of another text ({_short(citation.act)}), not checked."
        return _checked(citation, "other reference", reason)
    if citation.kind == "act":
        reason = "A law, a decree or an EU act: no code holds it, not checked."
        return _checked(citation, "other reference", reason)
    if citation.former:
        reason = "An article of an earlier numbering, which the source does not have."
        return _checked(citation, "unparseable", reason)
    if not citation.code:
        return _checked(citation, "unparseable", "Nothing tells which code is meant.")
    return None


def _missing(citation: Citation, index: ArticleIndex, code: Code) -> Checked:
    """Return the verdict on a number that its code does not have."""
    name, link = _the(code.title), _code_link(code.id)
    if citation.kind == "annex":
        reason = f"The {name} has no annex or table that is named so; their names vary."
        return _checked(citation, "unparseable", reason, code, link)
    if not citation.named and not citation.number[:1].isalpha():
        reason = "A bare number: nothing tells which text it is of."
        return _checked(citation, "unparseable", reason, code, link)
    elsewhere = index.find(citation.number)
    if elsewhere:
        others = ", ".join(dict.fromkeys(f"the {_the(entry.code.title)}" for entry in elsewhere))
        reason = f"The {name} has no article {citation.number}; {others} has one."
        return _checked(citation, "other code", reason, code, _article_link(elsewhere[0].id))
    reason = f"Neither the {name} nor any other code that is checked has an article "
    return _checked(citation, "invented", f"{reason}{citation.number}.", code, link)


def _standing(citation: Citation, entries: tuple[Entry, ...], day: date) -> Checked:
    """Return the verdict on an article that its code has: how it stands on the day."""
    order = ("in force", "unknown", "not yet in force", "repealed")
    entry = min(entries, key=lambda one: order.index(one.state_at(day)))
    standing = entry.state_at(day)
    version = next((one for one in entry.versions if one.state_at(day) == "in force"), None)
    link = _article_link(version.id if version else entry.id, day if version else None)
    name = _the(entry.code.title)
    verdict: CitationVerdict
    if standing == "in force":
        later = _amended(entry, version, day)
        verdict = "amended since" if later else "in force"
        changed = f"; its text changed on {later:%d/%m/%Y}" if later else ""
        reason = f"In force in the {name} on {day:%d/%m/%Y}{changed}."
    elif standing == "repealed":
        verdict = "repealed"
        reason = f"No longer in force in the {name} on {day:%d/%m/%Y}{_until(entry, day)}."
    elif standing == "not yet in force":
        verdict = "not yet in force"
        starts = [one.start for one in entry.versions if one.start and one.start > day]
        since = f": from {min(starts):%d/%m/%Y} on" if starts else ""
        reason = f"Not yet in force in the {name} on {day:%d/%m/%Y}{since}."
    else:
        verdict = "unparseable"
        reason = f"In the {name}, but the source has no dates of it."
    return _checked(citation, verdict, reason, entry.code, link)._replace(entries=entries)


def _amended(entry: Entry, version: Version | None, day: date) -> date | None:
    """Return when the article's text changed after the day, as far as the source can tell."""
    stored = next((one for one in entry.versions if one.id == entry.id), None)
    if version is None or stored is None or stored.start is None or stored.id == version.id:
        return None
    return stored.start if stored.start > day else None


def _until(entry: Entry, day: date) -> str:
    ends = [one.end for one in entry.versions if one.end and one.end <= day]
    return f": until {max(ends):%d/%m/%Y}" if ends else ""


def _checked(
    citation: Citation,
    verdict: CitationVerdict,
    reason: str,
    code: Code | None = None,
    link: str = "",
) -> Checked:
    cited = CitedArticle(
        text=citation.text,
        start=citation.start,
        end=citation.end,
        number=citation.number if not citation.act else "",
        code=code.title if code else citation.code,
        verdict=verdict,
        reason=reason,
        link=link,
    )
    return Checked(citation, cited, ())


def _the(title: str) -> str:
    return title[:1].upper() + _short(title[1:])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"


def _article_link(article: str, day: date | None = None) -> str:
    """Return the page of a version; "" for an id that is not one (it would go into an address)."""
    if not _ARTICLE_ID.fullmatch(article):
        return ""
    return f"{SITE}/article_lc/{article}" + (f"/{day}" if day else "")


def _code_link(code: str) -> str:
    return f"{SITE}/texte_lc/{code}" if _CODE_ID.fullmatch(code) else ""


def _known_link(title: str) -> str:
    return next((_code_link(known.id) for known in known_codes() if known.title == title), "")
