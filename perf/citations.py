"""How well citations are found, against the links of the codes themselves.

`python perf/citations.py [CODE ...]` prints a Markdown table. The pages of legi-data link most of
the articles that they cite: what a link says is a truth that cost nothing. The grammar was made
on the Code du travail alone; the other codes show how it does elsewhere.

A link's article numbers are those in its text, read by a plain pattern, else the one in its title
("Code du travail - art. L1233-3 (V)", which may be an older text's); its code is the one in its
address (`cidTexte`). Links are incomplete, so that precision is shown on 200 finds outside of all
links, drawn at random and read by a person: `citations_read.tsv`, which holds places and
opinions, not the law's text.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from benchmark.articles import ArticleIndex, normal_number
from benchmark.citations.codes import known_codes, same_code, title_of
from benchmark.citations.extract import Citation, extract
from benchmark.citations.verify import expand
from benchmark.datasets.article_index import article_index
from benchmark.datasets.legi_source import CODES, FALLBACK, SOURCE, places, read, title
from benchmark.progress import Silent
from benchmark.references import fetch_first

READ = Path(__file__).with_name("citations_read.tsv")
SAMPLE = 200
_IN_TITLE = re.compile(r"- art\. (.+?)(?: \([A-Za-z]+\))?$")
_PLAIN = re.compile(r"\b(?:LO|[LRDA])[.\s*\u00a0]*\d+(?:-\d+)*(?: [A-Z]\b)?")
_CODE = re.compile(r"cidTexte=(LEGITEXT\d+)")
_BLOCKS = {"p", "br", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"}


class Link(NamedTuple):
    """One link of a page's text: `text[start:end]` is what it stands on."""

    start: int
    end: int
    address: str
    title: str


class Page(HTMLParser):
    """The text of an article's HTML, and where its links are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.links: list[Link] = []
        self._length = 0
        self._open: tuple[int, str, str] | None = None
        self.feed(html)
        self.close()
        self.text = "".join(self.parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a link, or begin a new line."""
        if tag in _BLOCKS:
            self.handle_data("\n")
        if tag == "a":
            said = dict(attrs)
            self._open = (self._length, said.get("href") or "", said.get("title") or "")

    def handle_endtag(self, tag: str) -> None:
        """Close a link."""
        if tag == "a" and self._open:
            start, address, name = self._open
            self.links.append(Link(start, self._length, address, name))
            self._open = None

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.parts.append(data)
        self._length += len(data)


class Article(NamedTuple):
    """One article: its id, its page, and what was found in it."""

    id: str
    page: Page
    found: list[Citation]


def load(code: str) -> tuple[str, list[Article]]:
    """Return a code's title and its articles."""
    fetched = fetch_first(places(SOURCE, FALLBACK, code), Silent())
    root = read(fetched.path, fetched.label)
    name, waiting, articles = title(root), [root], []
    while waiting:
        node = waiting.pop()
        data = node.get("data") or {}
        if node["type"] == "article" and data.get("texteHtml"):
            page = Page(data["texteHtml"])
            articles.append(Article(data["id"], page, extract(page.text, name)))
        waiting += reversed(node.get("children") or [])
    return name, articles


def wanted(text: str, link: Link) -> set[str]:
    """Return the numbers that a link is to; none for a link to no article of a code."""
    if "CodeArticle" not in link.address:
        return set()
    said = {normal_number(hit) for hit in _PLAIN.findall(text[link.start : link.end])}
    titled = _IN_TITLE.search(link.title)
    if said or titled is None or not _PLAIN.match(titled[1]):
        return said
    return {normal_number(titled[1])}


def touching(found: list[Citation], start: int, end: int) -> list[Citation]:
    """Return the citations that share characters with a span."""
    return [one for one in found if one.start < end and one.end > start]


def links(articles: list[Article]) -> Iterator[tuple[Article, Link, str, list[Citation]]]:
    """Give each linked number, with the citations on its link that have it."""
    for article in articles:
        for link in article.page.links:
            on = touching(article.found, link.start, link.end)
            for number in sorted(wanted(article.page.text, link)):
                yield article, link, number, [one for one in on if one.number == number]


def unlinked(articles: list[Article]) -> list[tuple[str, Citation]]:
    """Return the finds of article numbers that no link touches."""
    return [
        (article.id, one)
        for article in articles
        for one in article.found
        if one.kind == "article"
        and not any(link.start < one.end and link.end > one.start for link in article.page.links)
    ]


def measure(code: str, index: ArticleIndex) -> list[str]:
    """Return one line of the table."""
    name, articles = load(code)
    ids = {known.id: known.title for known in known_codes() if known.id}
    count: Counter[str] = Counter()
    for _, link, _, hits in links(articles):
        count["linked"] += 1
        count["found"] += bool(hits)
        place = _CODE.search(link.address)
        if not hits or place is None:
            continue
        truth = ids.get(place[1], place[1])
        is_right = any(same_code(one.code, truth) for one in hits)
        named = bool(_IN_TITLE.search(link.title))
        for kind, counts in (
            ("titled", named),
            ("addressed", True),
            ("other", not same_code(truth, name)),
        ):
            count[kind] += counts
            count[f"{kind} right"] += counts and is_right
    ranges = [one for article in articles for one in article.found if one.until]
    inside = sum(len(expand(one, index)) for one in ranges)
    finds = sum(len(article.found) for article in articles)
    return [
        name,
        f"{finds:,}",
        share(count["found"], count["linked"]),
        share(count["titled right"], count["titled"]),
        share(count["addressed right"], count["addressed"]),
        share(count["other right"], count["other"]),
        f"{len(unlinked(articles)):,}",
        f"{len(ranges):,} → {inside:,}",
    ]


def share(part: int, whole: int) -> str:
    """Return a share with what it is of."""
    return f"{part / max(whole, 1):.4f} ({part:,}/{whole:,})"


def sample(articles: list[Article]) -> list[tuple[str, Citation]]:
    """Return the finds that a person has read, or is to read."""
    return random.Random(43).sample(unlinked(articles), SAMPLE)


def precision(code: str) -> str:
    """Return what the person who read the sample said."""
    _, articles = load(code)
    spans = {
        (article.id, str(one.start), str(one.end)) for article in articles for one in article.found
    }
    rows = [line.split("\t") for line in READ.read_text(encoding="utf-8").splitlines()[1:]]
    still = [row for row in rows if tuple(row[:3]) in spans]
    true = sum(row[3] == "true" for row in still)
    right = sum(row[4] == "right" for row in still)
    return (
        f"{share(true, len(still))} are citations, {share(right, len(still))} of the code said; "
        f"{len(rows)} were read, {len(still)} of them are still found"
    )


HEAD = [
    "code",
    "finds",
    "recall on linked numbers",
    "code right, links with a title",
    "code right, all links",
    "code right, links to another code",
    "unlinked finds",
    "ranges → articles inside",
]


def main() -> None:
    """Print the table."""
    codes = sys.argv[1:] or ["travail"]
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for code in codes:
        index = article_index((code,), SOURCE, FALLBACK, Silent())
        print("| " + " | ".join(measure(code, index)) + " |", flush=True)
    if "travail" in codes and READ.exists():
        print(f"\nPrecision on unlinked finds of the Code du travail: {precision('travail')}")
    unknown = set(codes) - set(CODES)
    assert not unknown, title_of(str(unknown))


if __name__ == "__main__":
    main()
