"""Every extension point on one screen: the protocols and their registries.

A plugin is one class. Its fields are its YAML parameters (checked, typed, listed by
`bench ls`), its methods the behaviour; the signature and the cache key come from the fields.
A built-in plugin is one line in `registries.py`; another package brings one through an
entry point of the group named there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

from benchmark.plugin_base import Plugin as Plugin
from benchmark.progress import Progress, Tick
from benchmark.prompts import Template
from benchmark.records import Example, Generation, Message, Score, Verdict
from benchmark.registries import BACKENDS as BACKENDS
from benchmark.registries import DATASETS as DATASETS
from benchmark.registries import EXECUTORS as EXECUTORS
from benchmark.registries import JUDGES as JUDGES
from benchmark.registries import METRICS as METRICS
from benchmark.registries import REGISTRIES as REGISTRIES
from benchmark.registries import REPORTERS as REPORTERS
from benchmark.results import Results

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.manifests import TrainingManifest
    from benchmark.suite import Decoding
    from benchmark.training.job import Job

    Array = NDArray[np.float64]


R = TypeVar("R")


class Loaded(NamedTuple):
    """What a data set gives: its examples, and what it left out."""

    examples: Sequence[Example]
    dropped: dict[str, int]
    """Reason -> rows dropped for it."""
    sources: dict[str, str]
    """Reference -> SHA-256 of what was fetched."""


class Dataset(Protocol):
    """Gives examples; the suite's `split:` puts them on sides unless the rows say so."""

    @property
    def signature(self) -> str: ...
    def load(self, progress: Progress) -> Loaded:
        """Fetch and build. Raises FetchError, DataError."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt for a candidate. `references` is empty unless the backend is a control."""

    example_id: str
    messages: tuple[Message, ...]
    template: Template
    references: tuple[str, ...] = ()
    sample: int = 0
    """Which answer to this prompt, from 0: drawn ones differ by it, and by the example's id."""


class Reply(NamedTuple):
    """One answer, or why there is none (`text` None and `error` set)."""

    text: str | None
    error: str | None = None
    finish: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """Price of the tokens, in the currency of the backend's price list (US dollars unless said)."""
    seconds: float | None = None
    """Where the backend knows it better than the batch's clock: of one call, or made elsewhere."""


class Model(Protocol):
    """An open backend: weights in memory."""

    def adapted(self, adapter: Path | None) -> AbstractContextManager[None]:
        """Answer with this adapter inside the `with`, with the bare base after it.

        Raises CandidateError when the adapter does not fit the base.
        """

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return positions of `requests`, batch by batch.

        A pure function of its arguments, never of what is left to do: a resumed run then
        computes the very batches of an uninterrupted one.
        """

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Answer one batch, in its order; `tick` moves by the tokens made so far."""


@runtime_checkable
class Scorer(Protocol):
    """A model that can also say how likely it finds a text; controls cannot."""

    def loglikelihood(
        self, requests: Sequence[Request], answers: Sequence[str], max_tokens: int | None = None
    ) -> list[list[float]]:
        """Return the natural-log probability of each token of each answer, given its prompt.

        Without messages the answer is running text: all of its tokens but the first are scored.
        """


class Backend(Protocol):
    """Something that answers prompts. Parameters are data; weights live inside `open()`."""

    is_control: ClassVar[bool]
    """A control sees the references: it shows a metric's floor or ceiling."""

    @property
    def signature(self) -> str: ...
    def describe(self) -> str:
        """Return what answers, for a person: "SmolLM2-135M-Instruct (bfloat16, cpu)"."""

    def fingerprint(self, progress: Progress) -> str:
        """Return a hash of everything that decides an answer but prompt, decoding, adapter.

        Fetches the weights if need be. Raises FetchError.
        """

    def open(self, progress: Progress) -> AbstractContextManager[Model]:
        """Load the weights once, for all candidates that share this backend."""


def trainable(backend: Backend) -> bool:
    """Tell whether a backend's `model` and `dtype` name weights that this machine can load.

    Only such a model can be trained, wear an adapter, or have its speed guessed. A backend that
    has a `model` of another kind (a server's name for one) sets `trainable = False`.
    """
    return bool(getattr(backend, "trainable", hasattr(backend, "model")))


@dataclass(frozen=True, slots=True)
class ScoreInfo:
    """One number that a metric gives; None: it only describes, so no gate can rest on it."""

    name: str
    higher_is_better: bool | None = True


class Metric(Protocol):
    """A deterministic score.

    It gives per-example sufficient statistics that *sum*: the value of a corpus, its
    interval and every paired test come from sums of their rows (the design of sacrebleu).
    """

    @property
    def signature(self) -> str: ...
    @property
    def key(self) -> str: ...
    def weights(self) -> str:
        """Return a hash of what the parameters do not pin (an encoder's files), or ""."""

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the s numbers that this metric gives, by name."""

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the statistics of n answers. Shape: (n, k)."""

    def values(self, totals: Array) -> Array:
        """Turn summed statistics into scores. Shape: (..., k) -> (..., s); NaN: undefined."""


@dataclass(frozen=True, slots=True)
class JudgeItem:
    """What a judge looks at: one answer (grade) or two (preference)."""

    example: Example
    generations: tuple[Generation, ...]


class Judge(Protocol):
    """A fallible opinion; batch in, one verdict an item out, in order."""

    arity: ClassVar[int]

    @property
    def signature(self) -> str: ...
    @property
    def key(self) -> str: ...
    def judge(self, items: Sequence[JudgeItem], progress: Progress) -> list[Verdict]: ...


@dataclass(frozen=True, slots=True)
class Report:
    """What reporters see: the results and the per-example records behind them."""

    results: Results
    examples: Sequence[Example]
    generations: dict[str, Sequence[Generation]]
    """By candidate, in the order of `examples`; of several samples the first."""
    scores: Sequence[Score]
    folder: Path
    others: Mapping[str, Sequence[Generation]] = field(default_factory=dict)
    """By candidate: the other samples."""
    verdicts: Sequence[Verdict] = ()
    """Of all judges, with what they were voted from."""


class Reporter(Protocol):
    """Writes one view of a run. `write` returns the file it wrote, None if it wrote none."""

    def write(self, report: Report) -> Path | None: ...


class Crew(Protocol):
    """Those who do the work of one run."""

    progress: Progress
    """What stages report to; may be told several things at once where they work side by side."""

    def open(self, backend: Backend, progress: Progress) -> AbstractContextManager[Model]:
        """Do as `backend.open`, wherever the weights are then."""

    def side_by_side(self, calls: Sequence[Callable[[], R]]) -> list[R]:
        """Return what each call returns; they may run at the same time, if that helps."""

    def train(self, job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
        """Do as `training.run.train`, or `launch.train` where the job is for several processes."""

    def rest(self) -> None:
        """Free the memory that weights take: the next steps have none of this work."""


class Executor(Protocol):
    """Where the work of a run is done. Results are the same anywhere: it is part of no key."""

    def crew(self, progress: Progress) -> AbstractContextManager[Crew]:
        """Get ready for one run. Raises BenchError where nobody can work."""
