"""French legal codes as instruction rows, from the JSON of SocialGouv/legi-data.

One article in force gives one row. The question is one of five instructions in English that
take turns; the answer names the code, the article and its place in the code, and then is the
article's text in French::

    **Code du travail - Article L1234-5**
    Path: Partie législative > Titre Ier : ... > Section 2 : ...

    <text>
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from benchmark.datasets.legi_articles import Article, articles, first_moment, why_not_in_force
from benchmark.errors import ConfigError, DataError
from benchmark.plugins import Loaded, Plugin
from benchmark.progress import Progress
from benchmark.records import Example, Message
from benchmark.references import Reference, check, fetch_first, parse
from benchmark.registry import did_you_mean

CODES = {
    "travail": "LEGITEXT000006072050",
    "securite-sociale": "LEGITEXT000006073189",
    "rural": "LEGITEXT000022197698",
    "crpa": "LEGITEXT000031366350",
}
"""The codes that legi-data carries and the reference workflow uses."""

SOURCE = (
    "npm:@socialgouv/legi-data@2.513.0"
    "#sha256=10b1764253677990bb889057a49e8ddbc8486173502b38e7a1c75a7260b42de5"
)
FALLBACK = "https://raw.githubusercontent.com/SocialGouv/legi-data/v2.513.0/data/{id}.json"
FALLBACK_SHA256 = {
    "LEGITEXT000006072050": "66ebd3ef975822b0ec9c195fd4a7b114689beb7837531ed51061c991bc610e27",
    "LEGITEXT000006073189": "30e595814f66b9e3bdc3bee507602a386505875e076e594df24a6c137632446f",
    "LEGITEXT000022197698": "fa2ec789621f5b1f94c4b36ebcef601f28d7e63733579977d0d07de07ae8ba8f",
    "LEGITEXT000031366350": "73202ba93f543ca129bd2af1939378d770f7b1352acf0567c8019ef02f6d23f8",
}
"""Checksums of the files in SOURCE, which the fallback must give byte for byte."""

TEMPLATES = {
    "summary": "Summarise {article} of the {code} in plain English.",
    "obligations": "Which obligations does {article} of the {code} create, and for whom?",
    "significance": "What is the legal significance of {article} of the {code}, "
    'which stands in the section "{section}"?',
    "explanation": "Translate {article} of the {code} into English and explain it to a reader "
    "who is not a lawyer.",
    "rights": "Which rights does {article} of the {code} grant, and who holds them?",
}
"""The five intents of the reference workflow, in the order in which they take turns."""


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
    language: Literal["en"] = "en"
    """Language of the instructions."""
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
        names = {code_id: name for name, code_id in CODES.items()}
        codes = tuple(names.get(code, code) for code in value)  # one spelling, one cache key
        for code in codes:
            is_id = code.startswith("LEGITEXT") and code[8:].isdecimal() and len(code) == 20
            if code not in CODES and not is_id:
                hint = did_you_mean(code, list(CODES)) or f"known: {', '.join(CODES)}"
                raise ValueError(f"unknown code {code!r}; {hint}")
        if not codes or len(set(codes)) < len(codes):
            raise ValueError("names no code" if not codes else "names a code twice")
        return codes

    @field_validator("source", "fallback")
    @classmethod
    def _references(cls, value: str | None) -> str | None:
        try:
            if value is not None and _file(value, CODES["travail"]).kind == "hub":
                raise ValueError("names a model on the hub; name a package, a URL or a folder")
            if value is not None and "{id}" not in value:
                check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    def load(self, progress: Progress) -> Loaded:
        """Fetch the codes and build one row an article, in the order of the code.

        Template i mod 5 goes to the i-th kept article of a code, as in the reference workflow.
        So another `as_of`, `min_chars` or `max_chars` gives articles other templates; another
        list of `codes` does not.

        Raises:
            FetchError: A code could not be fetched from `source` nor from `fallback`.
            DataError: A fetched file is not a code of legi-data.
        """
        examples: dict[str, Example] = {}
        dropped: Counter[str] = Counter()
        sources = {}
        for code in self.codes:
            fetched = fetch_first(self._sources(CODES.get(code, code)), progress)
            sources[fetched.label] = fetched.sha256
            with progress.step(f"read {fetched.label}"):
                root = _read(fetched.path, fetched.label)
                for example in self._rows(root, dropped):
                    if example.id in examples:
                        dropped["article seen before"] += 1
                    examples.setdefault(example.id, example)
        return Loaded(tuple(examples.values()), dict(dropped), sources)

    def _sources(self, code_id: str) -> list[Reference]:
        found = [_file(self.source, code_id)]
        # The default fallback is of the default version: it must not stand in for another one.
        if self.fallback and (self.fallback != FALLBACK or self.source == SOURCE):
            checksum = FALLBACK_SHA256.get(code_id, "") if self.fallback == FALLBACK else ""
            text = self.fallback + (f"#sha256={checksum}" if checksum else "")
            found.append(_file(text, code_id))
        return found

    def _rows(self, root: dict[str, Any], dropped: Counter[str]) -> list[Example]:
        code = " ".join(root["data"]["title"].split())
        day = first_moment(self.as_of)
        rows: list[Example] = []
        for article in articles(root):
            reason = self._reason(article, day)
            if reason:
                dropped[reason] += 1
            else:
                rows.append(_row(article, code, list(TEMPLATES)[len(rows) % len(TEMPLATES)]))
        return rows

    def _reason(self, article: Article, day: int) -> str:
        """Return why an article is left out, or ""."""
        if not article.id:
            return "no id"
        if not article.num:
            return "no number"
        reason = why_not_in_force(article, day)
        if reason:
            return reason
        length = len(article.text)
        if length <= self.min_chars:
            return "too short" if length else "no text"
        return "too long" if self.max_chars is not None and length > self.max_chars else ""


def _file(source: str, code_id: str) -> Reference:
    if "{id}" in source:
        return parse(source.replace("{id}", code_id))
    found = parse(source)
    if found.kind == "https":
        raise ConfigError(f"{source!r} has no {{id}}", hint="put {id} where the code's id goes")
    return found.inside(f"data/{code_id}.json") if found.kind != "hub" else found


def _read(path: Path, label: str) -> dict[str, Any]:
    try:
        root = json.loads(path.read_bytes())
        is_code = root["type"] == "code" and isinstance(root["children"], list)
        is_code = is_code and bool(root["data"]["title"].strip())
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", where=label, hint="fetch it again") from error
    except (TypeError, KeyError, AttributeError):
        is_code = False
    if not is_code:
        raise DataError("is not a code of legi-data", where=label, hint="check `dataset.source`")
    code: dict[str, Any] = root
    return code


def _row(article: Article, code: str, template: str) -> Example:
    section = article.path[-1] if article.path else code
    question = TEMPLATES[template].format(article=_named(article.num), code=code, section=section)
    head = f"**{code} - Article {article.num}**\nPath: {' > '.join(article.path or (code,))}"
    return Example(
        id=article.id,
        prompt=(Message(role="user", content=question),),
        references=(f"{head}\n\n{article.text}",),
        group=article.cid or article.id,
        meta={
            "code": code,
            "num": article.num,
            "section": section,
            "template": template,
            "article_id": article.id,
        },
    )


def _named(num: str) -> str:
    """Return "Article L1"; but "Annexe II" is a noun of its own."""
    is_number = any(character.isdigit() for character in num.split(maxsplit=1)[0])
    return f"Article {num}" if is_number else num
