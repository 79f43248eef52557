"""The samples of `report.md`: the answers that changed most, folded away one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmark.plugins import Report
from benchmark.records import Example
from benchmark.reporters import format as fmt
from benchmark.reporters import mark, samples
from benchmark.reporters.board import Board
from benchmark.reporters.citations import wrong_lines


def sample_lines(report: Report, board: Board, limit: int, chars: int) -> Iterator[str]:
    """Give the lines of the section.

    Args:
        report: A run.
        board: Its leaderboard.
        limit: Most examples; those whose primary number changed most come first, worse and
            better in turn. Where none changed, they are evenly spaced.
        chars: Most characters of one text.
    """
    by_id = {example.id: example for example in report.examples}
    flipped = {name: how for name, how in flips(report, board).items() if name in by_id}
    chosen = _in_turn(flipped, limit)
    picked = [by_id[name] for name, _ in chosen] or samples.spaced(report.examples, limit)
    if not picked:
        return
    why = dict(chosen)
    yield from ("## Samples that changed" if chosen else "## Samples", "")
    shown = samples.collect(replace(report, examples=picked), board, len(picked))
    total = fmt.plural(len(report.examples), "example")
    if chosen and board.primary:
        yield (
            f"{fmt.count(len(shown))} of {fmt.count(len(flipped))} examples (of {total}) whose "
            f"{mark.text(board.primary.score)} differs from {mark.text(board.baseline)}'s, the "
            "clearest first."
        )
    else:
        yield f"{fmt.count(len(shown))} of {total}, evenly spaced through the test set."
    many = [
        f"{row.name} {row.candidate.samples}" for row in board.models if row.candidate.samples > 1
    ]
    if many:
        yield f"Shown is the first sample of each answer; there are: {mark.text(', '.join(many))}."
    for example, sample in zip(picked, shown, strict=True):
        yield from _one(example, sample, why.get(example.id, ""), (board, chars))
    yield ""


def flips(report: Report, board: Board) -> dict[str, tuple[float, str]]:
    """Return what changed: example -> (how much, the largest; better is positive; whose)."""
    column = board.primary
    if column is None or column.higher_is_better is None:
        return {}
    values: dict[str, dict[str, float]] = {}
    for row in report.scores:
        if row.metric == column.metric:
            label = next((one for one in (column.score, column.score.removeprefix(f"{row.metric}."))
                          if one in row.values), None)  # fmt: skip
            if label is not None:
                values.setdefault(row.candidate, {})[row.example_id] = row.values[label]
    base, found = values.get(board.baseline, {}), dict[str, tuple[float, str]]()
    for contender in board.contenders:
        for example, value in values.get(contender.candidate.name, {}).items():
            change = fmt.known(value - base[example]) if example in base else None
            if not change:
                continue
            change = change if column.higher_is_better else -change
            if abs(change) > abs(found.get(example, (0.0, ""))[0]):
                found[example] = (change, contender.name)
    return found


def _in_turn(found: dict[str, tuple[float, str]], limit: int) -> list[tuple[str, str]]:
    """Return the clearest (example, "worse for lora"), worse and better ones in turn."""
    ranked = sorted(found.items(), key=lambda item: (-abs(item[1][0]), item[0]))
    worse = [(name, f"worse for {who}") for name, (change, who) in ranked if change < 0]
    better = [(name, f"better for {who}") for name, (change, who) in ranked if change > 0]
    first = worse[: max(-(-limit // 2), limit - len(better))]
    return [*first, *better[: limit - len(first)]]


def _one(
    example: Example, sample: samples.Sample, why: str, how: tuple[Board, int]
) -> Iterator[str]:
    board, chars = how
    title = f"{why}: {fmt.one_line(example.question, 120)}" if why else sample.id
    yield from ("", f"<details><summary>{mark.html(title)}</summary>", "")
    for role, turn in sample.turns:
        yield from (f"Prompt ({role}):", "", *mark.block(turn, chars), "")
    for reference in sample.references:
        yield from ("Reference:", "", *mark.block(reference, chars), "")
    for answer in sample.answers:
        if answer.index >= len(board.models):
            continue  # a fake's answer is the prompt, or somebody's reference
        primary = answer.primary
        score = f" ({mark.text(primary.score)} {primary.value})" if primary else ""
        cut = ", cut at the token limit" if answer.is_cut else ""
        yield from (f"**{mark.text(answer.name)}**{score}{cut}:", "")
        if answer.text is None:
            yield from (f"No answer: {mark.text(answer.error)}", "")
        else:
            yield from (*mark.block(answer.text, chars), "")
        yield from wrong_lines(answer.wrong)
    yield "</details>"
