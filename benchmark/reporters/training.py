"""What training cost and gave, as data: one row a trained candidate; every report draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.manifests import TrainingManifest
from benchmark.reporters import curves
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Cell, Row

_LONG = 48
"""Characters; a longer parameter has a line of its own."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One cell of the comparison: what stands large, and what stands small below it."""

    value: str
    notes: tuple[str, ...] = ()
    tone: str = ""
    """"better" or "worse" where the number differs from the baseline's beyond chance."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One candidate whose adapter was trained."""

    row: Row
    made: TrainingManifest
    facts: Mapping[str, Fact]
    """By the keys of `heads`."""
    half: str
    """Half of the interval of the primary number, as " ±0.038", or ""."""

    @property
    def name(self) -> str:
        """Return the candidate's name, safe to show."""
        return self.row.name

    @property
    def error(self) -> str:
        """Return why the candidate could not run, or ""."""
        return fmt.one_line(self.row.candidate.error or "")


def trained(board: Board) -> list[Trained]:
    """Return the candidates that were trained, in the order of the board."""
    found = []
    for row in board.models:
        made = row.candidate.training
        if made is not None:
            cell = row.cell(board.primary.score) if board.primary else None
            half = cell.half if cell else ""
            found.append(Trained(row, made, dict(_facts(row, made, cell)), half))
    return found


def heads(board: Board) -> dict[str, str]:
    """Return what each column of the comparison is called, in order; quality comes first."""
    primary = board.primary
    score = {}
    if primary is not None:
        score = {
            "score": fmt.one_line(primary.score) + fmt.arrow(primary.higher_is_better),
            "difference": f"Against {fmt.one_line(board.baseline)}",
        }
    return {
        "method": "Method",
        **score,
        "changed": "Answers changed",
        "parameters": "Trained parameters",
        "adapter": "Adapter size",
        "time": "Time",
        "speed": "Tokens/s",
        "memory": "Peak memory",
        "loss": "Training loss",
        "validation": "Validation loss",
        "rows": "Rows",
        "step": "Rows a step",
    }


def _facts(row: Row, made: TrainingManifest, cell: Cell | None) -> Iterator[tuple[str, Fact]]:
    yield "method", _method(made)
    yield from _quality(cell)
    yield "changed", Fact(fmt.share(row.candidate.changed))
    yield "parameters", _parameters(made)
    yield "adapter", Fact(fmt.size(made.adapter_bytes))
    yield "time", Fact(fmt.duration(made.seconds))
    yield "speed", Fact(_speed(made))
    yield "memory", Fact(fmt.size(made.peak_memory))
    first, last = curves.ends(made)
    yield "loss", Fact(last, _some(f"from {first}" if made.curve else ""))
    best = "" if made.best_step is None else f"best: step {fmt.count(made.best_step)}"
    early = "stopped early" if made.stopped_early else ""
    yield "validation", Fact(fmt.number(made.eval_loss), _some(best, early))
    cut = f"{fmt.count(made.rows_truncated)} truncated" if made.rows_truncated else ""
    lost = f"{fmt.count(made.rows_without_loss)} without loss" if made.rows_without_loss else ""
    tokens = fmt.plural(made.tokens, "token")
    yield "rows", Fact(fmt.count(made.rows), _some(tokens, cut, lost))
    yield "step", _step(made)


def _method(made: TrainingManifest) -> Fact:
    notes = (
        "" if made.objective == "sft" else made.objective,
        f"{made.device}, {made.dtype}",
        "checkpointing" if made.gradient_checkpointing else "",
        "compiled" if made.compiled else "",
        f"{fmt.count(made.processes)} processes" if made.processes > 1 else "",
        f"resumed {fmt.count(made.resumed)}×" if made.resumed else "",
    )
    return Fact(fmt.one_line(made.method), tuple(map(fmt.one_line, _some(*notes))))


def _quality(cell: Cell | None) -> Iterator[tuple[str, Fact]]:
    if cell is None:
        yield from (("score", Fact(fmt.NOTHING)), ("difference", Fact(fmt.NOTHING)))
        return
    yield "score", Fact(cell.value, _some(cell.interval))
    p = fmt.p_clause(cell.comparison.shown_p) if cell.comparison else ""
    value = f"{cell.difference} {cell.mark}".rstrip()
    yield "difference", Fact(value, _some(cell.difference_interval, p), cell.verdict)


def _parameters(made: TrainingManifest) -> Fact:
    if made.total_parameters <= 0:
        return Fact(fmt.short(made.trainable_parameters))
    part = fmt.share(made.trainable_parameters / made.total_parameters)
    of = f"{part} of {fmt.short(made.total_parameters)}"
    return Fact(fmt.short(made.trainable_parameters), (of,))


def _speed(made: TrainingManifest) -> str:
    seconds = fmt.known(made.seconds)
    if not seconds or seconds < 0:
        return fmt.NOTHING
    rate = made.tokens / seconds
    return fmt.number(rate, 0 if rate >= 100 else 1)


def _step(made: TrainingManifest) -> Fact:
    batching = made.batching
    if batching is None:
        return Fact(fmt.NOTHING)
    pieces = fmt.known(batching.micro_batches)
    cut = ""
    if pieces is not None and pieces > 1:
        cut = f"in {fmt.number(pieces, 0 if pieces == int(pieces) else 1)} pieces"
    most = f"at most {fmt.plural(batching.micro_tokens, 'token')} at once"
    padding = f"{fmt.share(batching.padding)} padding" if batching.padding else ""
    full = f"out of memory {fmt.count(batching.out_of_memory)}×" if batching.out_of_memory else ""
    return Fact(fmt.count(batching.rows), _some(cut, most, padding, full))


def _some(*notes: str) -> tuple[str, ...]:
    return tuple(note for note in notes if note)


# --- what a reader must know ----------------------------------------------------------------


def notices(board: Board) -> list[str]:
    """Return what of the trainings may mislead, one sentence each; like ones stand together."""
    return _together(trained(board), _doubts)


def notes(board: Board) -> list[str]:
    """Return what of the trainings is good to know but changes no number."""
    return _together(trained(board), _remarks)


def _doubts(made: TrainingManifest) -> Iterator[str]:
    given = fmt.plural(made.rows + made.rows_without_loss, "training row")
    if made.overfitting:
        yield fmt.one_line(made.overfitting)
    if made.eval_loss is not None and fmt.known(made.eval_loss) is None:
        yield "the validation loss of its weights is not a number."
    if made.rows_without_loss:
        yield (
            f"truncation left {fmt.count(made.rows_without_loss)} of {given} without an answer "
            "token to learn from; they were dropped."
        )
    if made.rows_truncated:
        part = fmt.share(made.rows_truncated / max(1, made.rows + made.rows_without_loss))
        length = made.parameters.get("max_length")
        at = f"max_length, {fmt.count(length)} tokens" if isinstance(length, int) else "max_length"
        yield f"{fmt.count(made.rows_truncated)} of {given} ({part}) were cut at {at}."


def _remarks(made: TrainingManifest) -> Iterator[str]:
    if made.stopped_early:
        kept = ""
        if made.best_step is not None:
            loss = f" (validation loss {fmt.number(made.eval_loss)})" if made.eval_loss else ""
            kept = f"; the weights of step {fmt.count(made.best_step)}{loss} were kept"
        yield f"training stopped early{kept}."
    if made.batching and made.batching.out_of_memory:
        times = fmt.plural(made.batching.out_of_memory, "time")
        yield f"memory ran out {times} while training; smaller pieces made the same steps."
    if made.dirty:
        commit = f"commit {fmt.one_line(made.commit, 12)}" if made.commit else "the commit"
        yield f"trained with uncommitted changes: {commit} alone cannot make it again."


def _together(
    rows: Sequence[Trained], say: Callable[[TrainingManifest], Iterator[str]]
) -> list[str]:
    """Say a sentence that holds for several candidates once, with all of their names."""
    names: dict[str, list[str]] = {}
    for one in rows:
        for sentence in say(one.made):
            names.setdefault(sentence, []).append(one.name)
    every = f"all {len(rows)} trained candidates"
    return [
        f"{every if len(who) == len(rows) > 2 else ', '.join(who)}: {sentence}"
        for sentence, who in names.items()
    ]


# --- where it came from ---------------------------------------------------------------------


def origin(made: TrainingManifest) -> dict[str, str]:
    """Return what an adapter was made from and where, by name; all of it short but the hashes."""
    tree = {True: ", with uncommitted changes", False: ", nothing uncommitted", None: ""}[
        made.dirty
    ]
    return {
        "Base": made.base,
        "Base SHA-256": made.base_sha256,
        "Data SHA-256": made.data_sha256,
        "Adapter SHA-256": made.adapter_sha256,
        "Key": made.key,
        "Commit": f"{made.commit}{tree}" if made.commit else "not known",
        "Hardware": made.hardware or "not known",
        "Created": fmt.moment(made.created),
        "Versions": ", ".join(f"{name} {one}" for name, one in sorted(made.versions.items())),
    }


def parameters(made: TrainingManifest) -> dict[str, str]:
    """Return every parameter as it was used, nested ones by their path: "template.name"."""
    return dict(sorted({**dict(_flat(made.parameters)), "seed": str(made.seed)}.items()))


def is_long(value: str) -> bool:
    """Return whether a parameter needs a line of its own."""
    return len(value) > _LONG or "\n" in value


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{name}.")
        elif value is None or value in ({}, [], ()):
            yield f"{path}{name}", fmt.NOTHING
        elif isinstance(value, list | tuple):
            yield f"{path}{name}", ", ".join(map(str, value))
        else:
            yield f"{path}{name}", str(value).lower() if isinstance(value, bool) else str(value)
