"""How long rows are, in words and in tokens; who is cut at a model's maximum."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar, Literal

from benchmark.records import Record
from benchmark.rows.findings import Kind, Places, Tally, found
from benchmark.rows.row import Finding
from benchmark.rows.view import View

BINS = 24
TAIL = 0.99
"""Share of the rows that the bins of equal width hold; the last bin takes the longest."""

Side = Literal["prompt", "answer", "row"]


class Lengths(Record):
    """A histogram of lengths."""

    side: Side
    unit: Literal["words", "tokens"]
    edges: tuple[int, ...]
    """Of the bins, one more than there are; bin i holds edges[i] <= length < edges[i + 1]."""
    counts: tuple[int, ...]
    """Rows in each bin."""
    shortest: int
    median: float
    mean: float
    p95: float
    longest: int


class TooLong:
    """Rows of more tokens than the model's maximum; also keeps all lengths for the histogram.

    Args:
        tokenizer: A transformers tokenizer; None counts words alone.
        max_length: In tokens; None: nothing is too long.
    """

    name: ClassVar = "too_long"

    def __init__(self, tokenizer: Any = None, max_length: int | None = None) -> None:
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._words = {"prompt": array("I"), "answer": array("I")}
        self._tokens = {"prompt": array("I"), "answer": array("I")}
        self._numbers = array("q")
        # Tokenizers leave Python's lock alone: a second thread uses the second core.
        self._thread = ThreadPoolExecutor(1)
        self._counting: Future[None] | None = None

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows; much faster in batches of some hundreds."""
        self._numbers.extend(view.number for view in views)
        texts = {"prompt": [view.prompt for view in views], "answer": [v.answer for v in views]}
        for side, of in texts.items():
            self._words[side].extend(len(text.split()) for text in of)
        if self._tokenizer is not None:
            self._wait()
            self._counting = self._thread.submit(self._count, texts)

    def _count(self, texts: dict[str, list[str]]) -> None:
        for side, of in texts.items():
            self._tokens[side].extend(token_counts(self._tokenizer, of))

    def _wait(self) -> None:
        if self._counting is not None:
            self._counting.result()

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the rows that lose their end, and among them those that lose their answer."""
        self._wait()
        if self._tokenizer is None or self._max_length is None:
            return
        most = self._max_length
        cut, lost = Tally(), Tally()
        sizes = zip(self._numbers, *self._tokens.values(), strict=True)
        for number, prompt, answer in sizes:
            if prompt + answer + 1 > most:  # 1: the end of the turn, which is learned too
                (lost if prompt >= most else cut).add(number)
        longer = f"longer than {most:,} tokens (those of the prompt template not counted)"
        hint = "raise max_length, shorten or drop them"
        if cut.count:
            yield found(self.name, Kind("warning", f"{longer}: the end is cut", hint), cut, places)
        if lost.count:
            what = f"{longer} by the prompt alone: the whole answer is cut"
            yield found(self.name, Kind("warning", what, hint), lost, places)

    def lengths(self) -> tuple[Lengths, ...]:
        """Return the histograms: of prompts, answers and rows, in words and in tokens."""
        self._wait()
        self._thread.shutdown()
        histograms: list[Lengths] = []
        for unit, sides in (("words", self._words), ("tokens", self._tokens)):
            if len(sides["answer"]):
                histograms += _histograms(unit, sides)  # type: ignore[arg-type]
        return tuple(histograms)


def token_counts(tokenizer: Any, texts: list[str]) -> list[int]:
    """Return how many tokens each text has, without special ones.

    Args:
        tokenizer: A transformers tokenizer, fast or slow.
        texts: Any texts; lone surrogates count as one U+FFFD each.
    """
    sound = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in texts]
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and backend.truncation is None and backend.padding is None:
        # Counts without building the lists of ids: faster, and on all cores.
        return [len(ids) for ids in backend.encode_batch_fast(sound, add_special_tokens=False)]
    encoded = tokenizer(sound, add_special_tokens=False, verbose=False)["input_ids"]
    return [len(ids) for ids in encoded]


def _histograms(
    unit: Literal["words", "tokens"], sides: dict[str, array[int]]
) -> Iterator[Lengths]:
    import numpy as np

    prompts, answers = (np.asarray(sides[side], dtype=np.int64) for side in ("prompt", "answer"))
    both: dict[Side, Any] = {"prompt": prompts, "answer": answers, "row": prompts + answers}
    for side, sizes in both.items():
        longest = int(sizes.max())
        if side == "prompt" and not longest:
            continue  # plain texts have none
        width = max(1, int(np.ceil((np.quantile(sizes, TAIL) + 1) / BINS)))
        edges = np.arange(0, min(longest + width, width * BINS) + 1, width)
        edges[-1] = max(edges[-1], longest + 1)
        yield Lengths(
            side=side,
            unit=unit,
            edges=tuple(int(edge) for edge in edges),
            counts=tuple(int(count) for count in np.histogram(sizes, edges)[0]),
            shortest=int(sizes.min()),
            median=float(np.median(sizes)),
            mean=float(sizes.mean()),
            p95=float(np.quantile(sizes, 0.95)),
            longest=longest,
        )
