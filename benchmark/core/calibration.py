"""Judges against people: how they agree, in a file that goes stale when the judge changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from benchmark.agreement import (
    NOTHING,
    Level,
    Measure,
    alpha,
    auc,
    effective_votes,
    errors,
    kappa,
    kappa_interval,
    level_of,
)
from benchmark.core.labelled import Answered, Labelled
from benchmark.core.labels import Label
from benchmark.core.votes import panel
from benchmark.errors import DataError, StoreError
from benchmark.files import write_text
from benchmark.keys import sha256_of_file
from benchmark.ppi import ppi_mean
from benchmark.records import Record, Verdict
from benchmark.results_judges import (
    Calibration,
    CorrectedScore,
    JudgeTrust,
    MemberAgreement,
    Rate,
)
from benchmark.stats import bootstrap
from benchmark.suite import Suite

if TYPE_CHECKING:
    from benchmark.plugins import Array

RESAMPLES = 2_000
FEW = 30
"""With fewer labels an interval of the normal kind is too narrow."""


class CalibratedJudge(Record):
    """One judge, as it agreed with people."""

    key: str
    weights: str
    signature: str
    n: int
    kappa: Rate
    alpha: float | None
    auc: Rate
    bias: Rate
    best: MemberAgreement | None = None
    """Of a panel: the member closest to people."""
    panel: float | None = None
    """Kappa of the panel's verdicts, over the answers that the best member also judged."""
    effective: float | None = None
    """Independent votes that the panel is worth, by the correlation of its errors."""


class CalibrationFile(Record):
    """`calibration/<suite>.json`, to be committed."""

    version: int = 1
    suite: str
    run_id: str
    labels: str
    """Path of the labels file, from this file's folder."""
    labels_sha256: str
    scale: tuple[float, float]
    judges: dict[str, CalibratedJudge]
    values: dict[str, float] = Field(default_factory=dict)
    """Label's id -> its value."""


def calibrate(
    labels: Sequence[Label],
    run: Answered,
    verdicts: Mapping[str, Mapping[str, Sequence[Verdict]]],
    trust: Sequence[JudgeTrust],
    signatures: Mapping[str, str],
) -> dict[str, CalibratedJudge]:
    """Compare each judge of a run with labels.

    Args:
        labels: What people say.
        run: The run's answers.
        verdicts: Judge -> candidate -> verdicts.
        trust: What the run knows of its judges, with their keys.
        signatures: Judge -> signature.

    Returns:
        By judge; only those with an opinion on a labelled answer.

    Raises:
        DataError: No judge has any.
    """
    values = {label.id: label.value for label in labels if label.value is not None}
    found = {}
    for one in trust:
        rows = [row for part in verdicts.get(one.judge, {}).values() for row in part]
        seen = Labelled(rows, run, values, one.scale)
        if seen.rows:
            found[one.judge] = _calibrated(seen, one, labels[0].scale, signatures)
    if not found:
        raise DataError(
            f"none of the {len(values)} labels is of an answer that the run has an opinion on",
            hint="name the run that was labelled with --run",
        )
    return found


def _calibrated(
    seen: Labelled, trust: JudgeTrust, scale: tuple[float, float], signatures: Mapping[str, str]
) -> CalibratedJudge:
    given, human, groups = seen.values, seen.human, seen.groups
    level = level_of([*given, *human])
    is_pair = len(seen.rows[0].candidates) > 1
    own = trust.scale or (min(scale[0], *given), max(scale[1], *given))
    # Kappa, alpha and bias compare values, so both have to speak of the same scale.
    same = is_pair or own == scale
    draws = {"resamples": RESAMPLES, "seed": 0}
    close = kappa_interval(given, human, level, groups, **draws) if same else NOTHING
    members = panel(seen.rows)
    best, whole, effective = _members(seen, level) if members and same else (None, None, None)
    return CalibratedJudge(
        key=trust.key,
        weights=trust.weights,
        signature=signatures.get(trust.judge, ""),
        n=len(given),
        kappa=_rate(close),
        alpha=alpha([given, human], level) if same else None,
        auc=_rate(auc(human, given, groups, **draws)),
        bias=_rate(_bias(given, human, groups) if same else NOTHING),
        best=best,
        panel=whole,
        effective=effective,
    )


def _members(
    seen: Labelled, level: Level
) -> tuple[MemberAgreement | None, float | None, float | None]:
    """Return the best member of a panel, the panel on the same answers, and its effective votes."""
    found = panel(seen.rows)
    if found is None:
        return None, None, None
    wrong = [errors(found.table[at], seen.human, level) for at in found.regular()]
    worth = effective_votes(wrong) if len(wrong) > 1 else None
    ranked = []
    for name, votes in zip(found.members, found.table, strict=True):
        close = kappa(votes, seen.human, level)
        if close is not None:
            n = sum(vote is not None for vote in votes)
            ranked.append((close, MemberAgreement(member=name, kappa=close, n=n), votes))
    if not ranked:
        return None, None, worth.effective if worth else None
    _, best, votes = max(ranked, key=lambda one: one[0])
    both = [at for at, vote in enumerate(votes) if vote is not None]
    whole = kappa([seen.values[at] for at in both], [seen.human[at] for at in both], level)
    return best, whole, worth.effective if worth else None


def in_run(
    file: CalibrationFile,
    path: Path,
    trust: JudgeTrust,
    verdicts: Mapping[str, Sequence[Verdict]],
    run: Answered,
) -> Calibration | None:
    """Return what a calibration says of a judge of this run; None if it says nothing of it.

    Args:
        file: The calibration.
        path: Where it is.
        trust: The judge, with its key and weights.
        verdicts: Its verdicts in this run, by candidate.
        run: The run's answers.
    """
    known = file.judges.get(trust.judge)
    if known is None:
        return None
    why = stale(file, path, known, trust)
    parts = [] if why else [
        one
        for candidate, rows in verdicts.items()
        if (one := _corrected(candidate, Labelled(rows, run, file.values, trust.scale), run))
    ]  # fmt: skip
    return Calibration(
        state="stale" if why else "fresh",
        why=why,
        file=os.fspath(path),
        n=known.n,
        kappa=known.kappa,
        alpha=known.alpha,
        auc=known.auc,
        bias=known.bias,
        corrected=tuple(parts),
    )


def stale(file: CalibrationFile, path: Path, known: CalibratedJudge, trust: JudgeTrust) -> str:
    """Return what has changed since a judge was calibrated; "" if nothing has."""
    if known.key != trust.key:
        return "the judge's parameters, rubric or code have changed since"
    if known.weights != trust.weights:
        return "the files of the judge's model have changed since"
    labels = path.parent / file.labels
    if labels.is_file() and sha256_of_file(labels) != file.labels_sha256:
        return f"{labels.name} has changed since"
    return ""


def _corrected(candidate: str, seen: Labelled, run: Answered) -> CorrectedScore | None:
    if not seen.rows:
        return None
    rest = [row.value for row in seen.rest if row.value is not None]
    groups = [*seen.groups, *(run.group(row) for row in seen.rest)]
    given, human = seen.values, seen.human
    alone = ppi_mean(human, given, [], seen.groups)
    both = ppi_mean(human, given, rest, groups)
    return CorrectedScore(
        candidate=candidate,
        judged=sum([*given, *rest]) / (len(given) + len(rest)),
        labelled=Rate(value=alone.value, low=alone.low, high=alone.high),
        corrected=Rate(value=both.value, low=both.low, high=both.high),
        power=both.power,
        labels=len(human),
        n=len(given) + len(rest),
    )


def default_path(suite: Suite) -> Path:
    """Return where a suite's calibration is, or would be: beside its file, or in suites/."""
    if suite.judging.calibration:
        return Path(suite.judging.calibration).expanduser()
    name = Path("calibration") / f"{suite.suite}.json"
    beside, usual = Path(suite.origin.name).parent / name, Path("suites") / name
    return usual if usual.is_file() and not beside.is_file() else beside


def read_calibration(path: Path) -> CalibrationFile:
    """Read a calibration file. Raises StoreError."""
    try:
        return CalibrationFile.model_validate_json(path.read_bytes())
    except OSError as error:
        hint = "`bench judge calibrate LABELS` makes one"
        raise StoreError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except ValueError as error:
        hint = "run `bench judge calibrate` again"
        raise StoreError(f"{path} is no calibration of this version of bench", hint=hint) from error


def write_calibration(path: Path, file: CalibrationFile) -> None:
    """Write a calibration file, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, file.model_dump_json(indent=1) + "\n")


def _bias(given: Sequence[float], human: Sequence[float], groups: Sequence[str]) -> Measure:
    import numpy as np

    def mean(totals: Array) -> Array:
        return totals[..., :1] / totals[..., 1:]

    rows = [[a - b, 1.0] for a, b in zip(given, human, strict=True)]
    found = bootstrap(np.asarray(rows), mean, groups, RESAMPLES, 0)
    return Measure(*(None if np.isnan(part[0]) else float(part[0]) for part in found))


def _rate(found: Measure) -> Rate:
    return Rate(value=found.value, low=found.low, high=found.high)
