"""Any metric of ragas as a judge, on any backend.

ragas asks one thing at a time and knows no limits, budgets or caches; here its questions are
gathered while its coroutines have any, and asked together through a backend, which does. ragas is
imported only when such a judge is at work, with its telemetry off.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from benchmark.errors import BenchError, ConfigError, MissingDependency
from benchmark.judges.asking import backend_of
from benchmark.judges.fence import LONGEST, harmless
from benchmark.judges.ragas_bridge import Desk, bridge
from benchmark.keys import code_version, key
from benchmark.plugins import Backend, JudgeItem, Plugin
from benchmark.progress import Progress, Silent
from benchmark.prompts import Template
from benchmark.records import Verdict, Vote
from benchmark.registry import did_you_mean
from benchmark.suite import Decoding
from benchmark.suite_base import Name, Use

INSTALL = "python -m pip install 'benchmark[judges]'"


class Ragas(Plugin):
    """A metric of ragas by the name of its class: AnswerAccuracy, FactualCorrectness, ..."""

    arity: ClassVar[int] = 1

    metric: str
    """Name of a class of `ragas.metrics` that scores one answer with a language model."""
    parameters: dict[str, JsonValue] = {}  # noqa: RUF012 (pydantic copies it)
    """Of that class: `{name: ..., definition: ...}` for AspectCritic."""
    model: str | None = None
    """`provider:model` of LangChain."""
    backend: Use | None = None
    """Any backend instead: {use: langchain, model: ..., limits: ..., budget: ...}."""
    template: Template = Template(style="chat")
    max_new_tokens: int = Field(default=2048, ge=16)
    temperature: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)
    max_chars: int = Field(default=LONGEST, ge=100)
    candidates: tuple[Name, ...] = ()
    """Whose answers are judged; default: everybody's."""
    examples: int | None = Field(default=None, ge=1)
    """How many test examples are judged, the first ones; default: all."""

    @field_validator("metric")
    @classmethod
    def _identifier(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Z]\w*", value):
            raise ValueError(
                "is no class of ragas.metrics; write AnswerAccuracy, AspectCritic, ..."
            )
        return value

    @field_validator("candidates", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.model is None) == (self.backend is None):
            raise ValueError("give one of `model` and `backend`")
        assert self.asked is not None  # builds the backend, so that its mistakes show here
        return self

    @cached_property
    def asked(self) -> Backend:
        """Return the model's backend. Raises ValueError, BenchError."""
        langchain = Use(use="langchain", parameters={"model": self.model})
        return backend_of(self.backend or langchain)

    def prepare(self, progress: Progress) -> None:
        """Say early that ragas is missing, or has no such metric."""
        self._metric()
        if isinstance(self.asked, Plugin):
            self.asked.prepare(progress)

    def weights(self) -> str:
        """Return a hash of the model, and the version of ragas."""
        return key(model=self.asked.fingerprint(Silent()), ragas=_version())

    @property
    def signature(self) -> str:
        """Return metric, model, versions."""
        told = [f"{name}:{value}" for name, value in self.parameters.items()]
        parts = [f"ragas {_version()}", self.metric, *told, self.asked.describe()]
        return "|".join([*parts, f"code:{code_version(type(self).__module__)}"])

    @property
    def key(self) -> str:
        """Return the content key: all but who is judged, and how fast the model is asked."""
        apart = {"model", "backend", "candidates", "examples"}
        return key(
            plugin=type(self).__module__,
            parameters=self.model_dump(mode="json", exclude=apart),
            model=self.asked.describe(),
            code=code_version(type(self).__module__),
        )

    def judge(self, items: Sequence[JudgeItem], progress: Progress) -> list[Verdict]:
        """Return one verdict an item, in order."""
        found = dict(self.each(items, progress))
        return [found[at] for at in range(len(items))]

    def each(self, items: Sequence[JudgeItem], progress: Progress) -> Iterator[tuple[int, Verdict]]:
        """Yield (position, verdict)."""
        if not items:
            return
        label = f"judge: {len(items)} answers by {self.metric}"
        with progress.step(label, total=len(items), unit="verdict") as tick:
            with self.asked.open(progress) as model, model.adapted(None):
                decoding = Decoding(
                    max_new_tokens=self.max_new_tokens,
                    temperature=self.temperature,
                    seed=self.seed,
                )
                desk = Desk(model, decoding, self.template)
                # In a thread of its own: the caller may have an event loop (a notebook).
                with ThreadPoolExecutor(1) as pool:
                    rows = pool.submit(asyncio.run, self._all(items, desk)).result()
            tick(len(items))
        yield from enumerate(rows)

    async def _all(self, items: Sequence[JudgeItem], desk: Desk) -> list[Verdict]:
        async with desk.open():
            return list(await asyncio.gather(*(self._one(item, desk) for item in items)))

    async def _one(self, item: JudgeItem, desk: Desk) -> Verdict:
        from ragas.dataset_schema import SingleTurnSample

        reference = next(iter(item.example.references), None)
        texts = {
            "user_input": item.example.question,
            "response": item.generations[0].text,
            "reference": reference,
        }
        # A text that a metric needs and that is not there is refused by ragas, and told so.
        shown = {
            name: harmless(text, self.max_chars) for name, text in texts.items() if text is not None
        }
        llm, asked = bridge(desk, item.example.id)
        metric, value, why = self._metric(), None, ""
        metric.llm = llm
        try:
            found = float(await metric.single_turn_ascore(SingleTurnSample(**shown)))
            value = found if math.isfinite(found) else None
        except BenchError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        why = "" if value is not None else asked.error or why
        label = "" if value is None else f"{value:.3g}"
        if value is None:
            label = asked.kind or "unparseable"
            why = why or "unparseable: ragas makes no number of the replies"
        vote = Vote(
            member=f"{self.asked.describe().rpartition(':')[2]}/{self.metric}/1",
            value=value,
            label=label,
            error=why or None,
            tokens_in=asked.tokens_in,
            tokens_out=asked.tokens_out,
            cost=asked.cost,
        )
        return Verdict(
            example_id=item.example.id,
            judge=self.signature,
            candidates=(item.generations[0].candidate,),
            value=value,
            label=label,
            error=why or None,
            votes=(vote,),
        )

    def _metric(self) -> Any:
        """Return a new object of the metric's class. Raises MissingDependency, ConfigError."""
        os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")  # it is read when ragas is imported
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # ragas warns of its own old parts
                import ragas.metrics as known
        except ImportError as error:
            raise MissingDependency(f"judge ragas: {error}", hint=INSTALL) from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: Any = getattr(known, self.metric, None)
            if not hasattr(made, "single_turn_ascore") or not hasattr(made, "llm"):
                names = [name for name in dir(known) if name[:1].isupper()]
                hint = did_you_mean(self.metric, [n for n in names if n != self.metric])
                what = f"ragas has no metric {self.metric!r} that a language model scores"
                raise ConfigError(what, hint=hint)
            try:
                return made(**self.parameters)
            except (TypeError, ValueError) as error:
                raise ConfigError(f"ragas metric {self.metric}: {error}") from error


def _version() -> str:
    try:
        return version("ragas")
    except PackageNotFoundError:
        return "?"
