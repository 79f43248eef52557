"""What a tracker is told of a run: parameters, metrics, tags and files. No secret is among them.

Names are the candidate's and the number's, as `lora/rougeL`, with `.low` and `.high` for the ends
of the interval, `.difference`, `.difference_low`, `.difference_high` and `.p` against the baseline.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark.errors import MissingDependency
from benchmark.keys import key
from benchmark.reporters import format as fmt
from benchmark.reporters.cells import encodable
from benchmark.results import Results

LONGEST_NAME = 200
_ODD = re.compile(r"[^\w./ -]|\.\.+|^[./]+|[./]+$|(?<=/)[./]+|\.+(?=/)", re.ASCII)
"""What some tracker refuses in a name."""
_SECRET = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Content:
    """A run, as trackers know runs."""

    key: str
    """Hash of which run it is, and of when it was made: the same run is sent once."""
    name: str
    experiment: str
    """The suite's name, in case that nobody names another."""
    started: datetime
    finished: datetime
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    files: dict[str, Path]
    """Name below the run's folder -> the file."""


def content(results: Results, folder: Path) -> Content:
    """Return what is sent of a run.

    The command line is left out, for people put passwords there; of the records only reports go.

    Args:
        results: The run's.
        folder: Its folder.
    """
    return Content(
        key=key(suite=results.suite, run=results.run_id, finished=results.finished),
        name=fmt.one_line(results.run_id, LONGEST_NAME),
        experiment=name_of(results.suite),
        started=_moment(results.started),
        finished=_moment(results.finished),
        parameters=dict(_parameters(results)),
        metrics=dict(_metrics(results)),
        tags=_tags(results),
        files=_files(folder),
    )


def name_of(text: str) -> str:
    """Return a name that every tracker takes; one that had to change ends in its hash."""
    made = _ODD.sub("_", text)
    if made == text and 0 < len(made) <= LONGEST_NAME:
        return made
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{made[: LONGEST_NAME - len(mark) - 1]}_{mark}"


def library(name: str) -> Any:
    """Import a tracker's package. Raises MissingDependency."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name:
            raise missing(error.name or "?", name) from error
        raise MissingDependency(
            f"{name} is not installed", hint=f"pip install 'benchmark[{name}]'"
        ) from error


def missing(module: str, tracker: str) -> MissingDependency:
    """Return the error for a package that a tracker needs for the place it is to write to."""
    module = module.partition(".")[0]
    return MissingDependency(
        f"{tracker} needs the package {module}, which is not installed",
        hint=f"pip install {module}, or all of it: pip install {tracker}",
    )


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says, without a password in an address."""
    text = _SECRET.sub("//", str(error))
    return fmt.one_line(next(iter(text.strip().splitlines()), ""), 300) or type(error).__name__


def _parameters(results: Results) -> Iterator[tuple[str, str]]:
    data = results.dataset
    facts: dict[str, Any] = {
        "suite": results.suite,
        "suite_version": results.suite_version,
        "baseline": results.baseline,
        "primary": results.primary,
        "dataset": data.name,
        "dataset_signature": data.signature,
        "train": data.train,
        "validation": data.validation,
        "test": data.test,
        "device": results.environment.device,
        "dtype": results.environment.dtype,
    }
    yield from ((name, _text(value)) for name, value in facts.items())
    for card in results.candidates:
        made = card.training
        said = {"description": card.description, "backend": card.backend}
        if made is not None:
            said |= {"base": made.base, **dict(_leaves(made.parameters, "train"))}
        yield from ((name_of(f"{card.name}/{name}"), _text(value)) for name, value in said.items())


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, value


def _metrics(results: Results) -> Iterator[tuple[str, float]]:
    for row in results.scores:
        name = f"{row.candidate}/{row.score}"
        yield from _known(name, {"": row.value, ".low": row.low, ".high": row.high})
        yield from _known(name, {".n": row.n, ".failed": row.failed})
    for pair in results.comparisons:
        ends = {".difference_low": pair.low, ".difference_high": pair.high, ".p": pair.shown_p}
        yield from _known(
            f"{pair.candidate}/{pair.score}", {".difference": pair.difference, **ends}
        )
    for card in results.candidates:
        speed = {".tokens_per_second": card.tokens_per_second, ".cost": card.cost}
        loss = card.training.eval_loss if card.training else None
        yield from _known(f"{card.name}/answers", {**speed, ".failures": card.failed})
        yield from _known(f"{card.name}/training", {".validation_loss": loss})


def _known(name: str, values: Mapping[str, float | None]) -> Iterator[tuple[str, float]]:
    for end, value in values.items():
        known = fmt.known(value)
        if known is not None:
            yield name_of(name + end), float(known)


def _tags(results: Results) -> dict[str, str]:
    facts = {
        "suite": results.suite,
        "run_id": results.run_id,
        "fingerprint": results.fingerprint,
        "commit": results.environment.commit,
        "dirty": results.environment.dirty,
        "verdict": results.verdict,
        "status": results.status,
        "exit_code": results.exit_code,
        "test_sha256": results.dataset.test_sha256,
    }
    return {f"bench.{name}": _text(value) for name, value in facts.items() if value is not None}


def _files(folder: Path) -> dict[str, Path]:
    """Return the reports, with what stands beside them; not the records of each example."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not path.is_symlink() and not hidden and path.suffix != ".jsonl":
            found[name.as_posix()] = path
    return found


def _text(value: Any) -> str:
    return encodable(str(value))


def _moment(iso: str) -> datetime:
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
