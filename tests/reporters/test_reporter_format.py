from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.reporters import diff
from benchmark.reporters import format as fmt

ANY_TEXT = st.text(st.characters())  # lone surrogates and control characters included


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.5, 3, "0.500"),
        (12.345, 1, "12.3"),
        (-0.0001, 3, "0.000"),
        (-0.25, 3, "−0.250"),
        (1234567.0, 0, "1\u202f234\u202f567"),
        (-1e300, 3, "−1e+300"),
        (None, 3, "–"),
        (math.nan, 3, "–"),
        (math.inf, 3, "–"),
        (0, 0, "0"),
    ],
)
def test_number(value: float | None, decimals: int, text: str) -> None:
    assert fmt.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+0.250"), (-0.25, "−0.250"), (0.0, "0.000"), (0.0004, "0.000"), (None, "–")],
)
def test_signed(value: float | None, text: str) -> None:
    assert fmt.signed(value) == text


def test_interval() -> None:
    assert fmt.interval(0.1, 0.2) == "[0.100, 0.200]"
    assert fmt.interval(-0.1, 0.2, 1, sign=True) == "[−0.1, +0.2]"
    assert fmt.interval(None, 0.2) == ""
    assert fmt.interval(0.1, math.nan) == ""


def test_p_values() -> None:
    assert [fmt.p_value(p) for p in (0.0, 0.00099, 0.001, 0.0312, 1.0, None)] == [
        "<0.001", "<0.001", "0.001", "0.031", "1.000", "–",
    ]  # fmt: skip
    assert [fmt.p_clause(p) for p in (0.0, 0.25, None)] == ["p < 0.001", "p = 0.250", "no p-value"]


def test_durations() -> None:
    assert [fmt.duration(s) for s in (0.04, 9.96, 59.4, 59.6, 61, 3599.7, 3661, None)] == [
        "0.0 s", "10 s", "59 s", "1 min 00 s", "1 min 01 s", "1 h 00 min", "1 h 01 min", "–",
    ]  # fmt: skip


def test_counts_and_shares() -> None:
    assert fmt.n_and_failed(30, 2) == "n=30, 2 failed"
    assert fmt.n_and_failed(32, 0) == "n=32"
    assert (fmt.plural(1, "row"), fmt.plural(0, "row"), fmt.plural(1200, "row")) == (
        "1 row", "0 rows", "1\u202f200 rows",
    )  # fmt: skip
    assert fmt.percent(0.975) == "98\u202f%"
    assert fmt.percent(None) == "–"


def test_sizes_and_large_counts_have_three_digits() -> None:
    thin = "\u202f"
    assert [fmt.size(n) for n in (None, 0, 1, 999, 46_224, 19_562_352, 80_000_000_000)] == [
        "–", "–", f"1{thin}B", f"999{thin}B", f"46.2{thin}kB", f"19.6{thin}MB", f"80.0{thin}GB",
    ]  # fmt: skip
    assert [fmt.short(n) for n in (0, 7, 11_520, 999_499, 999_500, 4_884_480, 3_085_938_688)] == [
        "0", "7", f"11.5{thin}k", f"999{thin}k", f"1.00{thin}M", f"4.88{thin}M", f"3.09{thin}B",
    ]  # fmt: skip
    assert fmt.short(math.nan) == "–"


def test_a_small_share_does_not_read_as_nothing_and_a_large_one_not_as_all() -> None:
    shares = (0.0, 0.00001, 0.004, 0.035, 0.97, 0.994, 0.995, 1.0, None, math.nan)
    assert [fmt.share(one).replace("\u202f", " ") for one in shares] == [
        "0 %", "<0.01 %", "0.40 %", "3.5 %", "97 %", "99 %", ">99 %", "100 %", "–", "–",
    ]  # fmt: skip


def test_sparklines() -> None:
    assert fmt.sparkline([0, 1, 2, 3, 4, 5, 6, 7], 0, 7, 8) == "▁▂▃▄▅▆▇█"
    assert fmt.sparkline([0, 0, 7, 7], 0, 7, 2) == "▁█"
    assert fmt.sparkline([9, -9, math.nan, 3], 0, 7, 8) == "█▁▄"
    assert fmt.sparkline([2, 2], 2, 2, 8) == "▅▅"
    assert fmt.sparkline([math.nan], 0, 1, 8) == ""


@given(st.lists(st.floats(), max_size=40), st.integers(1, 12))
def test_a_sparkline_has_no_more_blocks_than_asked(values: list[float], width: int) -> None:
    finite = [value for value in values if math.isfinite(value)]
    assert len(fmt.sparkline(values, -1.0, 1.0, width)) == min(width, len(finite))


def test_moments() -> None:
    assert fmt.moment("2026-11-22T05:10:41+00:00") == "2026-11-22 05:10 UTC"
    assert fmt.moment("2026-11-22T05:10:41+02:00") == "2026-11-22 05:10 +0200"
    assert fmt.moment("2026-11-22T05:10:41") == "2026-11-22 05:10"
    assert fmt.moment("yesterday\n<b>") == "yesterday <b>"


def test_decimals_follow_the_metric_then_the_size() -> None:
    assert fmt.decimals_for("bleu", "bleu|tok:13a", [0.2, 0.4]) == 1
    assert fmt.decimals_for("mine", "bleu|tok:13a", [0.2, None]) == 1
    assert fmt.decimals_for("rougeL", "rouge", [0.2, 1.0, math.inf]) == 3
    assert fmt.decimals_for("levenshtein", "levenshtein", [0.0, 412.0]) == 1
    assert fmt.decimals_for("x", "", []) == 3


def test_clean_shows_what_cannot_be_seen() -> None:
    assert (
        fmt.clean("a\0b\x1b[31m\x7f\x85\ud800\u202e\ufffe") == "a␀b␛[31m␡\ufffd\ufffd\ufffd\ufffd"
    )
    assert fmt.clean("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"
    assert fmt.clean("L’employeur, œuvre, 漢字, 👩‍⚖️, e\u0301\u202f!") == "L’employeur, œuvre, 漢字, 👩‍⚖️, e\u0301\u202f!"  # fmt: skip # noqa: E501


@given(ANY_TEXT)
def test_clean_text_can_be_encoded_and_is_clean(text: str) -> None:
    cleaned = fmt.clean(text)
    cleaned.encode("utf-8")
    assert fmt.clean(cleaned) == cleaned
    assert not {chr(code) for code in range(32)} & set(cleaned) - {"\n", "\t"}


@given(ANY_TEXT, st.integers(1, 50))
def test_one_line_is_one_short_line(text: str, limit: int) -> None:
    line = fmt.one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


WORDS = st.lists(st.sampled_from(["le", "la", "code", "Article", "L.", "4121-1", "\n", "  "]))


@given(WORDS, WORDS)
def test_a_diff_holds_both_texts(answer: list[str], reference: list[str]) -> None:
    left, right = " ".join(answer), " ".join(reference)
    found = diff.words(left, right)
    kept = "".join(piece.text for piece in found.pieces if piece.operation != "del")
    assert kept == left
    old = "".join(piece.text for piece in found.pieces if piece.operation != "ins")
    assert old.split() == right.split()
    assert found.shared is not None and 0 <= found.shared <= 1
    assert (found.shared == 1) == (left.split() == right.split())


def test_a_diff_reads_like_a_correction() -> None:
    found = diff.words(
        "Le silence vaut décision d'acceptation dans tous les cas.",
        "Le silence vaut décision de rejet dans tous les cas.",
    )
    assert found.pieces == (
        ("same", "Le silence vaut décision "),
        ("del", "de rejet "),
        ("ins", "d'acceptation "),
        ("same", "dans tous les cas."),
    )
    assert found.shared == pytest.approx(2 * 8 / 19)


def test_lonely_equal_words_do_not_break_up_a_change() -> None:
    found = diff.words("un deux le trois quatre " + "fin " * 5, "a b le c d " + "fin " * 5)
    assert [piece.operation for piece in found.pieces] == ["del", "ins", "same"]


def test_repetition_is_not_compared() -> None:
    found = diff.words("le la " * 5_000, "la le le " * 5_000)
    assert found.shared is None
    assert [piece.operation for piece in found.pieces] == ["same"]
