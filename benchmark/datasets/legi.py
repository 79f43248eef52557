"""French legal codes as instruction rows, from the JSON of SocialGouv/legi-data.

One article in force gives one row. The question is one of a few instructions that take turns
(`legi_questions.py`); the answer names the code, the article and its place in the code, and
then is the article's text in French::

    **Code du travail - Article L1234-5**
    Path: Partie législative > Titre Ier : ... > Section 2 : ...

    <text>
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import Any

from pydantic import Field, field_validator

from benchmark.articles import ArticleIndex
from benchmark.datasets import legi_source
from benchmark.datasets.legi_articles import Article, articles, why_not_in_force
from benchmark.datasets.legi_questions import BUILT_IN, Question, check_questions, read_questions
from benchmark.datasets.legi_source import CODES, FALLBACK, SOURCE, known_codes, places
from benchmark.errors import ConfigError
from benchmark.keys import key
from benchmark.plugins import Loaded, Plugin
from benchmark.progress import Progress
from benchmark.records import Document, Example, Message
from benchmark.references import check, fetch_first


class Legi(Plugin):
    """Articles of French legal codes that were in force on one day."""

    codes: tuple[str, ...] = ("travail",)
    """Names (travail, securite-sociale, rural, crpa) or LEGITEXT ids."""
    source: str = SOURCE
    """A legi-data package, or a folder laid out like one; `{id}` marks a file's place."""
    fallback: str | None = FALLBACK
    """Where one file is fetched from when `source` fails; `{id}` is the code's id."""
    as_of: date = date(2026, 1, 1)
    """Only articles in force on this day. The source stores one version of each article: one
    that had another text on this day is left out, and counted."""
    templates: str | tuple[Question, ...] = "en"
    """The questions: en, fr, a YAML file with a list of your own, or the list itself. A file
    is read once, when the suite is: what is in it is part of the key."""
    annexes: bool = True
    """Keep articles that are an annex, by their number."""
    tables: bool = True
    """Keep articles that are a table: by their number, or because half of their text is one."""
    min_chars: int = Field(default=50, ge=0)
    """Articles need more characters of text than this."""
    max_chars: int | None = Field(default=None, ge=1)
    """Articles with more characters of text are left out."""

    @field_validator("codes", mode="before")
    @classmethod
    def _one_code(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("codes")
    @classmethod
    def _known_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return known_codes(value)

    @field_validator("source", "fallback")
    @classmethod
    def _references(cls, value: str | None) -> str | None:
        try:
            if value is not None and legi_source.place(value, CODES["travail"]).kind == "hub":
                raise ValueError("names a model on the hub; name a package, a URL or a folder")
            if value is not None and "{id}" not in value:
                check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("templates", mode="before")
    @classmethod
    def _read_templates(cls, value: Any) -> Any:
        if isinstance(value, str) and value in BUILT_IN:
            return value
        try:
            items = read_questions(value) if isinstance(value, str) else value
        except ConfigError as error:
            raise ValueError(" | ".join(map(str, error.problems))) from error
        problems = check_questions(items)
        if problems:
            raise ValueError(" | ".join(map(str, problems)))
        return items

    @property
    def questions(self) -> tuple[Question, ...]:
        """Return the questions that take turns."""
        return BUILT_IN[self.templates] if isinstance(self.templates, str) else self.templates

    @property
    def signature(self) -> str:
        """Return name, changed parameters and code version; one's own questions as a hash."""
        if isinstance(self.templates, str):
            return super().signature
        texts = [question.model_dump() for question in self.templates]
        short = f"own-{len(texts)}-{key(questions=texts)[:8]}"
        return self.model_copy(update={"templates": short}).signature

    def load(self, progress: Progress) -> Loaded:
        """Fetch the codes and build one row an article, in the order of the code.

        Question i mod n goes to the i-th kept article of a code, as in the reference workflow.
        So another `as_of`, `min_chars` or `annexes` gives articles other questions; another
        list of `codes` does not.

        Raises:
            FetchError: A code could not be fetched from `source` nor from `fallback`.
            DataError: A fetched file is not a code of legi-data.
        """
        examples: dict[str, Example] = {}
        dropped: Counter[str] = Counter()
        sources = {}
        for code in self.codes:
            fetched = fetch_first(places(self.source, self.fallback, code), progress)
            sources[fetched.label] = fetched.sha256
            with progress.step(f"read {fetched.label}"):
                root = legi_source.read(fetched.path, fetched.label)
                for example in self._rows(root, dropped):
                    if example.id in examples:
                        dropped["article seen before"] += 1
                    examples.setdefault(example.id, example)
        return Loaded(tuple(examples.values()), dict(dropped), sources)

    def corpus(self, progress: Progress) -> list[Document]:
        """Return all articles of the codes that were in force on the day, for retrieval.

        Whatever rows are kept, and whatever side they are on: the law is what a lawyer looks
        things up in, the articles that the test side asks for among it.

        Raises:
            FetchError: A code could not be fetched.
            DataError: A fetched file is not a code of legi-data.
        """
        found: dict[str, Document] = {}
        for code in self.codes:
            fetched = fetch_first(places(self.source, self.fallback, code), progress)
            root = legi_source.read(fetched.path, fetched.label)
            title = legi_source.title(root)
            for article in articles(root):
                named = article.id and article.num and article.text
                if named and not why_not_in_force(article, self.as_of):
                    found.setdefault(article.id, _document(article, title))
        return list(found.values())

    def article_index(self, progress: Progress) -> ArticleIndex:
        """Return the index of all articles of the codes, whatever rows are kept.

        Raises:
            FetchError: A code could not be fetched.
            DataError: A fetched file is not a code of legi-data.
            StoreError: The cache cannot be written.
        """
        from benchmark.datasets.article_index import article_index

        return article_index(self.codes, self.source, self.fallback, progress)

    def article_texts(self, ids: Collection[str], progress: Progress) -> dict[str, str]:
        """Return the texts of some articles, by the id of the stored version, where known.

        Read from the fetched codes each time: nobody needs more than a few of them.

        Raises:
            FetchError: A code could not be fetched.
            DataError: A fetched file is not a code of legi-data.
        """
        found: dict[str, str] = {}
        for code in self.codes:
            fetched = fetch_first(places(self.source, self.fallback, code), progress)
            root = legi_source.read(fetched.path, fetched.label)
            found |= {one.id: one.text for one in articles(root) if one.id in ids}
        return found

    def _rows(self, root: dict[str, Any], dropped: Counter[str]) -> list[Example]:
        code = legi_source.title(root)
        questions = self.questions
        rows: list[Example] = []
        for article in articles(root):
            reason = self._reason(article)
            if reason:
                dropped[reason] += 1
            else:
                rows.append(_row(article, code, questions[len(rows) % len(questions)]))
        return rows

    def _reason(self, article: Article) -> str:
        """Return why an article is left out, or ""."""
        if not article.id or not article.num:
            return "no number" if article.id else "no id"
        reason = why_not_in_force(article, self.as_of)
        if reason:
            return reason
        if article.is_annex and not self.annexes:
            return "annex"
        if article.is_table and not self.tables:
            return "table"
        length = len(article.text)
        if length <= self.min_chars:
            return "too short" if length else "no text"
        return "too long" if self.max_chars is not None and length > self.max_chars else ""


def _document(article: Article, code: str) -> Document:
    group = article.cid or article.id
    return Document(id=article.id, text=article.text, title=_head(article, code), group=group)


def _head(article: Article, code: str) -> str:
    return f"**{code} - Article {article.num}**\nPath: {' > '.join(article.path or (code,))}"


def _row(article: Article, code: str, question: Question) -> Example:
    section = article.path[-1] if article.path else code
    asked = question.ask(article.num, code, section)
    return Example(
        id=article.id,
        prompt=(Message(role="user", content=asked),),
        references=(f"{_head(article, code)}\n\n{article.text}",),
        group=article.cid or article.id,
        meta={
            "code": code,
            "num": article.num,
            "section": section,
            "template": question.name,
            "article_id": article.id,
        },
    )
