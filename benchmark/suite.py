"""The suite: what a person asks for in one YAML file.

Only its shape is checked here; `suite_file.py` reads the file, and `core/plan.py` builds the
plugins that the suite names and checks their parameters.

Every plural section maps a name to its settings, so that a suite which `extends:` another,
or an override on the command line, can say `candidates.lora.train.r=8`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from benchmark.prompts import Template
from benchmark.suite_base import Name, Spec, Use
from benchmark.suite_context import FewShot, RetrievalSpec
from benchmark.suite_gates import GateSpec
from benchmark.suite_judging import JudgingSpec
from benchmark.suite_train import TrainSpec

__all__ = [
    "CandidateSpec",
    "CheckSpec",
    "Decoding",
    "FewShot",
    "ForgettingSpec",
    "GateSpec",
    "JudgingSpec",
    "LeakSpec",
    "Name",
    "Origin",
    "RetrievalSpec",
    "Spec",
    "SplitSpec",
    "Suite",
    "TrainSpec",
    "Use",
]


class SplitSpec(Spec):
    """Sizes of the sides: a count (int) or a share (float below 1); by group, never by row."""

    train: int | float = Field(default=0.9, ge=0)
    validation: int | float = Field(default=0.05, ge=0)
    test: int | float = Field(default=0.05, ge=0)
    seed: int | None = Field(default=None, ge=0)
    """Default: the suite's seed."""
    method: Literal["rank", "hash"] = "rank"
    """rank: exact sizes. hash: each group by its own hash, so that added rows move no other;
    takes shares."""
    group_by: str | None = None
    """A field of `meta` to group by instead of the data set's own groups."""
    stratify: str | None = None
    """A field of `meta` whose values are to be spread over the sides alike: `code`, ..."""

    @model_validator(mode="after")
    def _shares(self) -> SplitSpec:
        shares = [
            side for side in (self.train, self.validation, self.test) if isinstance(side, float)
        ]
        if any(share > 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError(
                "shares are at most 1, also in sum; write a count without a decimal point"
            )
        return self


class LeakSpec(Spec):
    """How much of the test side may also be found on the train side."""

    tolerance: float = Field(default=0.0, ge=0, le=1)
    """Share of test examples that may leak before the run is refused."""
    similarity: float = Field(default=0.8, gt=0, le=1)
    """From where two texts are nearly the same: by their word 5-grams without boilerplate, or
    by the order of the words in the passages that differ (see `rows.leaks`)."""


class CheckSpec(Spec):
    """Checks of the rows before anything is trained."""

    off: tuple[str, ...] = ()
    """Checks to leave out, by name."""
    stop_on: Literal["error", "warning", "never"] = "error"
    """The least severity at which the run is refused."""


class Decoding(Spec):
    """How answers are made. Greedy unless `temperature` is above 0."""

    max_new_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    samples: int = Field(default=1, ge=1, le=1000)
    """Answers to each prompt; several need a `temperature`. An example's score is their mean."""
    seed: int | None = Field(default=None, ge=0)
    """Of what is drawn: each answer has its own, by this one, the example and the sample.
    Default: the suite's seed."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; they are cut off."""
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Prompts that are answered at once; auto: as many as the machine's memory holds."""
    check_batching: int = Field(default=0, ge=0, le=1000)
    """So many answers are made again, each alone, and compared: in 16 bits an answer can depend
    on its batch. Measured when answers are made, not when they come from the cache; only by
    backends whose weights are here."""


class CandidateSpec(Spec):
    """A model with an adaptation, or a control. What is left out comes from the suite."""

    backend: Use | None = None
    train: TrainSpec | None = None
    adapter: str | None = None
    """An adapter to load instead of training one: a folder, or a reference as for models (hub id
    with `@revision`, `pip:`, `npm:`, the `https:` address of an archive); or `cache:` and what
    `bench adapters` lists: the first digits of its key, or `[SUITE/]CANDIDATE[@KEY]`."""
    few_shot: FewShot | None = None
    retrieval: RetrievalSpec | None = None
    template: Template | None = None
    generation: Decoding | None = None
    description: str = ""

    @model_validator(mode="after")
    def _one_adapter(self) -> CandidateSpec:
        if self.train and self.adapter:
            raise ValueError("has both `train` and `adapter`; keep one")
        return self


class ForgettingSpec(Spec):
    """Catastrophic forgetting: the perplexity of general text, before and after training."""

    data: str
    """Package reference or path of a text, JSON or JSONL file."""
    texts: int = Field(default=64, ge=2)
    """How many passages to take, spread evenly over the file."""
    max_length: int = Field(default=256, ge=8)
    """Tokens of a passage."""


def _uses(section: str, value: Any) -> Any:
    """Let `rouge:` mean `rouge: {use: rouge}`, and `rouge: false` take it out."""
    if isinstance(value, list):
        raise ValueError(f"`{section}` maps names to settings; write `name:` instead of `- name`")
    if not isinstance(value, dict):
        return value
    named: dict[Any, Any] = {}
    for name, item in value.items():
        if item is False:
            continue
        settings = {} if item is None or item is True else item
        if isinstance(settings, dict) and "use" not in settings:
            settings = {"use": str(name), **settings}
        named[name] = settings
    return named


class Suite(Spec):
    """One suite file, read and merged."""

    suite: Name
    version: int = 1
    description: str = ""
    seed: int = Field(default=42, ge=0)
    dataset: Use
    split: SplitSpec = SplitSpec()
    checks: CheckSpec = CheckSpec()
    leaks: LeakSpec = LeakSpec()
    template: Template = Template()
    backend: Use
    generation: Decoding = Decoding()
    executor: Use = Use(use="local")
    """Where the work is done; results are the same anywhere."""
    candidates: dict[Name, CandidateSpec] = Field(min_length=1)
    baseline: Name
    metrics: dict[Name, Use] = Field(min_length=1)
    judges: dict[Name, Use] = Field(default_factory=dict)
    judging: JudgingSpec = JudgingSpec()
    forgetting: ForgettingSpec | None = None
    gates: dict[Name, GateSpec] = Field(default_factory=dict)
    primary: str = ""
    """The number that the leaderboard is sorted by; default: the first metric's first."""
    reports: dict[Name, Use] = Field(
        default_factory=lambda: {
            name: Use(use=name) for name in ("json", "markdown", "html", "junit", "console")
        }
    )
    resamples: int = Field(default=10_000, ge=100)
    """Random swaps of the paired test."""
    correction: Literal["holm", "bh"] = "holm"
    """Of the p-values of all candidates and numbers: Holm, or Benjamini-Hochberg."""
    max_failed: float = Field(default=0.0, ge=0, le=1)
    """Share of answers that may fail before the run counts as incomplete (exit code 4)."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first so many test examples."""

    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _sections(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        value = dict(value)
        for section in ("gates", "judges"):
            if section in value and value[section] is None:
                value[section] = {}  # `gates:` with nothing below it: none
        for section in ("metrics", "judges", "reports"):
            if section in value:
                value[section] = _uses(section, value[section])
        candidates = value.get("candidates")
        if isinstance(candidates, dict):
            value["candidates"] = {
                name: {} if item is None else item
                for name, item in candidates.items()
                if item is not False
            }
        return value

    @property
    def origin(self) -> Origin:
        """Return where the suite was read from, for messages."""
        return self._origin or Origin("suite", {})


class Origin:
    """The file that a suite came from, and the line of each of its keys.

    Attributes:
        name: The path as the user gave it.
        lines: Key path -> (file, line).
        aliases: Key path in the suite -> the path as it was written, where a sweep was expanded
            (see `suite_grid`).
        sweeps: Name of a sweep -> the candidates that it became.
    """

    def __init__(
        self,
        name: str,
        lines: dict[tuple[str, ...], tuple[str, int]],
        aliases: dict[tuple[str, ...], tuple[str, ...]] | None = None,
        sweeps: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.name = name
        self.lines = lines
        self.aliases = aliases or {}
        self.sweeps = sweeps or {}

    def __eq__(self, other: object) -> bool:
        """Say yes: a suite is what it asks for, wherever it was written down."""
        return isinstance(other, Origin)

    __hash__ = None  # type: ignore[assignment]

    def where(self, *path: object) -> str:
        """Return "file:line: dotted.key" for a key path, or for its nearest known parent."""
        keys = self._as_written(tuple(str(part) for part in path))
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.lines:
                file, line = self.lines[keys[:length]]
                place = f"{file}:{line}" if line else file
                return f"{place}: {'.'.join(keys)}"
        return f"{self.name}: {'.'.join(keys)}" if keys else self.name

    def _as_written(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.aliases:
                return self.aliases[keys[:length]] + keys[length:]
        return keys
