"""Everything that can go wrong, as one tree; each leaf knows its exit code.

::

    BenchError                2   a user can mend it: one line, no traceback
    ├── ConfigError           2   suite, override or command line; carries every Problem found
    ├── FetchError            2   a package reference could not be fetched or verified
    ├── DataError             2   the data set cannot be used (empty test set, broken row, ...)
    ├── MissingDependency     2   a package is not installed; names the command that installs it
    ├── StoreError            2   a run folder or the cache cannot be read or written
    └── CandidateError        4   one candidate could not be trained or loaded; others go on

Exit codes (see `ExitCode`): 0 pass, 1 gate failed, 2 usage or configuration error,
3 inconclusive, 4 run incomplete, 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What `bench` tells the shell."""

    PASS = 0
    GATE_FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INCOMPLETE = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is, what is wrong, and what to do next.

    Attributes:
        where: `path:line: dotted.key`, as much of it as is known.
        what: what is wrong, in one clause.
        hint: what to do next; empty when `what` says it.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the one line that a user reads."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.hint}" if self.hint else line


class BenchError(Exception):
    """Base of all errors that are shown as one line; `hint` says what to do next."""

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, what, hint),)
        super().__init__(str(self.problems[0]))


class ConfigError(BenchError):
    """The suite, an override or the command line is wrong. Carries all problems at once."""

    def __init__(self, what: str | Sequence[Problem], *, where: str = "", hint: str = "") -> None:
        if isinstance(what, str):
            super().__init__(what, where=where, hint=hint)
            return
        # The members of a sweep share their lines: one mistake there is said once.
        self.problems = tuple(dict.fromkeys(what))
        Exception.__init__(self, "\n".join(str(problem) for problem in self.problems))


class FetchError(BenchError):
    """A package reference could not be fetched, or its checksum differs."""


class DataError(BenchError):
    """The data set cannot be used as it is."""


class MissingDependency(BenchError):
    """A package that this step needs is not installed."""


class StoreError(BenchError):
    """A run folder or the cache cannot be read or written."""


class CandidateError(BenchError):
    """One candidate could not be trained, loaded or run; the others go on."""

    exit_code = ExitCode.INCOMPLETE
