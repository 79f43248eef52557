"""Which candidate is best, by how much, how sure, and what each of them costs: one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Cell, Column, Row


def sentences(board: Board) -> list[str]:
    """Return a sentence for the primary number, and for each that a gate judges.

    Nothing where fewer than 2 models are compared with the baseline: the claim on that one says
    it all.
    """
    if len([row for row in board.contenders if row.has_values]) < 2:
        return []
    columns = [column for column in board.columns if column.primary or column.gated]
    said = [text for column in columns if (text := _best(board, column))]
    if not said:
        return []
    costs = "; ".join(f"{row.name} {_cost(row)}" for row in board.models if row.has_values)
    return [*said, f"What each took: {costs}."]


def _best(board: Board, column: Column) -> str:
    """Return who has the best value; "" where no value is better than another."""
    ranked = list(_ranked(board, column))
    if len(ranked) < 2 or column.higher_is_better is None:
        return ""
    score, base = fmt.one_line(column.score), fmt.one_line(board.baseline)
    best, cell = ranked[0]
    value = " ".join(part for part in (cell.value, cell.interval) if part)
    others = [row for row, other in ranked[1:] if _worth(other) == _worth(cell)]
    if others:
        who = ", ".join(row.name for row in (best, *others))
        return f"On {score}, the best are even: {who} ({cell.value})."
    following, after = ranked[1]
    second = f"next is {following.name} with {after.value}"
    if best.is_baseline:
        return f"On {score}, no candidate is above {base}: {value}; {second}."
    return f"On {score}, {best.name} is best: {value}, {_lead(cell, board)}; {second}."


def _lead(cell: Cell, board: Board) -> str:
    base = fmt.one_line(board.baseline)
    if cell.comparison is None or cell.comparison.difference is None:
        return f"not compared with {base}"
    ends = cell.difference_interval
    between = f" ({board.level} interval {ends})" if ends else ""
    sure = "" if cell.verdict else ", which chance can explain"
    p = fmt.p_clause(cell.comparison.shown_p)
    return f"{cell.difference}{between} from {base}, {p}, n={cell.comparison.n}{sure}"


def _ranked(board: Board, column: Column) -> Iterator[tuple[Row, Cell]]:
    """Yield the models that have a value, the best first, the suite's order among equals."""
    cells = [(row, cell) for row in board.models if (cell := row.cell(column.score))]
    known = [(row, cell) for row, cell in cells if _worth(cell) is not None]
    sign = -1 if column.higher_is_better else 1
    yield from sorted(known, key=lambda pair: sign * (_worth(pair[1]) or 0.0))


def _worth(cell: Cell) -> float | None:
    return fmt.known(cell.summary.value) if cell.summary else None


def _cost(row: Row) -> str:
    """Return "12 s of answers and 2 min of training (1,024 tokens, $0.12)"."""
    one = row.candidate
    parts = [f"{fmt.duration(one.seconds)} of answers"]
    if one.training is not None:
        parts.append(f"{fmt.duration(one.training.seconds)} of training")
    told = [fmt.plural(one.tokens_in + one.tokens_out, "token")]
    told += [f"price {fmt.price(one.cost)}"] if one.cost else []
    return f"{' and '.join(parts)} ({', '.join(told)})"
