"""How a job ended, and what that means: over, or once more."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.errors import ExitCode
from benchmark.results import Results
from benchmark.service.leaderboard import kept_of


def outcome(
    row: Mapping[str, Any],
    *,
    code: int | None,
    died: int | None,
    cancelled: bool,
    late: bool,
    errors: Sequence[str],
    results: Results | None,
    most: int,
) -> dict[str, Any]:
    """Return the columns of a job whose process is gone.

    Args:
        row: The job's row.
        code: What `bench run` ended with; None: it ended without a word.
        died: What the system says of the process, if it was ours.
        cancelled: Whether somebody asked for its end.
        late: Whether it ran for too long.
        errors: What `bench` said of it.
        results: What is in its run folder.
        most: How often it may die without a word.
    """
    if code in (ExitCode.PASS, ExitCode.GATE_FAILED, ExitCode.INCONCLUSIVE) and results:
        return {"state": "succeeded", "exit_code": code, "error": None, **_numbers(results)}
    if code == ExitCode.INCOMPLETE:
        told = _trouble(errors, "some of it could not be computed; the report says what")
        numbers = _numbers(results) if results else {}
        return {"state": "incomplete", "exit_code": code, "error": told, **numbers}
    if late:
        told = _trouble([], "it ran for too long and was stopped", "resume it to go on")
        return {"state": "failed", "exit_code": code, "error": told}
    if cancelled:
        return {"state": "cancelled", "exit_code": code, "error": None}
    if code is not None and code != ExitCode.INTERRUPTED:
        return {"state": "failed", "exit_code": code,
                "error": _trouble(errors, f"bench ended with exit code {code}")}  # fmt: skip
    deaths = int(row["deaths"]) + 1
    told = _trouble([], f"its process {_how(code, died)}", "the log says more")
    if deaths >= most:
        return {"state": "failed", "exit_code": code, "error": told, "deaths": deaths}
    return {"state": "queued", "deaths": deaths, "error": told, "progress": None}


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
