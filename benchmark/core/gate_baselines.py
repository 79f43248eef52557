"""Which baseline files the gates of a suite compare with, and whether a run may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.core.baseline import Baseline, misfit, other_data, other_suite, path_of, refuse
from benchmark.core.baseline_file import read
from benchmark.core.gate_evidence import Earlier
from benchmark.results import DatasetSummary, Results
from benchmark.suite import Suite
from benchmark.suite_gates import ACCEPTED, BASELINE, NAMED

Sources = Mapping[str, Earlier]
"""By what a gate writes behind `against`."""


def sources(suite: Suite, reports: Path, named: Baseline | None = None) -> dict[str, Earlier]:
    """Read the baselines that gates name, so that a broken one shows before the long work.

    Args:
        suite: Whose gates.
        reports: Folder of `baselines/`.
        named: The one that the command names; it stands for the accepted one.

    Returns:
        Without an accepted file, the reason in its place: a first run has none, and its gates
        are inconclusive.

    Raises:
        StoreError: A file is damaged, or one that a gate names is not there.
        ConfigError: It is of another suite.
    """
    found: dict[str, Earlier] = {}
    for against in dict.fromkeys(gate.against for gate in suite.gates.values()):
        if against is None or against in (ACCEPTED, BASELINE):
            continue
        found[against] = Earlier(_of_suite(read(Path(against)), suite))
    path = path_of(reports, suite.suite)
    if named is not None:
        found[ACCEPTED] = found[NAMED] = Earlier(_of_suite(named, suite))
    elif any(gate.against == ACCEPTED for gate in suite.gates.values()):
        found[ACCEPTED] = (
            Earlier(_of_suite(read(path), suite))
            if path.exists()
            else Earlier(None, f"there is no {path}; write it: bench baseline accept RUN")
        )
    return found


def fitting(
    found: Sources, data: DatasetSummary, named: Baseline | None = None
) -> dict[str, Earlier]:
    """Put the reason in the place of each baseline that answered other test data.

    Raises:
        ConfigError: It is the one that the command names.
    """
    if named is not None:
        refuse(other_data(named, data.test_sha256, data.test))
    return {
        against: Earlier(None, problem)
        if earlier.baseline is not None
        and (problem := other_data(earlier.baseline, data.test_sha256, data.test))
        else earlier
        for against, earlier in found.items()
    }


def refuse_other(named: Baseline, results: Results) -> None:
    """Raise ConfigError where a run and a baseline share no way of measuring.

    One score that is measured differently leaves the gates on it inconclusive; when no score
    is measured alike, nothing can be compared.
    """
    refuse(misfit(named, results))
    now = {row.metric: row.signature for row in results.scores}
    shared = [name for name in now if name in named.signatures]
    others = [name for name in shared if named.signatures[name] != now[name]]
    if others and len(others) == len(shared):
        name = others[0]
        refuse(
            f"{name} is measured differently in baseline {named.run_id}: "
            f"{named.signatures[name]} there, {now[name]} here"
        )


def _of_suite(baseline: Baseline, suite: Suite) -> Baseline:
    refuse(other_suite(baseline, suite.suite, suite.version))
    return baseline
