"""What goes over the wire: the API's own models, and the words it uses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

State = Literal["queued", "running", "cancelling", "cancelled", "succeeded", "failed", "incomplete"]
ENDED = ("cancelled", "succeeded", "failed", "incomplete")
"""States that nothing but a person changes."""
RESUMABLE = ("cancelled", "failed", "incomplete")

Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text of one line."""
Reference = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Override = Annotated[str, Field(min_length=3, max_length=2000, pattern=r"^[^\x00]+$")]


class Wire(BaseModel):
    """Base: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Training(Wire):
    """The short form of a request: a base model, data, and how to train."""

    base: Reference = Field(description="An allowed model, as a package reference.")
    data: Reference = Field(description="`data:ID` of uploaded rows, or an allowed reference.")
    method: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] = "rslora"
    r: int | None = Field(default=None, ge=1, le=1024)
    alpha: float | None = Field(default=None, gt=0, le=100_000)
    epochs: float | None = Field(default=None, gt=0, le=1000)
    learning_rate: float | None = Field(default=None, gt=0, le=10)
    batch_size: int | None = Field(default=None, ge=1, le=4096)
    max_length: int | None = Field(default=None, ge=8, le=1_000_000)
    template: Literal["alpaca", "chatml", "chat", "plain"] = "alpaca"
    max_new_tokens: int = Field(default=128, ge=1, le=100_000)


class JobRequest(Wire):
    """What to run: exactly one of `suite`, `suite_yaml` and `training`."""

    suite: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = Field(
        default=None, description="Name of an allowed suite; GET /api/v1/suites lists them."
    )
    suite_yaml: Annotated[str, Field(min_length=1, max_length=1_000_000)] | None = Field(
        default=None, description="A suite's text; it may only name what the server allows."
    )
    training: Training | None = None
    overrides: list[Override] = Field(default_factory=list, max_length=100)
    priority: int = Field(default=0, ge=-100, le=100, description="Higher ones run first.")
    name: Line = ""

    @model_validator(mode="after")
    def _one(self) -> JobRequest:
        given = [name for name in ("suite", "suite_yaml", "training") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("give exactly one of `suite`, `suite_yaml` and `training`")
        return self


class Progress(Wire):
    """Where a job is: the step that it is in, and how far."""

    stage: str = ""
    item: str = ""
    done: float = 0
    total: float | None = None
    unit: str = ""
    fraction: float | None = None
    tokens_per_second: float | None = None
    cost: float | None = None
    eta_seconds: float | None = None
    line: str = ""


class Trouble(Wire):
    """One thing that is wrong: what, where, and what to do next."""

    what: str
    where: str = ""
    hint: str = ""


class Job(Wire):
    """One job."""

    id: str
    name: str
    suite: str
    state: State
    verdict: str | None
    exit_code: int | None
    priority: int
    created: str
    started: str | None
    finished: str | None
    attempts: int
    progress: Progress | None
    metrics: dict[str, float | None]
    error: Trouble | None
    run_id: str | None
    links: dict[str, str]


class Jobs(Wire):
    """One page of jobs, the newest first."""

    jobs: list[Job]
    next: str | None = Field(description="`cursor` of the next page; null on the last one.")


class LogLine(Wire):
    """One line that a job wrote."""

    seq: int
    at: str
    line: str


class Logs(Wire):
    """Lines of a job's log, the oldest first."""

    lines: list[LogLine]
    next: int = Field(description="`after` for the lines that come next.")


class Artefact(Wire):
    """One file that a job made."""

    path: str
    bytes: int | None = Field(description="null where it is packed when it is asked for.")
    type: str
    link: str


class SuiteInfo(Wire):
    """One allowed suite."""

    name: str
    description: str
    candidates: list[str]


class BoardRow(Wire):
    """One number of one candidate in one run."""

    candidate: str
    kind: str
    score: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    run_id: str
    job: str
    verdict: str | None
    finished: str | None


class Board(Wire):
    """The latest runs of one suite; the best candidate of each run first."""

    suite: str
    primary: str
    higher_is_better: bool | None
    rows: list[BoardRow]


class Upload(Wire):
    """Uploaded rows."""

    id: str = Field(description="`data:` and the SHA-256 of the file: what a suite names.")
    name: str
    bytes: int
    rows: int
    created: str
    findings: list[dict[str, Any]] = Field(default_factory=list)


class Health(Wire):
    """Whether the server is up, or ready."""

    status: str
    version: str
    checks: dict[str, str] = Field(default_factory=dict)


class Failure(Wire):
    """Every answer that is an error."""

    error: Trouble
    problems: list[Trouble] = Field(default_factory=list, description="All of them, if several.")
