"""Checks rows before anybody trains on them: one pass, little memory, every check by its name."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from benchmark.errors import ConfigError
from benchmark.records import Record
from benchmark.registry import did_you_mean
from benchmark.rows import row_checks, set_checks, style_checks
from benchmark.rows.findings import Places
from benchmark.rows.lengths import Lengths, TooLong
from benchmark.rows.row import Finding, Row, Severity
from benchmark.rows.view import View

BATCH = 500
"""Rows that are looked at together; what is worked out about them is dropped with them."""
BATCH_CHARS = 5_000_000
"""A batch of longer rows is cut short."""


class Check(Protocol):
    """Looks at all rows, some hundreds at a time, and then says what it found."""

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give what was found, once all rows were seen."""


CHECKS: dict[str, Callable[[], Check]] = {
    "empty": row_checks.Empty,
    "roles": row_checks.Roles,
    "preference": row_checks.Preference,
    "short_answer": row_checks.ShortAnswer,
    "too_long": TooLong,
    "duplicate_rows": set_checks.DuplicateRows,
    "conflicting_answers": set_checks.ConflictingAnswers,
    "duplicate_answers": set_checks.DuplicateAnswers,
    "near_duplicate_rows": set_checks.NearRows,
    "near_duplicate_prompts": set_checks.NearPrompts,
    "near_duplicate_answers": set_checks.NearAnswers,
    "language": style_checks.Languages,
    "answer_in_prompt": row_checks.AnswerInPrompt,
    "format": style_checks.FormatHabits,
    "pii": row_checks.Personal,
    "encoding": row_checks.Encoding,
}
"""All checks by the names that switch them off."""

ORDER: tuple[Severity, ...] = ("error", "warning", "info")


class Checked(Record):
    """What the checks say of a file."""

    findings: tuple[Finding, ...]
    """The worst first."""
    lengths: tuple[Lengths, ...]
    """Histograms of prompts, answers and rows, in words and (with a tokenizer) in tokens."""
    rows: int
    seconds: float

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check(
    rows: Iterable[Row],
    *,
    tokenizer: Any = None,
    max_length: int | None = None,
    off: Collection[str] = (),
) -> Checked:
    """Look at all rows once and say what is wrong with them.

    Memory grows by about 1 KB a row up to a million rows, and by 0.1 KB after that, whatever
    the rows' size.

    Args:
        rows: Read once, in a stream.
        tokenizer: A transformers tokenizer, to measure lengths in a model's tokens.
        max_length: Of a row, in tokens; with a tokenizer, says which rows would be cut.
        off: Names of checks (`CHECKS`) to leave out.

    Raises:
        ConfigError: `off` names a check that does not exist.
    """
    for name in off:
        if name not in CHECKS:
            hint = did_you_mean(name, list(CHECKS)) or f"known: {', '.join(CHECKS)}"
            raise ConfigError(f"unknown check {name!r}", hint=hint)
    started = time.perf_counter()
    lengths = TooLong(tokenizer, max_length)
    checks = [
        lengths if name == TooLong.name else make()
        for name, make in CHECKS.items()
        if name not in off
    ]
    seen: list[Check] = checks if lengths in checks else [*checks, lengths]
    places = Places()
    count = 0
    for batch in _batches(rows):
        views = [View(number, row) for number, row in enumerate(batch, count)]
        for row in batch:
            places.add(row)
        for one in seen:
            one.see(views)
        count += len(batch)
    findings = [finding for one in checks for finding in one.findings(places)]
    return Checked(
        findings=tuple(sorted(findings, key=lambda finding: ORDER.index(finding.severity))),
        lengths=lengths.lengths(),
        rows=count,
        seconds=time.perf_counter() - started,
    )


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut a stream into lists of some hundred rows, of fewer where rows are huge."""
    stream = iter(rows)
    while batch := list(_up_to(BATCH_CHARS, islice(stream, BATCH))):
        yield batch


def _up_to(chars: int, rows: Iterator[Row]) -> Iterator[Row]:
    """Give rows until they hold so many characters, the one that passes the mark included."""
    for row in rows:
        yield row
        chars -= len(row.text or "") + len(row.rejected or "")
        chars -= sum(len(turn.content) for turn in row.messages)
        if chars <= 0:
            return
