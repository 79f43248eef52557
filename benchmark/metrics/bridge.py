"""Any metric of Hugging Face's `evaluate`: a local module, or one from the hub."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite, nan
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, JsonValue, model_validator

from benchmark.errors import ConfigError, FetchError
from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import encodable
from benchmark.plugins import ScoreInfo
from benchmark.progress import Progress
from benchmark.records import Example
from benchmark.references.cache import offline

BATCH = 512
"""Pairs that a module which gives a value for each sees at a time."""


class Evaluate(MeanMetric):
    """Numbers of a module of `evaluate`, as means over examples.

    A module gives one number for a whole batch, or a list with one for each pair. A list is
    taken as it is; else each example is a batch of its own, so that there are intervals and
    paired tests. What a module makes of all examples at once (a corpus BLEU, a correlation) is
    then another number: the signature says `mean over examples`.

    With several references each number takes its best, unless the module takes lists of them.
    An example that the module fails on, or gives no finite number for, is counted as failed.

    Parameters:
        path: Folder or file of a module, or its id on the hub.
        scores: Keys of the module's result, each of which becomes a number.
        config: Name of the module's configuration.
        higher_is_better: Of all these numbers; name the module twice where they differ.
        options: Passed to the module's `compute`.
        revision: On the hub: branch, tag or commit.
        trust: Must be true for an id on the hub: its code is fetched, and runs as you.
    """

    packages: ClassVar[tuple[str, ...]] = ("evaluate",)

    path: str = Field(min_length=1)
    scores: tuple[str, ...] = Field(min_length=1)
    config: str | None = None
    higher_is_better: bool = True
    options: dict[str, JsonValue] = Field(default_factory=dict)
    revision: str | None = None
    trust: bool = False

    @model_validator(mode="after")
    def _is_trusted(self) -> Evaluate:
        if not self.trust and not _local(self.path):
            raise ValueError(
                f"no file or folder {self.path}; on the hub it would be a program that runs "
                "as you: set `trust: true` if that is what you mean"
            )
        return self

    def described(self) -> dict[str, Any]:
        """Return what the module is asked, and that its numbers are averaged."""
        said = {"path": self.path, "config": self.config, "revision": self.revision}
        shown = {name: value for name, value in said.items() if value is not None}
        return {**shown, **self.options, "over": "mean over examples"}

    def prepare(self, progress: Progress) -> None:
        """Load the module, so that a missing one shows before the long work."""
        self._module()

    def weights(self) -> str:
        """Return the hash that `evaluate` gives to a module's code."""
        # evaluate_modules.metrics.<name>.<hash>.<name>
        return type(self._module()).__module__.split(".")[-2]

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the numbers that were asked for."""
        return tuple(ScoreInfo(name, self.higher_is_better) for name in self.scores)

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
        """Return the numbers of each answer; NaN where the module has failed on it.

        Raises:
            FetchError: The module cannot be had.
            ConfigError: It fails on every example, or lacks one of `scores`.
        """
        if not texts:
            return []
        module = self._module()
        pairs: list[tuple[str, Any]] = []
        owners: list[int] = []
        many = _takes_lists(module)
        for at, (example, text) in enumerate(zip(examples, texts, strict=True)):
            references = [encodable(one) for one in example.references]
            for reference in [references] if many else references:
                pairs.append((encodable(text), reference))
                owners.append(at)
        best = max if self.higher_is_better else min
        found: list[list[float]] = [[] for _ in texts]
        for at, row in zip(owners, self._values(module, pairs), strict=True):
            known = found[at] or row
            # NaN, not the other reference's number: the module has failed on this example.
            found[at] = [
                best(one, two) if isfinite(one) and isfinite(two) else nan
                for one, two in zip(known, row, strict=True)
            ]
        return [*found]

    def _values(self, module: Any, pairs: Sequence[tuple[str, Any]]) -> list[list[float]]:
        """Return one row of numbers a pair."""
        first = self._compute(module, pairs[:1])
        if not isinstance(first, Exception) and all(_is_list(value, 1) for value in first):
            return self._listed(module, pairs)
        rows: list[list[float]] = []
        error: Exception | None = None
        for pair in pairs:
            made = self._compute(module, [pair])
            if isinstance(made, Exception):
                error = made
                rows.append([nan] * len(self.scores))
            else:
                rows.append([self._number(value) for value in made])
        if error and not any(isfinite(value) for row in rows for value in row):
            raise self._broken(error)
        return rows

    def _listed(self, module: Any, pairs: Sequence[tuple[str, Any]]) -> list[list[float]]:
        rows: list[list[float]] = []
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            made = self._compute(module, batch)
            if isinstance(made, Exception):
                raise self._broken(made)
            if not all(_is_list(value, len(batch)) for value in made):
                raise ConfigError(f"{self.path} gives lists that are not of one value a pair")
            columns = zip(*made, strict=True)
            rows += [[self._number(value) for value in column] for column in columns]
        return rows

    def _compute(self, module: Any, pairs: Sequence[tuple[str, Any]]) -> list[Any] | Exception:
        """Return the values of `scores`, or what the module raised."""
        try:
            made = module.compute(
                predictions=[text for text, _ in pairs],
                references=[reference for _, reference in pairs],
                **self.options,
            )
        except Exception as error:
            # A module is anybody's program: what it raises is counted, and told if it always does.
            return error
        missing = [name for name in self.scores if name not in (made or {})]
        if missing:
            raise ConfigError(
                f"{self.path} gives no {missing[0]!r}",
                hint=f"set `scores` to some of: {', '.join(made or {})}",
            )
        return [made[name] for name in self.scores]

    def _number(self, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{self.path} gives {type(value).__name__} where a number is needed",
                hint="name other keys in `scores`",
            ) from error
        return number if isfinite(number) else nan

    def _broken(self, error: Exception) -> ConfigError:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return ConfigError(f"{self.path} cannot be computed: {reason}", hint="see its `options`")

    def _module(self) -> Any:
        return _load(_local(self.path) or self.path, self.config, self.revision)


@lru_cache(maxsize=8)
def _load(path: str, config: str | None, revision: str | None) -> Any:
    if offline() and not Path(path).exists():
        raise FetchError(
            f"BENCH_OFFLINE is set, and {path} is no local module of `evaluate`",
            hint="name its folder, or unset BENCH_OFFLINE",
        )
    import evaluate

    try:
        return evaluate.load(
            path, config, module_type="metric", revision=revision, keep_in_memory=True
        )
    except Exception as error:
        # Importing a module runs it, so this can be anything: no network, a missing package.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise FetchError(
            f"evaluate cannot load {path}: {reason}",
            hint="offline, name the folder of a module that is on this machine",
        ) from error


def _local(path: str) -> str:
    """Return the absolute path of a module on this machine; "" if it is none."""
    place = Path(path).expanduser()
    return str(place.absolute()) if place.exists() else ""


def _takes_lists(module: Any) -> bool:
    """Tell whether a module takes several references for one answer."""
    from datasets import Value

    features = module.features if isinstance(module.features, list) else [module.features]
    return any(not isinstance(one.get("references"), Value) for one in features)


def _is_list(value: Any, length: int) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == length
