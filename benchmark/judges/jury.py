"""What all judges that ask models share: a panel of members, their votes, and one verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from benchmark.judges import rubrics
from benchmark.judges.asking import Reading, backend_of
from benchmark.judges.fence import LONGEST
from benchmark.judges.prompts import Question
from benchmark.judges.rubrics import Language, Rubric
from benchmark.judges.session import each_verdict
from benchmark.judges.voting import Voting
from benchmark.keys import code_version, key
from benchmark.plugins import Backend, JudgeItem, Plugin
from benchmark.progress import Progress, Silent
from benchmark.prompts import Template
from benchmark.records import Verdict
from benchmark.registry import did_you_mean
from benchmark.suite_base import Name, Spec, Use


class Panel(Spec):
    """Who votes: every model with every variant of the rubric, each so many times."""

    models: tuple[str | Use, ...] = ()
    """`provider:model` of LangChain, or backends; default: the judge's own."""
    variants: tuple[Name, ...] = ()
    """Of the rubric; default: its first."""
    repeats: int = Field(default=1, ge=1, le=32)
    """Needs a `temperature`: else a model says the same thing each time."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: tuple(x) if isinstance(x, list) else x for name, x in value.items()}


class Member(NamedTuple):
    """One vote of a panel."""

    name: str
    backend: Backend
    variant: str
    repeat: int


class Jury(Plugin, ABC):
    """Base of the judges that ask models; a panel of one where no panel is named."""

    arity: ClassVar[int] = 1
    usual: ClassVar[str] = ""
    """The rubric that is used where none is named, without its language."""

    rubric: str = ""
    """Name of one that comes along (`quality-fr`), or a .yaml file."""
    language: Language = "fr"
    """Of the rubric, where none is named."""
    model: str | None = None
    """`provider:model` of LangChain, such as google_genai:gemini-2.5-flash."""
    backend: Use | None = None
    """Any backend instead: {use: openai, ...}, {use: hf, model: ...}."""
    panel: Panel = Panel()
    vote: Voting = Voting()
    method: Literal["auto", "text", "labels"] = "auto"
    """text: the model writes a reason and a mark. labels: the mark is read off the probabilities
    of all marks, which only local models tell. auto: labels where that is possible."""
    template: Template = Template(style="chat")
    """How a local model is asked."""
    max_new_tokens: int = Field(default=512, ge=16)
    temperature: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)
    max_chars: int = Field(default=LONGEST, ge=100)
    """Of each text that is shown; a longer one is cut in the middle."""
    candidates: tuple[Name, ...] = ()
    """Whose answers are judged; default: everybody's."""
    examples: int | None = Field(default=None, ge=1)
    """How many test examples are judged, the first ones; default: all."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: tuple(x) if isinstance(x, list) else x for name, x in value.items()}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        named = [self.model is not None, self.backend is not None, bool(self.panel.models)]
        if sum(named) != 1:
            what = "names no model" if not any(named) else "names its models twice"
            raise ValueError(f"{what}; give one of `model`, `backend`, `panel.models`")
        known = list(self.text.variants)
        for variant in self.panel.variants:
            if variant not in known:
                hint = did_you_mean(variant, known) or f"known: {', '.join(known)}"
                raise ValueError(f"the rubric has no variant {variant!r}; {hint}")
        if self.panel.repeats > 1 and not self.temperature:
            raise ValueError("`panel.repeats` needs a `temperature` above 0")
        size = len(self.members)  # builds the backends, so that their mistakes show here
        if self.vote.on_disagreement and size < 3:
            raise ValueError(f"`vote.on_disagreement` needs three members, the panel has {size}")
        return self

    @cached_property
    def text(self) -> Rubric:
        """Return the rubric. Raises ValueError."""
        return rubrics.load(self.rubric or f"{self.usual}-{self.language}")

    @cached_property
    def backends(self) -> tuple[Backend, ...]:
        """Return the models' backends. Raises ValueError, BenchError."""
        named = self.panel.models or (self.model or self.backend,)
        return tuple(
            backend_of(Use(use="langchain", parameters={"model": one}))
            if isinstance(one, str)
            else backend_of(Use.model_validate(one))
            for one in named
        )

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Return the panel: models first, then variants, then repeats."""
        variants = self.panel.variants or tuple(self.text.variants)[:1]
        names = _names(self.backends)
        # The first members differ in their model where they can: those two decide whether others
        # are asked at all.
        return tuple(
            Member(f"{name}/{variant}/{repeat}", backend, variant, repeat)
            for repeat in range(1, self.panel.repeats + 1)
            for variant in variants
            for name, backend in zip(names, self.backends, strict=True)
        )

    @abstractmethod
    def questions(self, item: JudgeItem, variant: str) -> list[Question]:
        """Return what one member is asked about one item; none where it cannot be judged."""

    def combine(self, readings: Sequence[Reading]) -> Reading:
        """Return one member's opinion from its marks for `questions`."""
        return readings[0]

    @property
    def scale(self) -> tuple[float, ...]:
        """Return the numbers that a verdict may be made of, from the lowest on."""
        return tuple(sorted(self.text.levels().values()))

    def marks(self) -> dict[float, str]:
        """Return number -> mark, for the labels of verdicts."""
        return {value: mark for mark, value in self.text.levels().items()}

    def notes(self, verdicts: Sequence[Verdict]) -> list[str]:
        """Return what a reader of some verdicts must know, in whole sentences."""
        return []

    def shown(self, item: JudgeItem) -> tuple[str, str] | None:
        """Return an item's question and reference; None if the rubric needs one it has not."""
        reference = next(iter(item.example.references), None)
        if reference is None and "reference" in self.text.shows:
            return None
        return item.example.question, reference or ""

    def prepare(self, progress: Progress) -> None:
        """Fetch the models."""
        for backend in self.backends:
            if isinstance(backend, Plugin):
                backend.prepare(progress)

    def weights(self) -> str:
        """Return the hash of the models that vote."""
        return key(models=[backend.fingerprint(Silent()) for backend in self.backends])

    @property
    def signature(self) -> str:
        """Return kind, rubric with its hash, members, rule, and code version."""
        said = {"rubric", "language", "model", "backend", "panel", "vote", "candidates", "examples"}
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude=said)
        parts = [
            type(self).__name__.lower(),
            self.text.label,
            "+".join(member.name for member in self.members),
            self.vote.rule,
            *(f"{name}:{value}" for name, value in changed.items()),
        ]
        return "|".join([*parts, f"code:{code_version(type(self).__module__)}"])

    @property
    def key(self) -> str:
        """Return the content key: all but who is judged, and how fast the models are asked."""
        cls = type(self)
        apart = {"rubric", "language", "model", "backend", "panel", "candidates", "examples"}
        return key(
            plugin=f"{cls.__module__}:{cls.__qualname__}",
            parameters=self.model_dump(mode="json", exclude=apart),
            rubric=self.text.sha256,
            members=[member.name for member in self.members],
            code=code_version(cls.__module__),
        )

    def judge(self, items: Sequence[JudgeItem], progress: Progress) -> list[Verdict]:
        """Return one verdict an item, in order."""
        found = dict(self.each(items, progress))
        return [found[at] for at in range(len(items))]

    def each(self, items: Sequence[JudgeItem], progress: Progress) -> Iterator[tuple[int, Verdict]]:
        """Yield (position, verdict) as verdicts are made, so that none made is lost."""
        yield from each_verdict(self, items, progress)


def _names(backends: Sequence[Backend]) -> list[str]:
    """Return short names, none twice."""
    names: list[str] = []
    for backend in backends:
        name = backend.describe().rpartition("/")[2].rpartition(":")[2]
        same = sum(known.partition("#")[0] == name for known in names)
        names.append(f"{name}#{same + 1}" if same else name)
    return names
