"""Model cards: which adapter, which run evaluated it, and what is known of both."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.adapters import Entry
from benchmark.core.exchange import base_of
from benchmark.core.finished import RESULTS, all_runs, find_run, read_results
from benchmark.errors import ConfigError, StoreError
from benchmark.reporters.model_card import Subject, text
from benchmark.results import Results
from benchmark.training import weights

LANGUAGES = {"legi": ("fr",)}
"""Of the data sets whose language is known: plugin's name -> codes."""


def card(
    entry: Entry,
    reports: Path,
    run: str | None = None,
    *,
    language: tuple[str, ...] = (),
    license: str = "",
) -> str:
    """Return the model card of an adapter.

    Args:
        entry: The adapter.
        reports: Folder of run folders.
        run: The run that evaluated it, as `find_run` takes it; None: the newest that did.
        language: Codes of languages; empty: that of the run's data, where it is known.
        license: As the hub writes it, such as "apache-2.0".

    Raises:
        StoreError: There is no such run, or it cannot be read.
        ConfigError: The adapter did not answer in that run.
    """
    found = _named(entry, reports, run) if run is not None else _newest(entry, reports)
    results, candidate = found if found else (None, "")
    made, origin = entry.manifest, entry.imported
    latest = max(entry.evaluations, key=lambda row: row.finished, default=None)
    if results is not None and not language:
        language = LANGUAGES.get(results.dataset.name, ())
    return text(
        Subject(
            short=entry.short,
            method=made.method if made else origin.method if origin else _method(entry),
            base=_base(entry),
            is_full=weights.is_full(entry.path),
            manifest=made,
            origin=origin,
            results=results,
            candidate=candidate,
            evaluation=None if results else latest,
            language=language,
            license=license,
        )
    )


def candidate_of(entry: Entry, results: Results) -> str:
    """Return what an adapter was called in a run; "" if it did not answer there."""
    keys = {entry.key, entry.manifest.key if entry.manifest else ""} - {""}
    for card in results.candidates:
        if card.training is not None and card.training.key in keys:
            return card.name
    # One that the run did not train is known by what was written beside it.
    for row in entry.evaluations:
        if (row.suite, row.run_id) == (results.suite, results.run_id):
            return row.candidate
    return ""


def _named(entry: Entry, reports: Path, run: str) -> tuple[Results, str]:
    results = read_results(find_run(reports, run))
    candidate = candidate_of(entry, results)
    if not candidate:
        others = ", ".join(dict.fromkeys(row.run_id for row in entry.evaluations))
        raise ConfigError(
            f"{entry.short} did not answer in run {results.run_id} of {results.suite!r}",
            hint=f"it did in {others}" if others else "no run has evaluated it yet",
        )
    return results, candidate


def _newest(entry: Entry, reports: Path) -> tuple[Results, str] | None:
    """Return the newest run at hand that evaluated an adapter; None if there is none."""
    known = [reports / row.suite / row.run_id for row in entry.evaluations]
    folders = [path for path in known if (path / RESULTS).is_file()] or all_runs(reports)
    found = []
    for folder in folders:
        try:
            results = read_results(folder)
        except StoreError:
            continue  # another run's damage is nothing that this card is about
        candidate = candidate_of(entry, results)
        if candidate:
            found.append((results, candidate))
    return max(found, key=lambda one: one[0].finished, default=None)


def _base(entry: Entry) -> str:
    try:
        return base_of(entry)
    except StoreError:
        return ""


def _method(entry: Entry) -> str:
    """Return the method that a foreign adapter's configuration names; "" if none."""
    import json

    try:
        content = json.loads((entry.path / weights.ADAPTER_CONFIG).read_text(encoding="utf-8"))
        return str(content["peft_type"]).lower()
    except (OSError, ValueError, KeyError, TypeError):
        return ""
