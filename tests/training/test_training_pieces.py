"""How a step's rows are cut: nothing lost, nothing too large, nothing cheaper."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.training.pieces import Pieces, evened, packed

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)


def rows_of(pieces):
    return [row for piece in pieces for line in piece for row in line]


@st.composite
def cases(draw):
    line = draw(st.sampled_from([0, 40, 300, 500]))
    return draw(LENGTHS), Pieces(
        tokens=draw(st.integers(1, 2_000)),
        rows=draw(st.integers(1, 12)),
        line=line,
        overhead=draw(st.integers(0, 400)),
        lines=draw(st.sampled_from([1, 2, 5])) if line else 1,
    )


@given(cases())
def test_every_row_is_in_one_piece_and_once(case):
    lengths, pieces = case
    cut = pieces.cut(lengths)
    assert sorted(rows_of(cut)) == list(range(len(lengths)))
    assert all(line for piece in cut for line in piece) and all(cut)


@given(cases())
def test_only_a_line_by_itself_is_larger_than_allowed(case):
    lengths, pieces = case
    for piece in pieces.cut(lengths):
        if len(piece) == 1:
            continue
        assert pieces.size(piece, lengths) <= pieces.tokens
        assert len(rows_of([piece])) <= pieces.rows


@given(cases())
def test_a_line_is_overfull_only_by_a_single_row(case):
    lengths, pieces = case
    for piece in pieces.cut(lengths):
        for line in piece:
            assert len(line) == 1 or sum(lengths[row] for row in line) <= pieces.line


@given(LENGTHS, st.integers(1, 500))
def test_packing_wastes_at_most_what_its_bound_says(lengths, length):
    """No two lines fit into one, so all but one are more than half full."""
    lines = packed(lengths, length)
    full = sorted(sum(lengths[row] for row in line) for line in lines)
    assert sorted(rows_of([lines])) == list(range(len(lengths)))
    assert len(full) == 1 or full[0] + full[1] > length


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=9),
    st.integers(1, 200),
    st.integers(1, 9),
    st.integers(0, 80),
)
def test_no_way_to_cut_rows_of_like_length_is_cheaper(lengths, tokens, rows, overhead):
    pieces = Pieces(tokens=tokens, rows=rows, overhead=overhead)

    def cost(cut):
        return sum(pieces.size(piece, lengths) + overhead for piece in cut)

    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    best = float("inf")
    for count in range(len(order)):
        for ends in combinations(range(1, len(order)), count):
            edges = [0, *ends, len(order)]
            parts = [order[a:b] for a, b in pairwise(edges)]
            if all(
                len(part) <= rows and (len(part) == 1 or len(part) * lengths[part[0]] <= tokens)
                for part in parts
            ):
                best = min(best, cost([[[row] for row in part] for part in parts]))
    assert cost(pieces.cut(lengths)) == best


@given(cases(), st.integers(0, 60))
def test_evened_gives_as_many_pieces_as_the_others_have_and_loses_nothing(case, more):
    lengths, pieces = case
    cut = pieces.cut(lengths)
    before = rows_of(cut)
    even = evened(cut, len(cut) + more)
    assert len(even) == len(cut) + more
    assert sorted(rows_of(even)) == sorted(before)
    assert rows_of(cut) == before  # what was given is left alone
    for piece in filter(None, even):
        assert len(piece) == 1 or pieces.size(piece, lengths) <= max(
            pieces.size(part, lengths) for part in cut
        )


@given(cases(), st.randoms())
def test_memory_that_ran_out_comes_to_an_end(case, dice):
    """However wrong the budget was: in the end every piece is one line, which cannot be halved.

    Which of the pieces with more than a line fails is drawn; a longer row by itself may fit.
    """
    lengths, pieces = case
    for _ in range(40):
        cut = pieces.cut(lengths)
        large = [piece for piece in cut if pieces.height(piece) > 1]
        if not large:
            break
        pieces.shrink(pieces.size(dice.choice(large), lengths))
    assert all(pieces.height(piece) == 1 for piece in pieces.cut(lengths))
    assert pieces.out_of_memory < 40


def test_what_went_through_is_counted():
    pieces = Pieces(tokens=20, rows=8)
    lengths = [10, 9, 3]
    cut = pieces.cut(lengths)
    assert cut == [[[0], [1]], [[2]]]
    pieces.count(cut, lengths)
    pieces.count([[[0]], []], [4])  # a piece without rows, as one of several processes has it
    assert (pieces.steps, pieces.passes) == (2, 4)
    assert (pieces.real, pieces.computed, pieces.largest) == (26, 27, 20)


def test_lines_of_padding_count_as_computed():
    pieces = Pieces(tokens=100, rows=8, line=10, lines=4)
    cut = pieces.cut([6, 4, 9])
    assert cut == [[[2], [0, 1]]]
    assert pieces.size(cut[0], [6, 4, 9]) == 40


@pytest.mark.parametrize("shortest", [64, 1])
def test_the_search_stays_short_in_a_step_of_thousands_of_rows(shortest, monkeypatch):
    """Counted, not timed: how many lengths are looked at to cut 4,096 rows."""

    class Counted(list):
        looks = 0

        def __getitem__(self, at):
            Counted.looks += 1
            return super().__getitem__(at)

    Counted.looks = 0
    lengths = Counted(shortest + at * 37 % 1_024 for at in range(4_096))
    Pieces(tokens=2**62, rows=4_096).cut(lengths)
    assert Counted.looks < 100 * 4_096  # all pairs would be 8 million, twice
