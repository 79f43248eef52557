"""What crosses the disk: frozen pydantic records, no unknown fields.

Here what stands for one example or one adapter; `results.py` has what stands for a run.
A failure is data: `Generation.text is None` with an `error`, never an empty string;
`Verdict.value is None` when a judge abstained or could not be parsed. Neither is ever
turned into a score: they are counted (`failed`) beside the `n` that were scored.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Split = Literal["train", "validation", "test"]
CitationVerdict = Literal[
    "in force",
    "amended since",  # in force on the day, with another text by the time of the source
    "repealed",
    "not yet in force",
    "other code",
    "invented",
    "out of corpus",
    "unparseable",
    "other reference",
]
"""Of a citation; the last three are counted apart, never as right or wrong."""


class Record(BaseModel):
    """Base: immutable, and a field that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Example(Record):
    """One question with its reference answers."""

    id: str
    """Unique within the data set."""
    prompt: tuple[Message, ...]
    """The conversation so far; the last turn is the user's."""
    references: tuple[str, ...] = ()
    """Right answers; the first is the one that training learns."""
    rejected: str | None = None
    """A worse answer than the first reference, for training by preference (dpo)."""
    group: str = ""
    """Cluster for error bars and for leak-free splits (for law, the article's `cid`)."""
    split: Split | None = None
    """Where the data set itself puts the row; None lets the suite's `split:` decide."""
    meta: dict[str, str] = {}
    """Anything a report may slice by (code, template, article number, ...)."""

    @property
    def last_question(self) -> int | None:
        """Return the place of the user's last turn in `prompt`; None if there is none."""
        places = [at for at, turn in enumerate(self.prompt) if turn.role == "user"]
        return places[-1] if places else None

    @property
    def question(self) -> str:
        """Return the user's last turn; "" if there is none."""
        return "" if self.last_question is None else self.prompt[self.last_question].content


class Document(Record):
    """One text that a retriever may find."""

    id: str
    text: str
    title: str = ""
    """Stands above the text, and above each passage of it."""
    group: str = ""
    """Of the examples that it answers (for law, the article's `cid`)."""


class Hit(Record):
    """One passage that was found for an example."""

    id: str
    """The document's id; behind it `#2` for its second passage, where it has several."""
    score: float
    is_gold: bool
    """Whether it is of the example's own document or group."""
    is_shown: bool
    """Whether it had room in the prompt."""


class Found(Record):
    """What retrieval gave for one example, the best passage first."""

    example_id: str
    hits: tuple[Hit, ...]
    has_gold: bool
    """Whether the index has a passage of the example's own document or group at all."""
    chars: int
    """Of the passages in the prompt."""
    cut: bool = False
    """Whether the one passage that is shown was cut to fit."""


class Generation(Record):
    """One candidate's answer to one example, or why there is none."""

    example_id: str
    candidate: str
    text: str | None
    error: str | None = None
    finish: Literal["stop", "length", "error"] = "stop"
    """"length" means that the answer was cut at the token limit."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Wall time of the answer's batch, divided by the batch's size; over a network, of its call."""
    cost: float = 0.0
    """Price of its tokens, in the currency of the backend's price list (US dollars unless said)."""
    sample: int = 0
    """Which of the candidate's answers to the same prompt, from 0."""


class Effort(Record):
    """What a candidate's answers took, as measured when they were made."""

    device: str
    dtype: str
    threads: int
    """Of the processor."""
    batches: int
    largest: int
    """Most prompts that were answered at once."""
    out_of_memory: int = 0
    """How often a batch did not fit and was halved."""
    peak_memory: int = 0
    """Bytes: allocated on the GPU; resident memory of the process on a CPU."""
    joules: float | None = None
    """Energy of the GPU; None where nothing measures it."""
    checked: int = 0
    """Answers that were made again alone, in a batch of one (`generation.check_batching`)."""
    same: int = 0
    """Of those, how many are the same as in their batch."""


class CitedArticle(Record):
    """One reference to law in an answer, and what the article index says of it."""

    text: str
    """As it stands in the answer."""
    start: int
    end: int
    """Characters of the answer: `answer[start:end] == text`."""
    number: str
    """In the one spelling of `articles.normal_number`; empty for laws, decrees and EU acts."""
    code: str
    """Title of the code that it is resolved to; empty where nothing tells."""
    verdict: CitationVerdict
    reason: str = ""
    """One sentence for a reader."""
    link: str = ""
    """Of the article at Légifrance; empty where there is none."""


class Score(Record):
    """What one metric says of one answer."""

    example_id: str
    candidate: str
    metric: str
    """The metric's name in the suite."""
    stats: tuple[float, ...] | None
    """Sufficient statistics, which sum over examples; None when there was no answer."""
    values: dict[str, float]
    """The score of this example alone, by the score's name; empty when there was no answer."""
    citations: tuple[CitedArticle, ...] = ()
    """What a metric that looks at citations found in the (first) answer, in its order."""
    samples: tuple[tuple[float, ...] | None, ...] = ()
    """Of several answers to the same prompt: the statistics of each, of which `stats` is the
    mean. Empty where there is one answer."""


class Vote(Record):
    """One opinion of one member of a panel."""

    member: str
    """Model, prompt variant and repeat, such as "gemini-2.5-flash/strict/1"."""
    value: float | None
    """None: abstained, failed or could not be parsed."""
    label: str = ""
    rationale: str = ""
    error: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


class Verdict(Record):
    """One judge on one (grade) or two (preference) generations."""

    example_id: str
    judge: str
    candidates: tuple[str, ...]
    """In the order in which the judge saw them."""
    value: float | None
    """None: abstained, failed or could not be parsed; counted apart, never imputed."""
    label: str = ""
    rationale: str = ""
    error: str | None = None
    votes: tuple[Vote, ...] = ()
    """What it was voted from; empty for a judge that asks no model."""
    samples: tuple[int, ...] = ()
    """Which of its answers each candidate showed; empty: the first, or the only one."""
    full: bool = True
    """Whether all members were asked whatever the first ones said: agreement is told from these
    alone, as the others were asked because of a disagreement, or not at all."""
