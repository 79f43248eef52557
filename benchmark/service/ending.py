"""How a job ended, and what that means: over, or once more."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmark.errors import ExitCode
from benchmark.results import Results
from benchmark.service.leaderboard import kept_of

FINISHED = (ExitCode.PASS, ExitCode.GATE_FAILED, ExitCode.INCONCLUSIVE)
"""Exit codes of a run that came to its end, whatever it found."""


class End(NamedTuple):
    """What is known of a process that is gone.

    Attributes:
        code: What `bench run` ended with; None: it ended without a word.
        died: What the system says of the process, if it was ours.
        cancelled: Whether somebody asked for its end.
        late: Whether it ran for too long.
        errors: What `bench` said of it.
        results: What is in its run folder.
    """

    code: int | None
    died: int | None
    cancelled: bool
    late: bool
    errors: Sequence[str]
    results: Results | None


def outcome(end: End, deaths: int, most: int) -> dict[str, Any]:
    """Return the columns of a job whose process is gone.

    Args:
        end: How it ended.
        deaths: How often a process of this job died without a word before.
        most: How often that may be.
    """
    told = {"exit_code": end.code, "error": None}
    if end.code in FINISHED and end.results:
        return {**told, "state": "succeeded", **_numbers(end.results)}
    if end.code == ExitCode.INCOMPLETE:
        why = _trouble(end.errors, "some of it could not be computed; the report says what")
        numbers = _numbers(end.results) if end.results else {}
        return {**told, "state": "incomplete", "error": why, **numbers}
    if end.late:
        why = _trouble([], "it ran for too long and was stopped", "resume it to go on")
        return {**told, "state": "failed", "error": why}
    if end.cancelled:
        return {**told, "state": "cancelled"}
    if end.code is not None and end.code != ExitCode.INTERRUPTED:
        why = _trouble(end.errors, f"bench ended with exit code {end.code}")
        return {**told, "state": "failed", "error": why}
    why = _trouble([], f"its process {_how(end.code, end.died)}", "the log says more")
    over = deaths + 1 >= most
    again = {"deaths": deaths + 1, "error": why}
    return {**told, "state": "failed", **again} if over else {"state": "queued", **again}


def _numbers(results: Results) -> dict[str, Any]:
    scores = [row for row in results.scores if row.score == results.primary]
    return {
        "verdict": results.verdict,
        "run_id": results.run_id,
        "board": kept_of(results),
        "metrics": {f"{row.candidate}/{row.score}": row.value for row in scores},
    }


def _trouble(errors: Sequence[str], usual: str, hint: str = "") -> dict[str, str]:
    what = "; ".join(dict.fromkeys(errors)) if errors else usual
    return {"what": what[:4000], "where": "", "hint": hint}


def _how(code: int | None, died: int | None) -> str:
    if code == ExitCode.INTERRUPTED:
        return "was interrupted"
    if died is not None and died < 0:
        try:
            name = signal.Signals(-died).name
        except ValueError:
            name = str(-died)
        more = " (is there enough memory?)" if name == "SIGKILL" else ""
        return f"was ended by {name}{more}"
    return "ended without a word"
