"""The registry of adapters: what the cache holds, where each came from, how each has done.

An adapter is `<cache>/adapters/<key>/`: its weights and their configuration, `manifest.json`
if it was trained here, `imported.json` if it came from elsewhere, and `evaluations.jsonl` with
one line for each run in which it answered.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.core.state import Adapter
from benchmark.core.store import Cache, read_lines
from benchmark.errors import CandidateError, StoreError
from benchmark.files import write_text
from benchmark.manifests import AdapterEvaluation, AdapterOrigin, TrainingManifest
from benchmark.records import Record
from benchmark.results import Results
from benchmark.training import manifest

KIND = "adapters"
EVALUATIONS = "evaluations.jsonl"
SHORT = 8
"""Digits of a key that people are shown."""
_KEY = re.compile("[0-9a-f]{32}")
_PREFIX = re.compile("[0-9a-f]{2,32}")
_SEVERITY = ("pass", "inconclusive", "fail")


class Entry(Record):
    """One adapter and all that is known of it."""

    key: str
    """Its folder's name in the cache; empty for a folder elsewhere."""
    path: Path
    size: int
    """Bytes of all its files."""
    manifest: TrainingManifest | None = None
    imported: AdapterOrigin | None = None
    evaluations: tuple[AdapterEvaluation, ...] = ()
    problem: str = ""
    """Why some of this could not be read."""

    @property
    def short(self) -> str:
        """Return what people call it."""
        return self.key[:SHORT] or self.path.name


def entries() -> list[Entry]:
    """Return every adapter of the cache, the newest first."""
    root = Cache().root / KIND
    if not root.is_dir():
        return []
    # Beside them are locks, scratch folders and damaged ones: their names are no keys.
    folders = [path for path in root.iterdir() if path.is_dir() and _KEY.fullmatch(path.name)]
    found = [_entry(path, path.name) for path in folders]
    return sorted(found, key=lambda entry: (born(entry), entry.key), reverse=True)


def born(entry: Entry) -> str:
    """Return when an adapter was trained, or else imported (ISO time); "" if nobody knows."""
    if entry.manifest:
        return entry.manifest.created
    return entry.imported.imported if entry.imported else ""


def find(name: str, reports: Path = Path("reports")) -> Entry:
    """Return one adapter.

    Args:
        name: The first digits of a key (also as `cache:KEY`), a folder, or `SUITE:CANDIDATE`
            for what this candidate used in the suite's latest run. `cache:[SUITE/]CANDIDATE` is
            the newest that answered under that name, with `@KEY` behind it the one of that key.
        reports: Folder of run folders, for the last.

    Raises:
        StoreError: There is none, or several keys begin so.
    """
    suite, colon, candidate = name.partition(":")
    if suite == "cache" and colon:
        return _by_key(candidate)
    if _PREFIX.fullmatch(name) and _starting(name):
        return _by_key(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        inside = _KEY.fullmatch(folder.name) and _in_cache(folder)
        return _entry(folder, folder.name if inside else "")
    if colon:
        return _of_run(reports, suite, candidate)
    return _by_key(name)


def _by_key(prefix: str) -> Entry:
    known, found = _keys(), _starting(prefix)
    if len(found) == 1:
        return _entry(Cache().path(KIND, found[0]), found[0])
    if found:
        shown = ", ".join(key[: max(SHORT, len(prefix) + 2)] for key in found[:5])
        raise StoreError(f"{prefix!r} begins {len(found)} keys: {shown}", hint="give more digits")
    if (named := _named(prefix)) is not None:
        return named
    near = difflib.get_close_matches(prefix, [key[: len(prefix)] for key in known], 3, 0.5)
    if near:
        whole = [next(key for key in known if key.startswith(start))[:SHORT] for start in near]
        hint = f"near: {', '.join(dict.fromkeys(whole))}"
    elif known:
        hint = "`bench adapters` lists them"
    else:
        hint = "the cache has none; `bench run` trains them, `bench adapters import` takes them in"
    raise StoreError(f"no adapter {prefix!r}", hint=hint)


def _named(name: str) -> Entry | None:
    """Return the adapter that answered as `[SUITE/]CANDIDATE[@KEY]`, the newest without a key."""
    who, at, start = name.partition("@")
    suite, _, candidate = who.rpartition("/")
    found = [
        entry
        for entry in (entries() if candidate else ())
        if entry.key.startswith(start)
        and any((row.suite, row.candidate) == (suite or row.suite, candidate)
                for row in entry.evaluations)
    ]  # fmt: skip
    if at and len(found) > 1:
        raise StoreError(f"{start!r} begins {len(found)} keys of {who}", hint="give more digits")
    return found[0] if found else None


def _keys() -> list[str]:
    root = Cache().root / KIND
    names = [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    return sorted(name for name in names if _KEY.fullmatch(name))


def _starting(prefix: str) -> list[str]:
    return [key for key in _keys() if prefix and key.startswith(prefix)]


def _in_cache(folder: Path) -> bool:
    return folder.resolve().parent == (Cache().root / KIND).resolve()


def _of_run(reports: Path, suite: str, candidate: str) -> Entry:
    files = [
        file for file in reports.glob("*/*/results.json")
        if file.parent.parent.name == suite and not file.parent.is_symlink()
    ]  # fmt: skip
    if not files:
        raise StoreError(
            f"no finished run of {suite!r} in {reports}", hint="`bench leaderboard` lists the runs"
        )
    path = max(files, key=lambda file: file.stat().st_mtime)
    try:
        results = Results.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} is not a results file of this version of bench", hint="run the suite again"
        ) from error
    cards = {card.name: card for card in results.candidates}
    trained = [name for name, card in cards.items() if card.training]
    card = cards.get(candidate)
    if card is None or card.training is None:
        what = "has no candidate" if card is None else "trained no adapter for"
        hint = f"it has: {', '.join(trained)}" if trained else "none of its candidates is trained"
        raise StoreError(f"run {results.run_id} of {suite!r} {what} {candidate!r}", hint=hint)
    return _by_key(card.training.key)


def _entry(folder: Path, key: str) -> Entry:
    """Return what can be read of a folder; one that is damaged must not hide the others."""
    found: dict[str, Any] = {}
    problems = []
    for name, read in (
        ("manifest", manifest.read),
        ("imported", manifest.read_origin),
        ("evaluations", evaluations),
    ):
        try:
            found[name] = read(folder)
        except StoreError as error:
            problems.append(str(error))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Entry(key=key, path=folder, size=size, problem=" | ".join(problems), **found)


# --- evaluations ----------------------------------------------------------------------------


def evaluations(folder: Path) -> tuple[AdapterEvaluation, ...]:
    """Return the runs in which an adapter answered, in the order of their first recording.

    Raises:
        StoreError: The file is there and cannot be read.
    """
    path = folder / EVALUATIONS
    try:
        return tuple(AdapterEvaluation.model_validate(row) for row in read_lines(path))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} cannot be read by this version of bench", hint="remove it"
        ) from error


def record(adapters: Mapping[str, Adapter | CandidateError], results: Results) -> None:
    """Write a run's numbers beside each adapter of the cache that answered in it.

    The same run again replaces its own line, so that repeating a run adds nothing.
    """
    for card in results.candidates:
        adapter = adapters.get(card.name)
        if not isinstance(adapter, Adapter) or card.error is not None:
            continue
        if _in_cache(adapter.path):
            _record(adapter.path, _evaluation(results, card.name, card.changed, card.answered))


def _record(folder: Path, new: AdapterEvaluation) -> None:
    with Cache().lock(KIND, folder.name):
        path = folder / EVALUATIONS
        try:
            known = evaluations(folder)
        except StoreError:
            path.replace(path.with_suffix(".damaged"))  # shown by nobody, lost by nobody
            known = ()
        rows = {(row.run_id, row.candidate): row for row in known}
        rows[new.run_id, new.candidate] = new
        write_text(path, "".join(row.model_dump_json() + "\n" for row in rows.values()))


def _evaluation(
    results: Results, candidate: str, changed: float | None, answered: int
) -> AdapterEvaluation:
    outcomes = [gate.outcome for gate in results.gates if gate.candidate == candidate]
    return AdapterEvaluation(
        suite=results.suite,
        run_id=results.run_id,
        candidate=candidate,
        finished=results.finished,
        n=answered,
        scores={
            row.score: (row.value, row.low, row.high)
            for row in results.scores
            if row.candidate == candidate
        },
        changed=changed,
        verdict=max(outcomes, key=_SEVERITY.index, default="no gate"),
    )


# --- differences ----------------------------------------------------------------------------


class Difference(NamedTuple):
    """One thing that two adapters do not share; None where one has nothing to say."""

    field: str
    left: Any
    right: Any


def diff(left: Entry, right: Entry) -> list[Difference]:
    """Return what differs, in the order of the manifest: parameters, data, base, results."""
    one, other = _flat(left), _flat(right)
    return [
        Difference(field, one.get(field), other.get(field))
        for field in dict.fromkeys([*one, *other])
        if one.get(field) != other.get(field)
    ]


def _flat(entry: Entry) -> dict[str, Any]:
    """Return an entry's facts by dotted name; of the curve only its end."""
    facts: dict[str, Any] = {}
    if entry.imported:
        facts |= entry.imported.model_dump(mode="json", exclude={"imported"})
    if entry.manifest:
        facts |= entry.manifest.model_dump(mode="json", exclude={"curve"})
        facts["final_loss"] = entry.manifest.curve[-1].loss if entry.manifest.curve else None
    for row in entry.evaluations:  # a later run of the same suite replaces an earlier one
        facts |= {f"scores.{row.suite}.{label}": values[0] for label, values in row.scores.items()}
    return dict(_leaves(facts, ""))


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [
            leaf
            for name, item in value.items()
            for leaf in _leaves(item, f"{path}.{name}" if path else str(name))
        ]
    return [(path, value)]
