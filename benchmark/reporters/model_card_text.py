"""The text of a model card, as Markdown in which foreign text is only text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmark.manifests import TrainingManifest
from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters import mark, verdict
from benchmark.reporters.board import Board, Row
from benchmark.reporters.model_card import Subject, chosen, hub_id, shown_base
from benchmark.results import Results

_LONGEST = 2_000


def body(subject: Subject) -> str:
    """Return everything below the metadata."""
    results = subject.results
    lines = [f"# {mark.text(subject.title)}", "", *_what(subject), *_use(subject)]
    if results is None:
        lines += _unevaluated(subject)
    else:
        board = boards.build(results)
        lines += _evaluation(subject, results, board)
        lines += _gates(results, subject.candidate)
    lines += _training(subject)
    if results is not None:
        lines += _limits(results, board)
        lines += _leaks(results)
        lines += _again(results)
    return "\n".join(lines).rstrip("\n") + "\n"


def _what(subject: Subject) -> Iterator[str]:
    kind = "A whole model" if subject.is_full else "An adapter"
    how = f" ({mark.text(subject.method)})" if subject.method else ""
    base = mark.code(shown_base(subject.base)) if subject.base else "a base that it does not name"
    yield f"{kind}{how} for {base}."
    if subject.origin is not None and subject.manifest is None:
        yield "It was trained elsewhere: how is not known here."
    yield ""


def _use(subject: Subject) -> Iterator[str]:
    """Yield how it is loaded. Names are JSON strings, which are Python's too."""
    base = hub_id(subject.base) or "the base model"
    loads = "AutoModelForCausalLM.from_pretrained"
    yield from ("## How to use it", "", "```python")
    yield "from transformers import AutoModelForCausalLM"
    if subject.is_full:
        yield from ("", f'model = {loads}("this folder")')
    else:
        yield from ("from peft import PeftModel", "")
        yield f"base = {loads}({_string(base)})"
        yield 'model = PeftModel.from_pretrained(base, "this folder")'
    yield from ("```", "")


def _unevaluated(subject: Subject) -> Iterator[str]:
    yield from ("## Evaluation", "")
    seen = subject.evaluation
    if seen is None:
        yield from ("No run has evaluated it: nothing is known of how well it answers.", "")
        return
    yield (
        f"From run {mark.code(seen.run_id)} of suite {mark.text(seen.suite)} "
        f"({fmt.plural(seen.n, 'answer')}, gates: {mark.text(seen.verdict)}), whose folder is not "
        "at hand: there is nothing here to compare these numbers with."
    )
    yield ""
    rows = []
    for label, (value, low, high) in seen.scores.items():
        places = fmt.decimals_for(label, "", [value, low, high])
        shown = fmt.interval(low, high, places) or fmt.NOTHING
        rows.append([mark.text(label), fmt.number(value, places), shown])
    yield from mark.table(["Number", "Value", "95 % interval"], rows)


def _evaluation(subject: Subject, results: Results, board: Board) -> Iterator[str]:
    head = verdict.headline(results)
    yield from ("## Evaluation", "")
    yield (
        f"**{head.word}**: {mark.text(head.sentence)} Measured on "
        f"{fmt.plural(results.dataset.test, 'test example')} of suite {mark.text(results.suite)}, "
        f"where this is the candidate {mark.text(subject.candidate)}. Intervals are {board.level}."
    )
    yield ""
    rows = {row.candidate.name: row for row in (*board.models, *board.controls)}
    if subject.candidate in rows:
        yield from _numbers(rows[subject.candidate], rows.get(board.baseline), results, board)
    yield from _others(board)


def _numbers(mine: Row, base: Row | None, results: Results, board: Board) -> Iterator[str]:
    """Yield each number of the adapter beside the baseline's."""
    heads = ["Number", mark.text(mine.name), f"{board.level} interval"]
    is_compared = base is not None and base is not mine
    if base is not None and is_compared:
        heads += [mark.text(base.name), "Difference", f"{board.level} interval", "p, corrected"]
    lines = []
    for label in chosen(results, mine.candidate.name):
        cell = mine.cell(label)
        if cell is None:
            continue
        name = mark.text(label) + fmt.arrow(cell.column.higher_is_better)
        line = [name, f"{cell.value} {cell.mark}".rstrip(), cell.interval or fmt.NOTHING]
        if base is not None and is_compared:
            theirs = base.cell(label)
            p = fmt.p_value(cell.comparison.shown_p if cell.comparison else None)
            line += [theirs.value if theirs else fmt.NOTHING, cell.difference]
            line += [cell.difference_interval or fmt.NOTHING, p.replace("<", "&lt;")]
        lines.append(line)
    yield from mark.table(heads, lines, numbers=True)
    if is_compared:
        yield from (mark.text(board.legend, _LONGEST), "")


def _others(board: Board) -> Iterator[str]:
    """Yield everybody on the first number: what stood beside the adapter, and what fakes score."""
    column = board.primary
    if column is None:
        return
    yield from (f"### Everybody on {mark.text(column.score)}", "")
    lines = []
    for row in (*board.models, *board.controls):
        cell = row.cell(column.score)
        kind = "control: " if row in board.controls else ""
        what = mark.text(kind + row.candidate.description)
        value = f"{cell.value} {cell.mark}".rstrip() if cell else fmt.NOTHING
        ends = (cell.interval if cell else "") or fmt.NOTHING
        lines.append([mark.text(row.name), what, value, ends])
    name = mark.text(column.score) + fmt.arrow(column.higher_is_better)
    yield from mark.table(["Candidate", "What it is", name, f"{board.level} interval"], lines)


def _gates(results: Results, candidate: str) -> Iterator[str]:
    gates = [gate for gate in verdict.ordered_gates(results) if gate.candidate in (candidate, "")]
    if gates:
        yield from ("### Gates", "")
        for gate in gates:
            sign = verdict.SYMBOLS[gate.outcome]
            yield f"- {sign} {mark.text(gate.title)}: {mark.text(gate.reason, _LONGEST)}"
        yield ""


def _training(subject: Subject) -> Iterator[str]:
    made = subject.manifest
    if made is None:
        return
    yield from ("## How it was trained", "")
    facts = {
        "Method": f"{made.method}, {made.objective}",
        "Rows": f"{fmt.count(made.rows)} ({fmt.count(made.rows_truncated)} cut)",
        "Tokens": fmt.short(made.tokens),
        "Trained weights": f"{fmt.short(made.trainable_parameters)} of "
        f"{fmt.short(made.total_parameters)}",
        "Training loss": _losses(made),
        "Validation loss": fmt.number(made.eval_loss),
        "Time": fmt.duration(made.seconds),
        "Hardware": f"{made.hardware or made.device}, {made.dtype}",
        "Peak memory": fmt.size(made.peak_memory),
        "Seed": str(made.seed),
        "Versions": ", ".join(f"{name} {at}" for name, at in made.versions.items()),
        "Commit": (made.commit or fmt.NOTHING) + (" with changes" if made.dirty else ""),
        "Hash of the rows": made.data_sha256,
        "Hash of the base": made.base_sha256,
        "Hash of the weights": made.adapter_sha256,
    }
    rows = [[name, mark.text(value)] for name, value in facts.items()]
    yield from mark.table(["", ""], rows)
    if made.overfitting:
        yield from (mark.text(made.overfitting), "")
    yield from ("<details><summary>All parameters</summary>", "")
    told = json.dumps(made.parameters, indent=2, ensure_ascii=False, default=str)
    yield from (*mark.block(told, 20_000), "", "</details>", "")


def _losses(made: TrainingManifest) -> str:
    if not made.curve:
        return fmt.NOTHING
    return f"{fmt.number(made.curve[0].loss)} → {fmt.number(made.curve[-1].loss)}"


def _limits(results: Results, board: Board) -> Iterator[str]:
    yield from ("## Limits", "")
    size = fmt.plural(results.dataset.test, "test example")
    yield f"- The numbers are of {size} from one source; other questions may give others."
    for sentence in [*verdict.notices(results, board), *verdict.notes(board)]:
        yield f"- {mark.text(sentence, _LONGEST)}"
    yield ""


def _leaks(results: Results) -> Iterator[str]:
    found = results.dataset.leaks
    yield from ("## Leaks from test to train", "")
    if found is None:
        yield from ("Nobody looked for them.", "")
        return
    yield from (f"- {mark.text(sentence, _LONGEST)}" for sentence in found.sentences)
    yield ""


def _again(results: Results) -> Iterator[str]:
    where = results.environment
    yield from ("## How to run it again", "", *mark.block(results.command or "bench run", 2_000))
    yield ""
    facts = {
        "Run": results.run_id,
        "Finished": fmt.moment(results.finished),
        "Fingerprint of what was asked": results.fingerprint,
        "Test data": results.dataset.test_sha256,
        "Commit": (where.commit or fmt.NOTHING) + (" with changes" if where.dirty else ""),
        "Where": f"{where.device}, {where.dtype}, Python {where.python}",
    }
    rows = [[name, mark.code(value)] for name, value in facts.items()]
    rows += [["Source", mark.code(f"{shown_base(name)} sha256:{sha256}")]
             for name, sha256 in results.dataset.sources.items()]  # fmt: skip
    yield from mark.table(["", ""], rows)


def _string(value: str) -> str:
    return json.dumps(fmt.one_line(value)).replace("`", "\\u0060")
