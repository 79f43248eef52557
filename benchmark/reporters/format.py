"""How numbers and foreign text look in every report.

Numbers are the same in each language that a reader may have: a decimal point, thousands set
apart by a narrow space (a comma would be a decimal sign to a French eye), "–" for nothing.
Text from models is hostile until shown otherwise: what cannot be seen is made visible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from benchmark.records import Effort
from benchmark.results import VerdictSummary

NOTHING = "–"
"""Shown where there is no number."""
MINUS = "\u2212"
THIN = "\u202f"
"""Narrow no-break space: between thousands, and between a number and its unit."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_HUNDREDS = ("bleu", "chrf", "ter")
"""Metrics that are given from 0 to 100 by custom."""
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
# Control characters but tab and newline; lone surrogates; marks that reorder the text around
# them; the two code points that no document may hold.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """Return `text` with plain newlines and unseen characters as visible replacements.

    Control characters become their Unicode pictures (NUL is "␀"); lone surrogates, C1 controls
    and marks of text direction become "�". The result can always be encoded.
    """
    return _UNSEEN.sub(_picture, _LINE_ENDS.sub("\n", text))


def arrow(higher_is_better: bool | None) -> str:
    """Return which way a number gets better, with a space before; "" for neither."""
    return {True: " ↑", False: " ↓", None: ""}[higher_is_better]


def one_line(text: str, limit: int = 300) -> str:
    """Return cleaned text on one line, cut to `limit` characters with "…"."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def known(value: float | None) -> float | None:
    """Return the value, or None when it is NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None, decimals: int = 3) -> str:
    """Return a number with a fixed count of decimals; "–" for None, NaN and infinities."""
    value = known(value)
    if value is None:
        return NOTHING
    huge = abs(value) >= 1e12
    text = f"{value:.3g}" if huge else f"{value:,.{decimals}f}".replace(",", THIN)
    if text.startswith("-"):
        # -0.0004 rounds to "-0.000", which says more than the number knows.
        return MINUS + text[1:] if text.strip("-0." + THIN) else text[1:]
    return text


def signed(value: float | None, decimals: int = 3) -> str:
    """Return a difference with its sign; zero has none."""
    text = number(value, decimals)
    is_positive = text[0].isdigit() and text.strip("0." + THIN)
    return "+" + text if is_positive else text


def interval(
    low: float | None, high: float | None, decimals: int = 3, *, sign: bool = False
) -> str:
    """Return "[low, high]", or "" when an end is missing."""
    show = signed if sign else number
    ends = (show(low, decimals), show(high, decimals))
    return "" if NOTHING in ends else f"[{ends[0]}, {ends[1]}]"


def p_value(p: float | None) -> str:
    """Return "0.012", "<0.001", or "–"."""
    p = known(p)
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def p_clause(p: float | None) -> str:
    """Return "p = 0.012", "p < 0.001", or "no p-value"."""
    text = p_value(p)
    if text == NOTHING:
        return "no p-value"
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def count(value: int | None) -> str:
    """Return a whole number with its thousands set apart."""
    return number(value, 0)


def plural(value: int, noun: str) -> str:
    """Return "1 row", "2 rows"."""
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"


def some(items: Sequence[str], most: int = 3, joint: str = ", ") -> str:
    """Return the first items and how many more there are: "a, b, c and 14 more".

    A list that is one longer is given whole: "and 1 more" would save nothing.
    """
    if len(items) <= most + 1:
        return joint.join(items)
    return f"{joint.join(items[:most])} and {count(len(items) - most)} more"


def n_and_failed(n: int, failed: int) -> str:
    """Return "n=32", or "n=30, 2 failed"."""
    return f"n={count(n)}, {count(failed)} failed" if failed else f"n={count(n)}"


def percent(value: float | None, decimals: int = 0) -> str:
    """Return a share as "98 %"."""
    text = number(None if value is None else 100 * value, decimals)
    return text if text == NOTHING else f"{text}{THIN}%"


def share(value: float | None) -> str:
    """Return a share as "97 %", a small one with the decimals that keep it from reading 0."""
    value = known(value)
    if value is None:
        return NOTHING
    decimals = next((places for places, least in enumerate((0.1, 0.01)) if value >= least), 2)
    if 0 < value < 5e-5:
        return f"<0.01{THIN}%"
    # 199 of 200 is not all of them.
    if value < 1 and 100 * value >= 99.5:
        return f">99{THIN}%"
    return percent(value, decimals if value else 0)


def short(value: float | None) -> str:
    """Return a large count with three digits: "4.88 M", "139 M", "3.09 B"."""
    return _scaled(value, ("", "k", "M", "B", "T"))


def size(value: float | None) -> str:
    """Return bytes as "19.6 MB" (thousands, not 1024s); "–" where there are none."""
    return _scaled(value or None, ("B", "kB", "MB", "GB", "TB"))


def joules(effort: Effort | None) -> str:
    """Return the energy that answers took, in joules."""
    return NOTHING if effort is None or effort.joules is None else f"{short(effort.joules)} J"


def price(value: float) -> str:
    """Return a price with three digits; "–" where nothing has one."""
    return f"{value:.3g}" if value else NOTHING


def sparkline(values: Sequence[float], low: float, high: float, width: int) -> str:
    """Return numbers as a line of blocks, the mean of several in one block if they do not fit.

    Args:
        values: The numbers, in order; those that are NaN or infinite are left out.
        low: What the lowest block stands for.
        high: What the highest one stands for.
        width: Most blocks.
    """
    finite = [value for value in values if math.isfinite(value)]
    cells = min(width, len(finite))
    edges = [place * len(finite) // cells for place in range(cells + 1)] if cells else []
    blocks = []
    for start, end in pairwise(edges):
        mean = sum(finite[start:end]) / (end - start)
        part = (mean - low) / (high - low) if high > low else 0.5
        blocks.append(_BLOCKS[round(min(1.0, max(0.0, part)) * (len(_BLOCKS) - 1))])
    return "".join(blocks)


def duration(seconds: float | None) -> str:
    """Return "0.8 s", "42 s", "4 min 12 s" or "1 h 03 min"."""
    seconds = known(seconds)
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{number(seconds, 1)} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{count(whole // 3600)} h {whole % 3600 // 60:02d} min"


def moment(iso: str) -> str:
    """Return an ISO time as "2026-11-22 05:10 UTC"; as it is when it is not one."""
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return one_line(iso)
    zone = time.strftime("%z")
    return f"{time:%Y-%m-%d %H:%M}" + (" UTC" if zone == "+0000" else f" {zone}".rstrip())


def decimals_for(score: str, signature: str, values: list[float | None]) -> int:
    """Return how many decimals one number of the leaderboard has, the same for all candidates.

    Args:
        score: The number's label.
        signature: The metric's; its first part names the metric.
        values: All of its values and interval ends.
    """
    names = (score.lower(), signature.lower().split("|")[0])
    if any(name.startswith(_HUNDREDS) for name in names):
        return 1
    sizes = [abs(size) for value in values if (size := known(value)) is not None]
    return 3 if max(sizes, default=0.0) <= 1.5 else 1


def judges_say(verdicts: Iterable[VerdictSummary]) -> list[str]:
    """Return a line for each judge and candidate with something that its numbers do not show."""
    lines = []
    for row in verdicts:
        told = [f"{count(number)} {reason}" for reason, number in sorted(row.reasons.items())]
        said = [f"no verdict: {', '.join(told)}"] if told else []
        if row.cost:
            said.append(f"{row.cost:.4f} spent on {count(row.votes)} votes")
        if said or row.notes:
            lines.append(f"{row.judge} on {row.candidate}: {'; '.join([*said, *row.notes])}")
    return lines


def _scaled(value: float | None, units: Sequence[str]) -> str:
    value = known(value)
    if value is None:
        return NOTHING
    place = 0
    while abs(value) >= 999.5 and place < len(units) - 1:
        value, place = value / 1000, place + 1
    # Three digits; below a thousand it is a whole number of things.
    decimals = (
        0
        if place == 0
        else next(
            digits for digits, least in ((0, 99.95), (1, 9.995), (2, 0.0)) if abs(value) >= least
        )
    )
    return number(value, decimals) + (f"{THIN}{units[place]}" if units[place] else "")


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
