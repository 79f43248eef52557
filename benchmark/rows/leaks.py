"""What of the test side can also be found where a model learns: train rows, shots, an index.

Ids, groups and equal texts are compared exactly. Near duplicates and long answers that stand in
another text are compared without boilerplate (see `passages`): two short articles with the same
breadcrumb are two articles, one article with a word changed is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.records import Example, Record
from benchmark.rows.passages import Text, boilerplate, cut
from benchmark.rows.resemblance import contained, near
from benchmark.rows.similar import Pair, folded, key_of

Source = Literal["train", "few-shot", "index"]
Way = Literal["id", "group", "prompt", "answer", "near", "contained"]

SHOWN = 20
"""Pairs in a report, of each kind."""
MIN_ANSWER = 5
"""Words: shorter answers (yes, a label, a name) repeat by nature, and are no leak."""

WAYS: dict[Way, str] = {
    "id": "the id of {}",
    "group": "the group of {}",
    "prompt": "the prompt of {}",
    "answer": "the answer of {}",
    "near": "nearly the text of {}",
    "contained": "a long answer that is, for the most part, in {}",
}
NAMES: dict[Source, str] = {
    "train": "a training row",
    "few-shot": "a few-shot example",
    "index": "a text of the index",
}
PLURAL: dict[Source, str] = {
    "train": "training rows",
    "few-shot": "few-shot examples",
    "index": "texts of the index",
}


class LeakPair(Record):
    """A test example and what it was found in."""

    test: str
    """The example's id."""
    other: str
    """The id of the row on the other side."""
    similarity: float | None = None
    """How much of it (near, contained); None: equal."""


class Leak(Record):
    """One kind of leak: which source, found in which way."""

    source: Source
    way: Way
    count: int
    """Test examples."""
    share: float
    """Of the test side."""
    pairs: tuple[LeakPair, ...]
    """The first twenty, one for each test example, the clearest first."""


class LeakReport(Record):
    """All leaks into the test side."""

    tests: int
    """Examples on the test side."""
    compared: dict[Source, int]
    """Rows or texts looked through, by source."""
    leaks: tuple[Leak, ...]
    """Only what was found."""
    total: int
    """Test examples found in any way in the train rows or the few-shot examples."""
    share: float
    """`total` as a share of the test side."""
    in_index: int
    """Test examples found in the index; retrieval is meant to find its source there."""
    sentences: tuple[str, ...]
    """What a report says: one line, then one for each kind."""

    def count(self, way: Way, source: Source = "train") -> int:
        """Return how many test examples leak in one way."""
        return sum(leak.count for leak in self.leaks if (leak.way, leak.source) == (way, source))


def leaks(
    train: Sequence[Example],
    test: Sequence[Example],
    *,
    shots: Sequence[Example] = (),
    index: Sequence[tuple[str, str]] = (),
    containment_words: int = 13,
    similarity: float = 0.8,
) -> LeakReport:
    """Look for the test side in everything that a candidate may have seen.

    Args:
        train: What is trained on, the validation side too if its loss chooses anything.
        test: What is measured on.
        shots: Solved examples that stand in a prompt.
        index: Id and text of what a retriever can find.
        containment_words: Length of the n-grams that long answers are looked for by.
        similarity: From where two texts are nearly the same: the share of word 5-grams that
            they have in common or, where whole passages are equal, the share of words, in
            their order, that the others have in common. Also the share of a long answer's
            n-grams from where it is contained.
    """
    tests = [_example(example) for example in test]
    sides: dict[Source, list[_Side]] = {
        "train": [_example(example) for example in train],
        "few-shot": [_example(example) for example in shots],
        "index": [_text(name, text) for name, text in index],
    }
    # Not from the index: it is meant to hold what a test example and its source say.
    learned = [*tests, *sides["train"]]
    groups = [side.group or f"\x1f{number}" for number, side in enumerate(learned)]
    common = boilerplate([side.whole for side in learned], groups)
    found: list[Found] = []
    for source, others in sides.items():
        ways = _equal(tests, others, ("answer",) if source == "index" else tuple(WAYS))
        asked = [side.answer if source == "index" else side.whole for side in tests]
        answers = [side.answer for side in tests]
        texts = [side.whole for side in others]
        alike: dict[Way, Iterator[Pair]] = {
            "near": near(asked, texts, common, similarity),
            "contained": contained(answers, texts, common, containment_words, similarity),
        }
        for way, pairs in alike.items():
            ways[way] = _named(pairs, tests, others)
        found += [(source, way, _clearest(hits)) for way, hits in ways.items() if hits]
    return _report(found, sides, tests)


@dataclass(frozen=True, slots=True)
class _Side:
    """What is compared of one example, or of one text of an index."""

    id: str
    group: str
    prompt: int | None
    """Hash of the prompt."""
    answers: frozenset[int]
    """Hashes of the answers that are long enough to tell anything."""
    both: int
    """Hash of prompt and first answer."""
    whole: Text
    answer: Text


Hit = tuple[str, str, float | None]
"""Test id, the other's id, how much."""
Found = tuple[Source, Way, list[Hit]]
"""One hit for each test example."""


def _example(example: Example) -> _Side:
    prompt = "\n".join(turn.content for turn in example.prompt if turn.role != "system")
    asked, folded_prompt = cut(prompt), folded(prompt)
    said = [cut(answer) for answer in example.references] or [()]
    keys = [key_of(folded(answer)) for answer in example.references] or [0]
    prompt_key = key_of(folded_prompt) if folded_prompt else None
    return _Side(
        id=example.id,
        group=example.group,
        prompt=prompt_key,
        answers=frozenset(key for key, text in zip(keys, said, strict=True) if _tells(text)),
        both=key_of(f"{prompt_key} {keys[0]}"),
        whole=asked + said[0],
        answer=said[0],
    )


def _text(name: str, text: str) -> _Side:
    said, key = cut(text), key_of(folded(text))
    return _Side(name, "", None, frozenset([key] if _tells(said) else []), key, said, said)


def _tells(answer: Text) -> bool:
    return sum(len(passage.words) for passage in answer) >= MIN_ANSWER


def _equal(
    tests: Sequence[_Side], others: Sequence[_Side], ways: Sequence[Way]
) -> dict[Way, list[Hit]]:
    """Return the pairs with something equal: for each test example, the first of the others."""
    found: dict[Way, list[Hit]] = {}
    for way in ways:
        first: dict[str | int, str] = {}
        for other in others:
            for mark in _marks(other, way):
                first.setdefault(mark, other.id)
        found[way] = [
            (test.id, first[mark], None)
            for test in tests
            for mark in _marks(test, way)
            if mark in first
        ]
    return found


def _marks(side: _Side, way: Way) -> Sequence[str | int]:
    """Return what a side can share with another in one way."""
    if way == "id":
        return [side.id]
    if way == "group":
        return [side.group] if side.group else []
    if way == "prompt":
        return [side.prompt] if side.prompt is not None else []
    return sorted(side.answers) if way == "answer" else []


def _named(pairs: Iterable[Pair], tests: Sequence[_Side], others: Sequence[_Side]) -> list[Hit]:
    """Return the ids of similar pairs; of equal ones another way has spoken."""
    found: list[Hit] = []
    for pair in pairs:
        test, other = tests[pair.first], others[pair.second]
        if test.both != other.both and not test.answers & other.answers:
            found.append((test.id, other.id, pair.similarity))
    return found


def _clearest(hits: Iterable[Hit]) -> list[Hit]:
    """Return one hit for each test example, the most similar; the clearest of all first."""
    ranked = sorted(hits, key=lambda hit: -(hit[2] or 1.0))
    best: dict[str, Hit] = {}
    for hit in ranked:
        best.setdefault(hit[0], hit)
    return list(best.values())


def _report(
    found: Sequence[Found], sides: dict[Source, list[_Side]], tests: Sequence[_Side]
) -> LeakReport:
    leaking: defaultdict[Source, set[str]] = defaultdict(set)
    for source, _, hits in found:
        leaking[source] |= {hit[0] for hit in hits}
    total = len(leaking["train"] | leaking["few-shot"])
    kinds = tuple(
        Leak(
            source=source,
            way=way,
            count=len(hits),
            share=len(hits) / len(tests),
            pairs=tuple(
                LeakPair(test=test, other=other, similarity=similarity)
                for test, other, similarity in hits[:SHOWN]
            ),
        )
        for source, way, hits in found
    )
    compared: dict[Source, int] = {name: len(others) for name, others in sides.items() if others}
    return LeakReport(
        tests=len(tests),
        compared=compared,
        leaks=kinds,
        total=total,
        share=total / len(tests) if tests else 0.0,
        in_index=len(leaking["index"]),
        sentences=_sentences(kinds, total, len(tests), compared),
    )


def _sentences(
    kinds: Sequence[Leak], total: int, tests: int, compared: dict[Source, int]
) -> tuple[str, ...]:
    looked = " and ".join(f"{count:,} {PLURAL[source]}" for source, count in compared.items())
    if not looked:
        return ("There was nothing to compare the test side with.",)
    if not kinds:
        return (f"None of the {tests:,} test examples was found in {looked}.",)
    share = f"{total / tests:.1%}"
    lines = [f"{total:,} of {tests:,} test examples ({share}) leak, of {looked} looked through."]
    for kind in kinds:
        pair = kind.pairs[0]
        alike = f", {pair.similarity:.0%} alike" if pair.similarity is not None else ""
        way = WAYS[kind.way].format(NAMES[kind.source])
        lines.append(f"{kind.count:,} with {way} (such as {pair.test} ~ {pair.other}{alike})")
    return tuple(lines)
