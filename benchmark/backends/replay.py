"""Answers that were made elsewhere, from a file: scored like any other, with no model at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import field_validator

from benchmark.errors import CandidateError, DataError
from benchmark.keys import code_version, key, sha256_of_file
from benchmark.plugins import Plugin, Reply, Request
from benchmark.progress import Progress, Tick
from benchmark.registry import did_you_mean
from benchmark.rows.faults import SHOWN, BadRow, kind_of, shown
from benchmark.rows.readers import KINDS, read_records
from benchmark.suite import Decoding

IDS = ("example_id", "id")
TEXTS = ("text", "answer", "prediction", "completion", "output")
"""Names that are looked for, in this order, in each row."""


class Replay(Plugin):
    """Answers of a file: one row an answer, told apart by the example's id.

    Where a suite asks for several samples, an id has as many rows, in their order; those of
    another run's generations by their `sample`.
    """

    is_control: ClassVar[bool] = False
    is_given: ClassVar[bool] = True
    """The answers are made already: whether samples differ is no question of temperature."""
    trainable: ClassVar[bool] = False

    path: str
    """JSON Lines, JSON, CSV, TSV or Parquet; `generations/<name>.jsonl` of a run folder, too."""
    candidate: str | None = None
    """Whose rows to take, where the file holds those of several."""
    id_field: str | None = None
    """Default: `example_id`, else `id`."""
    text_field: str | None = None
    """Default: the first of `text`, `answer`, `prediction`, `completion`, `output`."""

    @field_validator("path")
    @classmethod
    def _there(cls, value: str) -> str:
        path = Path(value).expanduser()
        if path.suffix.lower() not in KINDS:
            raise ValueError(f"{value} is of no known kind; known: {', '.join(KINDS)}")
        if not path.is_file():
            raise ValueError(f"no file {value}; name the file of answers, from where bench runs")
        return value

    def describe(self) -> str:
        """Return the file's name."""
        of = f" ({self.candidate})" if self.candidate else ""
        return f"answers of {Path(self.path).name}{of}"

    def fingerprint(self, progress: Progress) -> str:
        """Return a hash of the file and of what is taken from it."""
        try:
            content = sha256_of_file(self._file())
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {error.strerror or error}") from error
        taken = self.model_dump(mode="json", exclude={"path"})
        return key(content=content, taken=taken, code=code_version(__name__))

    @contextmanager
    def open(self, progress: Progress) -> Iterator[Answered]:
        """Read the file. Raises CandidateError when it cannot be told what its rows answer."""
        yield Answered(self, progress)

    def _file(self) -> Path:
        return Path(self.path).expanduser()


class Fault(NamedTuple):
    """A row that is not used."""

    line: int
    place: str
    reason: str


class _Row(NamedTuple):
    """One answer, where it stands, and which sample it says it is."""

    line: int
    place: str
    name: str
    reply: Reply
    sample: int | None


class Answered:
    """The answers of a file, by example."""

    def __init__(self, backend: Replay, progress: Progress) -> None:
        self.backend = backend
        self.names: set[str] = set()
        """Candidates whose rows were met."""
        self.faults: list[Fault] = []
        """Rows that no run could use."""
        self.rows = self._read()
        self.progress = progress

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Refuse an adapter: nothing is computed that it could change."""
        if adapter is not None:
            raise CandidateError("answers of a file take no adapter", hint="remove `adapter`")
        yield

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return one batch: what the file has too much can only be seen on the whole."""
        return [list(range(len(requests)))] if requests else []

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Look up every answer of the run."""
        asked = {request.example_id for request in batch}
        count = 1 + max((request.sample for request in batch), default=0)
        faults = list(self.faults)
        replies = {name: _samples(rows, count, faults) for name, rows in self.rows.items()}
        self._tell(sorted(faults))
        unknown = [name for name in replies if name not in asked]
        if unknown:
            some = ", ".join(map(shown, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
            self.progress.say(
                f"{self.backend.path}: {len(unknown)} of {len(replies)} answers are to no "
                f"question of the test set ({some})"
            )
        missing = Reply(None, error=f"no answer in {Path(self.backend.path).name}", finish="error")
        none: dict[int, Reply] = {}
        return [
            replies.get(request.example_id, none).get(request.sample, missing) for request in batch
        ]

    def _tell(self, faults: Sequence[Fault]) -> None:
        for fault in faults[:SHOWN]:
            self.progress.say(f"{fault.place}: {fault.reason}; not used")
        if len(faults) > SHOWN:
            more = f"and {len(faults) - SHOWN} more rows are not used"
            self.progress.say(f"{self.backend.path}: {more}")

    def _read(self) -> dict[str, list[_Row]]:
        mine = self.backend
        found: dict[str, list[_Row]] = {}
        for row in read_records(mine._file(), mine.path):
            if isinstance(row, BadRow):
                self.faults.append(Fault(row.place.line, str(row.place), row.reason))
                continue
            place, record = row
            if not self._is_mine(record):
                continue
            try:
                name, reply = self._id(record), self._reply(record)
                taken = _Row(place.line, str(place), name, reply, _sample(record))
            except ValueError as error:
                self.faults.append(Fault(place.line, str(place), str(error)))
                continue
            found.setdefault(name, []).append(taken)
        self._check_names()
        return found

    def _is_mine(self, record: dict[str, Any]) -> bool:
        whose = record.get("candidate")
        if isinstance(whose, str) and whose:
            self.names.add(whose)
        return self.backend.candidate is None or whose == self.backend.candidate

    def _check_names(self) -> None:
        names, wanted = sorted(self.names), self.backend.candidate
        if wanted is None and len(names) > 1:
            raise CandidateError(
                f"{self.backend.path} holds answers of {', '.join(map(shown, names))}",
                hint="name one of them as the backend's `candidate`",
            )
        if wanted is not None and wanted not in names:
            hint = did_you_mean(wanted, names) or f"it has: {', '.join(names) or 'no names'}"
            raise CandidateError(f"{self.backend.path} has no candidate {wanted!r}", hint=hint)

    def _id(self, record: dict[str, Any]) -> str:
        name = _field(record, self.backend.id_field, IDS)
        value = record[name]
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise ValueError(f"`{name}` is {kind_of(value)}, and an id is expected")
        return str(value)

    def _reply(self, record: dict[str, Any]) -> Reply:
        error = record.get("error")
        name = _field(record, self.backend.text_field, TEXTS, optional=bool(error))
        text = record.get(name)
        made = Reply(
            None,
            tokens_in=int(_number(record, "tokens_in")),
            tokens_out=int(_number(record, "tokens_out")),
            cost=_number(record, "cost"),
            seconds=_number(record, "seconds"),
        )
        if error or text is None:
            reason = " ".join(str(error or f"`{name}` is empty").split())[:300]
            return made._replace(error=reason, finish="error")
        if not isinstance(text, str):
            raise ValueError(f"`{name}` is {kind_of(text)}, and a text is expected")
        finish = "length" if record.get("finish") == "length" else "stop"
        return made._replace(text=text, finish=finish)


def _samples(rows: Sequence[_Row], count: int, faults: list[Fault]) -> dict[int, Reply]:
    """Return an example's first `count` samples; what is too much goes to the faults.

    An answer beats an error: whoever asked again after one has both in the file.
    """
    taken: dict[int, _Row] = {}
    for row in sorted(rows, key=lambda row: (row.sample is None, row.reply.text is None)):
        free = next((at for at in range(count) if at not in taken), None)
        at = free if row.sample is None else row.sample
        if at is not None and at < count and at not in taken:
            taken[at] = row
        elif row.sample is not None and row.sample >= count:
            said = f"{shown(row.name)} is sample {row.sample}, and {count} are asked for"
            faults.append(Fault(row.line, row.place, said))
        elif row.reply.text is not None:
            first = min(other.line for other in taken.values()) if at is None else taken[at].line
            said = f"{shown(row.name)} is answered in line {first}"
            faults.append(Fault(row.line, row.place, said))
    return {at: row.reply for at, row in taken.items()}


def _sample(record: dict[str, Any]) -> int | None:
    # Of our own records only: elsewhere a field of that name may mean anything.
    value = record.get("sample") if {"example_id", "candidate"} <= record.keys() else None
    return value if type(value) is int and value >= 0 else None


def _field(
    record: dict[str, Any], named: str | None, names: tuple[str, ...], optional: bool = False
) -> str:
    """Return the name of a row's field. Raises ValueError if it has none."""
    known = (named,) if named else names
    name = next((name for name in known if name in record), None)
    if name is None and not optional:
        raise ValueError(f"has no field {' or '.join(f'`{name}`' for name in known)}")
    return name or known[0]


def _number(record: dict[str, Any], name: str) -> float:
    value = record.get(name)
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0.0
    return number if 0 <= number < 1e15 else 0.0
