"""What the metrics share: library versions in key and signature, and averages that sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from benchmark.errors import MissingDependency
from benchmark.keys import code_version, key
from benchmark.plugins import Plugin, ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class LibraryMetric(Plugin):
    """A metric whose numbers depend on other packages: their versions are part of it."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose code decides the numbers."""

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

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
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
        for index, row in zip(scored, rows, strict=True):
            stats[index] = [*row, 1.0]
        return stats

    def values(self, totals: Array) -> Array:
        """Return the means of summed statistics. Shape: (..., s + 1) -> (..., s)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        count = totals[..., -1:]
        undefined = np.full_like(totals[..., :-1], np.nan)
        return np.divide(totals[..., :-1], count, out=undefined, where=count > 0)


def bound(metric: Any, dataset: Any) -> Any:
    """Return a metric that knows the suite's data set, where it has the optional `for_dataset`.

    What the data set says already (its codes, its day) need not be said twice in a suite.
    """
    hook = getattr(metric, "for_dataset", None)
    return hook(dataset) if hook and dataset is not None else metric


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
