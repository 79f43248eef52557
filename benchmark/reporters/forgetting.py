"""What a training did to general text, as data: perplexity against the base's."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.reporters import format as fmt
from benchmark.results import Results
from benchmark.side_results import ForgettingSummary

HEADS = ("Candidate", "Perplexity", "Base's", "Ratio", "p", "Texts", "Tokens", "Signature")
_MARKS = {"harder": "▼", "easier": "▲", "": ""}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One candidate's perplexity on general text, ready to show."""

    summary: ForgettingSummary
    verdict: str
    """"harder" or "easier" than for the base beyond chance, else ""."""

    @property
    def name(self) -> str:
        """Return the candidate's name, safe to show."""
        return fmt.one_line(self.summary.candidate)

    @property
    def perplexity(self) -> str:
        """Return the candidate's perplexity."""
        return fmt.number(self.summary.perplexity, self._decimals)

    @property
    def interval(self) -> str:
        """Return its "[low, high]", or ""."""
        return fmt.interval(self.summary.low, self.summary.high, self._decimals)

    @property
    def base(self) -> str:
        """Return the base's perplexity."""
        return fmt.number(self.summary.base_perplexity, self._decimals)

    @property
    def ratio(self) -> str:
        """Return perplexity over the base's."""
        return fmt.number(self.summary.ratio)

    @property
    def ratio_interval(self) -> str:
        """Return the ratio's "[low, high]", or ""."""
        return fmt.interval(self.summary.ratio_low, self.summary.ratio_high)

    @property
    def mark(self) -> str:
        """Return "▼" where general text became harder beyond chance, "▲" where easier, or ""."""
        return _MARKS[self.verdict]

    @property
    def _decimals(self) -> int:
        known = fmt.known(self.summary.base_perplexity)
        return 1 if known is not None and known >= 100 else 2


def rows(results: Results) -> list[Forgotten]:
    """Return what was measured on general text, the most forgetful candidate first."""
    found = [Forgotten(one, _verdict(one, results.confidence)) for one in results.forgetting]
    return sorted(found, key=lambda one: -(fmt.known(one.summary.ratio) or float("inf")))


def sentences(results: Results) -> list[str]:
    """Return whether general text became harder beyond chance, and by how much."""
    found, said = rows(results), []
    for verdict in ("harder", "easier"):
        who = [_how_much(one, results) for one in found if one.verdict == verdict]
        if who:
            said.append(f"General text became {verdict} beyond chance for {'; '.join(who)}.")
    known = [one for one in found if one.ratio != fmt.NOTHING]
    unsure = [f"{one.name} (× {one.ratio})" for one in known if not one.verdict]
    if unsure:
        said.append(f"No change on general text beyond chance for {', '.join(unsure)}.")
    broken = [one.name for one in found if one not in known]
    if broken:
        said.append(f"The perplexity on general text is not a number for {', '.join(broken)}.")
    return said


def notices(results: Results) -> list[str]:
    """Return the sentences that a reader must see: where general text became harder."""
    good = ("General text became easier", "No change")
    return [one for one in sentences(results) if not one.startswith(good)]


def _how_much(one: Forgotten, results: Results) -> str:
    level = f", {fmt.percent(results.confidence)} interval {one.ratio_interval}"
    between = level if one.ratio_interval else ""
    return f"{one.name} (perplexity × {one.ratio}{between}, {fmt.p_clause(one.summary.p)})"


def _verdict(one: ForgettingSummary, confidence: float) -> str:
    """Interval and p-value must both say so, whichever of them is known."""
    ratio, low, high, p = map(fmt.known, (one.ratio, one.ratio_low, one.ratio_high, one.p))
    if ratio is None or ratio == 1:
        return ""
    known = [p < 1 - confidence] if p is not None else []
    if low is not None and high is not None:
        known.append(low > 1 or high < 1)
    if not known or not all(known):
        return ""
    return "harder" if ratio > 1 else "easier"
