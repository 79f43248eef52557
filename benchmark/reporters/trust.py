"""How far to trust the judges, as data: tests by known answers, agreement, calibration."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.reporters import format as fmt
from benchmark.results import Results
from benchmark.results_judges import JudgeAgreement, JudgeTrust, MemberAgreement, Rate

TITLE = "How far to trust the judges"
KINDS = {
    "empty": "empty",
    "colon": '":"',
    "opener": '"Solution:"',
    "other": "another's answer",
    "injected": "injected verdict",
}
"""Kind of canary -> what a reader is told."""
FEW = 30
"""Labels below which the normal interval of a corrected mean is too narrow."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its rows are plain text, cleaned."""

    title: str
    heads: tuple[str, ...]
    rows: list[list[str]]
    words: int = 1
    """How many of the first columns hold words; the others hold numbers."""


def tables(results: Results) -> list[Table]:
    """Return the tables of the section that have something to show."""
    found = [_tests(results), _kinds(results), _agreement(results), _pairs(results)]
    return [*(table for table in found if table.rows), *people_tables(results)]


def people_tables(results: Results) -> list[Table]:
    """Return those of the tables that set judges against people."""
    return [table for table in (_people(results), _corrected(results)) if table.rows]


def reasons(results: Results) -> list[tuple[bool, str]]:
    """Return, for each judge, whether it is trusted and why."""
    return [(one.trusted, _why(one)) for one in results.trust]


def notices(results: Results) -> list[str]:
    """Return what a reader must know before taking an opinion for a measurement."""
    found = [f"{_why(one)} Its opinions decide no gate." for one in results.trust
             if not one.trusted]  # fmt: skip
    for one in results.trust:
        name = fmt.one_line(one.judge)
        found += [f"{name}: {fmt.one_line(sentence)}." for sentence in one.self_preference]
        ends = one.first
        if (
            ends
            and ends.low is not None
            and ends.high is not None
            and not ends.low <= 0 <= ends.high
        ):
            where = "first" if (ends.value or 0) > 0 else "second"
            found.append(
                f"{name} prefers the answer that is shown {where}, whatever it says: "
                f"{fmt.signed(ends.value, 2)} {fmt.interval(ends.low, ends.high, 2, sign=True)}."
            )
        if one.calibration and one.calibration.state == "stale":
            found.append(
                f"{name}: its calibration is stale: {fmt.one_line(one.calibration.why)}; run "
                "`bench judge calibrate` again."
            )
    return found


def legend(results: Results) -> list[str]:
    """Return what the columns mean, as far as they are there."""
    level = fmt.percent(results.confidence)
    found = [
        f"AUC: the chance that the judge puts the reference above another example's answer (0.5 is "
        f"a coin). False pass: the share of worthless answers that it lets pass. With {level} "
        "intervals; a judge is trusted if their worse ends keep to the suite's bars."
    ]
    bars = [
        f"{fmt.one_line(one.judge)}: an answer passes from {fmt.number(one.passes, 2)} on "
        f"({fmt.one_line(one.passes_from)})."
        for one in results.trust
        if one.passes is not None
    ]
    pairs = [fmt.one_line(one.judge) for one in results.trust if one.first is not None]
    if pairs:
        bars.append(f"{', '.join(pairs)}: an answer passes unless the reference beats it.")
    found += bars
    if results.agreement:
        found.append(
            "Alpha (Krippendorff) and kappa (Cohen; quadratic weights on scales): 1 is full "
            "agreement, 0 what chance gives. Flips: how often a member says something else when "
            "it is asked the same again."
        )
    if any(one.effective_from == "votes" for one in results.agreement):
        found.append(
            "Effective votes: how many independent votes the panel is worth; without human labels "
            "a lower bound, since members also agree when they are right."
        )
    return found + _few(results)


def _few(results: Results) -> list[str]:
    parts = [part for one in results.trust if one.calibration for part in one.calibration.corrected]
    found = []
    if parts:
        found.append(
            "Corrected: what people would say on average, from their labels and the judge's "
            "opinions together (PPI++). Weight: how much the opinions count in it, 0 to 1."
        )
    if any(part.labels < FEW for part in parts):
        found.append(f"With fewer than {FEW} labels of a candidate its intervals are too narrow.")
    return found


def _why(one: JudgeTrust) -> str:
    word = "is trusted" if one.trusted else "is not trusted"
    return f"{fmt.one_line(one.judge)} {word}: {fmt.one_line(one.reason, 600)}"


def _tests(results: Results) -> Table:
    rows = [
        [
            fmt.one_line(one.judge),
            "yes" if one.trusted else "no",
            _calibrated(one),
            *map(_shown, (one.auc, one.false_pass)),
            fmt.n_and_failed(one.n, one.failed).removeprefix("n="),
            *([_shown(one.first)] if any(other.first for other in results.trust) else []),
        ]
        for one in results.trust
    ]
    heads = ["Judge", "Trusted", "Calibrated", "AUC", "False pass", "Answers of known worth"]
    if any(one.first for one in results.trust):
        heads.append("Prefers the first")
    return Table("", tuple(heads), rows, words=3)


def _kinds(results: Results) -> Table:
    tested = [one for one in results.trust if one.kinds]
    names = [kind.kind for kind in tested[0].kinds] if tested else []
    rows = []
    for one in tested:
        by = {kind.kind: kind for kind in one.kinds}
        cells = [
            f"{kind.passed} of {kind.n} {fmt.interval(kind.rate.low, kind.rate.high, 2)}".rstrip()
            if (kind := by.get(name)) and kind.n
            else fmt.NOTHING
            for name in names
        ]
        rows.append([fmt.one_line(one.judge), *cells])
    heads = ("Judge", *(KINDS.get(name, fmt.one_line(name)) for name in names))
    return Table("Worthless answers that passed", heads, rows)


def _agreement(results: Results) -> Table:
    rows = [
        [
            fmt.one_line(one.judge),
            ", ".join(fmt.one_line(member, 60) for member in one.members),
            fmt.count(one.items),
            fmt.count(one.missing),
            fmt.number(one.alpha, 2),
            _worth(one),
            f"{fmt.share(one.flip_rate)} of {fmt.count(one.flips_of)}" if one.flips_of else "–",
        ]
        for one in results.agreement
    ]
    heads = ("Judge", "Members", "Answers", "No opinion", "Alpha", "Effective votes", "Flips")
    return Table("How the votes agree", heads, rows, words=2)


def _worth(one: JudgeAgreement) -> str:
    if one.effective is None:
        return fmt.NOTHING
    at_least = "≥ " if one.effective_from == "votes" else ""
    return f"{at_least}{fmt.number(one.effective, 1)} of {len(one.members)}"


def _pairs(results: Results) -> Table:
    rows = [
        [
            fmt.one_line(one.judge),
            fmt.one_line(pair.first, 60),
            fmt.one_line(pair.second, 60),
            fmt.number(pair.kappa, 2),
            fmt.count(pair.n),
        ]
        for one in results.agreement
        for pair in one.pairs
    ]
    return Table("Members two by two", ("Judge", "Member", "Member", "Kappa", "Answers"), rows, 3)


def _people(results: Results) -> Table:
    best = {one.judge: one for one in results.agreement if one.best}
    rows = []
    for one in results.trust:
        known = one.calibration
        if known is None:
            continue
        member = best.get(one.judge)
        single = member.best if member else None
        alone = (
            f"{fmt.one_line(single.member, 60)}: {fmt.number(single.kappa, 2)}" if single else ""
        )
        whole = f" (panel {fmt.number(member.panel, 2)})" if member else ""
        bias = known.bias
        rows.append(
            [
                fmt.one_line(one.judge),
                known.state,
                f"{alone}{whole}" if alone else fmt.NOTHING,
                fmt.count(known.n),
                _shown(known.kappa),
                fmt.number(known.alpha, 2),
                _shown(known.auc),
                f"{fmt.signed(bias.value, 2)} {fmt.interval(bias.low, bias.high, 2, sign=True)}",
            ]
        )
    heads = ("Judge", "State", "Best member", "Labels", "Kappa", "Alpha", "AUC", "Bias")
    return Table("Calibration against people", heads, rows, words=3)


def _corrected(results: Results) -> Table:
    rows = [
        [
            fmt.one_line(one.judge),
            fmt.one_line(part.candidate),
            fmt.number(part.judged),
            _shown(part.labelled, 3),
            _shown(part.corrected, 3),
            fmt.number(part.power, 2),
            fmt.count(part.labels),
            fmt.count(part.n),
        ]
        for one in results.trust
        if one.calibration
        for part in one.calibration.corrected
    ]
    heads = (
        *("Judge", "Candidate", "Judged", "Labels alone", "Corrected"),
        *("Weight", "Labels", "Answers"),
    )
    return Table("Scores corrected by people", heads, rows, words=2)


def _member(one: MemberAgreement) -> str:
    return f"{fmt.one_line(one.member, 60)}: {fmt.number(one.kappa, 2)}"


def _calibrated(one: JudgeTrust) -> str:
    return "no" if one.calibration is None else "yes" if one.calibrated else "stale"


def _shown(found: Rate | None, decimals: int = 2) -> str:
    if found is None:
        return fmt.NOTHING
    value = fmt.number(found.value, decimals)
    return f"{value} {fmt.interval(found.low, found.high, decimals)}".rstrip()
