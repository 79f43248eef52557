"""What stands in a prompt beside the question: solved examples, and passages that were found."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.errors import ConfigError
from benchmark.references import check, parse
from benchmark.registry import did_you_mean
from benchmark.suite_base import Spec

TEMPLATE = "Voici des textes qui peuvent aider à répondre.\n\n{context}\n\nQuestion : {question}"
"""The default prompt of retrieval."""
OWN_SUFFIXES = (".jsonl", ".json", ".txt", ".md")
"""Files that documents of one's own are read from."""
SOURCES = ("train", "corpus")

_PLACE = re.compile(r"\{(\w+)\}")
_PLACES = ("context", "question")


class FewShot(Spec):
    """Solved examples from the train side, put before each question."""

    k: int = Field(default=2, ge=1)
    max_chars: int = Field(default=800, ge=1)
    """Only train rows whose answer is at most this long are shown."""
    choose: Literal["seed", "similarity", "fixed"] = "seed"
    """seed: the same rows for every question, drawn by the suite's seed. similarity: for each
    question the rows that ask most alike (BM25), the most similar one last. fixed: `ids`."""
    ids: tuple[str, ...] = ()
    """Train rows to show, in this order; for `choose: fixed`."""

    @model_validator(mode="before")
    @classmethod
    def _count(cls, value: Any) -> Any:
        if isinstance(value, int):
            return {"k": value}
        if isinstance(value, dict) and isinstance(value.get("ids"), list | tuple) and value["ids"]:
            return {"choose": "fixed", "k": len(value["ids"]), **value}
        return value

    @model_validator(mode="after")
    def _fits(self) -> FewShot:
        if self.choose == "fixed" and not self.ids:
            raise ValueError("`choose: fixed` names no rows; list their ids under `ids`")
        if self.ids and self.choose != "fixed":
            raise ValueError(f"`ids` has no use with `choose: {self.choose}`; set `choose: fixed`")
        if len(set(self.ids)) < len(self.ids):
            twice = next(name for name in self.ids if self.ids.count(name) > 1)
            raise ValueError(f"`ids` names {twice!r} twice; keep one")
        if self.ids and self.k != len(self.ids):
            raise ValueError(f"`k` is {self.k}, but `ids` names {len(self.ids)}; leave `k` out")
        return self


class RetrievalSpec(Spec):
    """Passages put into the prompt because they resemble the question (RAG).

    A candidate that also trains sees them in its training rows, in the same template. There a
    row's own answer is kept out where the documents are the answers themselves (`train`), or it
    would learn to copy what is not there at test time; elsewhere it may be found, as it may be
    at test time.
    """

    documents: str = "train"
    """train: the answers of the train side. corpus: all texts that the data set's questions come
    from (for `legi`, the articles of its codes: those of the test side too, as they are law). Or a
    path or package reference of documents of one's own: .jsonl or .json with `text` and, if
    wanted, `id`, `title` and `group`; .txt or .md; or a folder of such files."""
    passage_chars: int = Field(default=1200, ge=50)
    """Longer documents are split, between paragraphs where that is possible."""
    method: Literal["bm25", "embedding"] = "bm25"
    model: str | None = Field(default=None, min_length=1)
    """The encoder of `method: embedding`, as a package reference."""
    k: int = Field(default=3, ge=1)
    """Passages that are retrieved."""
    max_chars: int = Field(default=2000, ge=1)
    """Most characters of them in a prompt; the last ones are dropped until the rest fits."""
    template: str = TEMPLATE
    """The user's turn, with {context} and {question} at their places."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"documents": value} if isinstance(value, str) else value

    @field_validator("documents")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in SOURCES:
            return value
        try:
            found = parse(value)
            check(found)
        except ConfigError as error:
            problem = error.problems[0]
            hint = did_you_mean(value, list(SOURCES)) or problem.hint
            raise ValueError(f"{problem.what}; {hint or 'or name train or corpus'}") from error
        if found.kind == "hub":
            raise ValueError(f"{value!r} is a hub id; name a file or folder: ./{found.name}")
        return value

    @field_validator("model")
    @classmethod
    def _reference(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("template")
    @classmethod
    def _places(cls, value: str) -> str:
        named = _PLACE.findall(value)
        for name in named:
            near = did_you_mean(name, list(_PLACES))
            if near and name not in _PLACES:
                raise ValueError(f"has a place {{{name}}} that nothing fills; {near}")
        missing = [name for name in _PLACES if name not in named]
        if missing:
            raise ValueError(f"has no {{{missing[0]}}}; write it where the {missing[0]} goes")
        return value

    @model_validator(mode="after")
    def _encoder(self) -> RetrievalSpec:
        if self.method == "embedding" and self.model is None:
            raise ValueError("`method: embedding` names no encoder; give `model`")
        if self.method == "bm25" and self.model is not None:
            raise ValueError("`model` has no use with bm25; set `method: embedding`")
        return self

    @property
    def is_own(self) -> bool:
        """Tell whether the documents are the user's own."""
        return self.documents not in SOURCES

    def fill(self, context: str, question: str) -> str:
        """Return the user's turn; what looks like a place in a text is left as it is."""
        texts = {"context": context, "question": question}
        return _PLACE.sub(lambda place: texts.get(place[1], place[0]), self.template)
