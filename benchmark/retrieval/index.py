"""An index of passages: what is found for an example, and its prompt with that in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import NamedTuple

from benchmark.keys import code_version, sha256_of_rows
from benchmark.progress import Progress
from benchmark.records import Example, Found, Hit, Message
from benchmark.retrieval.dense import Dense, is_cached
from benchmark.retrieval.documents import Documents
from benchmark.retrieval.passages import Context, fit, passages
from benchmark.retrieval.search import K1, B, Bm25, Ranked, Search, best
from benchmark.suite_context import RetrievalSpec


class Asked(NamedTuple):
    """An example with passages in its prompt, and which."""

    example: Example
    found: Found
    dropped: int
    """Passages that had no room."""


class Index:
    """Passages that can be searched.

    Attributes:
        documents: What they were cut from.
        passages: All of them, in order.
    """

    def __init__(self, documents: Documents, spec: RetrievalSpec) -> None:
        """Cut the documents; nothing is searched or encoded yet."""
        self.documents = documents
        self.passages = list(passages(documents.texts, spec.passage_chars))
        self._names = [passage.id for passage in self.passages]
        self._search: dict[tuple[str, str | None], Search] = {}
        self._places: dict[str, list[int]] = {}
        kin: defaultdict[str, list[int]] = defaultdict(list)
        for at, passage in enumerate(self.passages):
            kin[f"document {passage.document}"].append(at)
            if passage.group:
                kin[f"group {passage.group}"].append(at)
        self._kin = dict(kin)

    @property
    def sha256(self) -> str:
        """Return the hash of all passages, in order."""
        return sha256_of_rows(f"{one.id}\x1f{one.group}\x1f{one.text}" for one in self.passages)

    def own(self, example: Example) -> set[int]:
        """Return the places of the passages that are of an example's own document or group."""
        mine = self._kin.get(f"document {example.id}", [])
        return {*mine, *(self._kin.get(f"group {example.group}", []) if example.group else [])}

    def is_ready(self, spec: RetrievalSpec, examples: Sequence[Example], shown: Progress) -> bool:
        """Tell whether a search needs no encoder, because it has none or all is in the cache."""
        if spec.model is None:
            return True
        texts = ([one.text for one in self.passages], [one.question for one in examples])
        return all(is_cached(part, spec.model, shown) for part in texts)

    def ask(
        self,
        examples: Sequence[Example],
        spec: RetrievalSpec,
        progress: Progress,
        *,
        without_own: bool = False,
    ) -> list[Asked]:
        """Return examples with what was found for them in their prompts.

        Args:
            examples: What is asked.
            spec: How.
            progress: Where encoding shows itself.
            without_own: Keep passages of an example's own document or group out.
        """
        search = self._searched(spec, progress)
        scores = search.scores([example.question for example in examples])
        asked = []
        for example, mine in zip(examples, scores, strict=True):
            own = self.own(example)
            out = own if without_own else ()
            ranked = best(mine, self._names, spec.k, without=out, floor=search.floor)
            asked.append(self._asked(example, ranked, own, spec))
        return asked

    def _asked(
        self, example: Example, ranked: Sequence[Ranked], own: set[int], spec: RetrievalSpec
    ) -> Asked:
        context = fit([self.passages[one.at].text for one in ranked], spec.max_chars)
        hits = tuple(
            Hit(
                id=self.passages[one.at].id,
                score=one.score,
                is_gold=one.at in own,
                is_shown=place < context.shown,
            )
            for place, one in enumerate(ranked)
        )
        found = Found(
            example_id=example.id,
            hits=hits,
            has_gold=bool(own),
            chars=len(context.text),
            cut=context.is_cut,
        )
        return Asked(with_context(example, context, spec.fill), found, len(hits) - context.shown)

    def _searched(self, spec: RetrievalSpec, progress: Progress) -> Search:
        name = (spec.method, spec.model)
        if name not in self._search:
            texts = [passage.text for passage in self.passages]
            dense = spec.model is not None
            self._search[name] = (
                Dense(texts, spec.model, progress) if dense and spec.model else Bm25(texts)
            )
        return self._search[name]


def with_context(example: Example, context: Context, fill: Callable[[str, str], str]) -> Example:
    """Return an example whose last question stands in the template, behind the passages.

    Where nothing was found, or nothing is asked (plain text), it stays as it is.
    """
    last = example.last_question
    if not context.shown or last is None:
        return example
    turns = list(example.prompt)
    turns[last] = Message(role="user", content=fill(context.text, turns[last].content))
    return example.model_copy(update={"prompt": tuple(turns)})


def signature(spec: RetrievalSpec) -> str:
    """Return by what passages are found: two recalls compare only if it is the same."""
    return "|".join(_signed(spec))


def _signed(spec: RetrievalSpec) -> Iterator[str]:
    if spec.method == "bm25":
        yield from (f"bm25s:{version('bm25s')}", "lucene", f"k1:{K1}", f"b:{B}", "stems:french")
    else:
        yield from ("embedding", f"model:{spec.model}", "mean", "cosine")
    yield f"passage_chars:{spec.passage_chars}"
    yield f"max_chars:{spec.max_chars}"
    yield f"code:{code_version(__name__)}"
