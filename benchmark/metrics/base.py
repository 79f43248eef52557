"""What the metrics share: library versions in key and signature, and averages that sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from benchmark.errors import MissingDependency
from benchmark.keys import code_version, key
from benchmark.plugins import Metric, Plugin, ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


@runtime_checkable
class Fitted(Protocol):
    """A metric that must see the whole test set before it can score any answer."""

    def fitted(self, examples: Sequence[Example]) -> Metric:
        """Return the metric for this test set; its key holds the set."""


class LibraryMetric(Plugin):
    """A metric whose numbers depend on other packages: their versions are part of it."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose code decides the numbers."""
    by_example: ClassVar[bool] = False
    """Whether a row of statistics depends on its own example and text alone, and needs no model:
    rows are then computed piece by piece, on several cores. Absent in another's metric: no."""

    def described(self) -> dict[str, Any]:
        """Return what the signature tells: by default every parameter, default or not."""
        return self.model_dump(mode="json")

    @property
    def signature(self) -> str:
        """Return name, parameters, versions of the libraries behind it, and code version."""
        said = {**self.described(), **self._versions()}
        parts = [f"{name}:{_word(value)}" for name, value in said.items()]
        code = f"code:{code_version(type(self).__module__)}"
        return "|".join([type(self).__name__.lower(), *parts, code])

    @property
    def key(self) -> str:
        """Return the content key: class, every parameter, its code, and library versions."""
        return key(plugin=super().key, versions=self._versions())

    def _versions(self) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return {package: version(package) for package in self.packages}
        except PackageNotFoundError as error:
            raise MissingDependency(
                f"metric {type(self).__name__} needs the package {error.name!r}",
                hint=f"python -m pip install {error.name}",
            ) from error


class MeanMetric(LibraryMetric):
    """A metric whose corpus value is the mean over the examples that have a reference.

    Statistics, shape (n, s + 1): the s scores of each example, then 1. An example without
    references has no score: its row is all zeros, and a sum of only such rows gives NaN.
    """

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the s numbers that this metric gives, by name."""
        raise NotImplementedError

    def pair(self, text: str, reference: str) -> Sequence[float]:
        """Return the s scores of one answer against one reference, in the order of `infos`."""
        raise NotImplementedError

    def rows(
        self, examples: Sequence[Example], texts: Sequence[str]
    ) -> Sequence[Sequence[float]] | Array:
        """Return the s scores of each answer, best reference first, for each score on its own.

        Every example here has at least one reference. Metrics that work in batches override it.
        """
        better = [max if info.higher_is_better else min for info in self.infos()]
        found: list[Sequence[float]] = []
        for example, text in zip(examples, texts, strict=True):
            pairs = [self.pair(text, reference) for reference in example.references]
            found.append(
                [
                    best(column)
                    for best, column in zip(better, zip(*pairs, strict=True), strict=True)
                ]
            )
        return found

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return scores and a count of 1 for each of n answers. Shape: (n, s + 1)."""
        import numpy as np

        if len(examples) != len(texts):
            raise ValueError(f"{len(examples)} examples, but {len(texts)} texts")
        scored = [index for index, example in enumerate(examples) if example.references]
        rows = self.rows([examples[index] for index in scored], [texts[index] for index in scored])
        stats = np.zeros((len(texts), len(self.infos()) + 1))
        if scored:
            stats[scored, :-1] = rows
            stats[scored, -1] = 1.0
        return stats

    def values(self, totals: Array) -> Array:
        """Return the means of summed statistics. Shape: (..., s + 1) -> (..., s)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        count = totals[..., -1:]
        undefined = np.full_like(totals[..., :-1], np.nan)
        return np.divide(totals[..., :-1], count, out=undefined, where=count > 0)


class PairMetric(MeanMetric):
    """A mean over examples that is computed for many pairs of answer and reference at once."""

    by_example: ClassVar[bool] = True

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return the s scores of each answer against the reference beside it. Shape: (n, s)."""
        raise NotImplementedError

    def pair(self, text: str, reference: str) -> Sequence[float]:
        """Return the s scores of one answer against one reference."""
        found: list[float] = self.pairs([text], [reference])[0].tolist()
        return found

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the s scores of each answer, best reference first, for each score on its own."""
        import numpy as np

        counts = [len(example.references) for example in examples]
        many = [text for text, count in zip(texts, counts, strict=True) for _ in range(count)]
        every = [reference for example in examples for reference in example.references]
        found = np.zeros((len(every), len(self.infos())))
        for start in range(0, len(every), PART):
            at = slice(start, start + PART)
            found[at] = self.pairs(many[at], every[at])
        if len(every) == len(texts):
            return found
        starts = np.cumsum([0, *counts[:-1]])
        columns = [
            (np.maximum if info.higher_is_better else np.minimum).reduceat(column, starts)
            for info, column in zip(self.infos(), found.T, strict=True)
        ]
        return np.stack(columns, axis=1)


PART = 256
"""Pairs that are looked at together: memory does not grow with the number of answers."""


def bound(metric: Any, dataset: Any) -> Any:
    """Return a metric that knows the suite's data set, where it has the optional `for_dataset`.

    What the data set says already (its codes, its day) need not be said twice in a suite.
    """
    hook = getattr(metric, "for_dataset", None)
    return hook(dataset) if hook and dataset is not None else metric


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
