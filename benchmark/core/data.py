"""Plan -> data: the data set loaded, put on sides by group, hashed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmark.core.plan import Plan
from benchmark.core.split import split
from benchmark.core.state import Data, examples_sha256
from benchmark.core.store import Cache
from benchmark.errors import DataError
from benchmark.files import write_text
from benchmark.keys import code_version, key
from benchmark.models import local_model_dir
from benchmark.progress import Progress
from benchmark.records import Example, Message
from benchmark.results import DatasetSummary
from benchmark.rows.checks import Checked, check
from benchmark.rows.leaks import LeakReport, leaks
from benchmark.rows.row import Row
from benchmark.suite import CheckSpec, LeakSpec


def load_data(plan: Plan, progress: Progress) -> Data:
    """Load, split, check, and look for leaks; all before anything is trained.

    Raises:
        FetchError: The data set cannot be fetched.
        DataError: It is broken, too small for `split:`, leaves no test example, has an error
            that a check found, or leaks more than `leaks.tolerance` into the test side.
    """
    suite = plan.suite
    with progress.step(f"load {suite.dataset.use}"):
        loaded = plan.dataset.load(progress)
        seed = suite.seed if suite.split.seed is None else suite.split.seed
        examples = regrouped(loaded.examples, suite.split.group_by)
        sides = split(examples, suite.split, seed, suite.limit)
    with progress.step("check rows"):
        checked, found = inspected([*sides.train, *sides.validation], sides.test, plan)
    refuse_errors(checked, suite.checks)
    refuse_leaks(found, suite.leaks)
    for finding in checked.findings:
        if finding.severity == "warning":
            progress.say(f"{finding.check}: {finding.message}")
    summary = DatasetSummary(
        name=suite.dataset.use,
        signature=plan.dataset.signature,
        sources=loaded.sources,
        kept=len(loaded.examples),
        dropped=loaded.dropped,
        train=len(sides.train),
        validation=len(sides.validation),
        test=len(sides.test),
        train_sha256=examples_sha256([*sides.train, *sides.validation]),
        test_sha256=examples_sha256(sides.test),
        findings=checked.findings,
        lengths=checked.lengths,
        leaks=found,
    )
    return Data(sides.train, sides.validation, sides.test, summary)


def inspected(
    train: Sequence[Example], test: Sequence[Example], plan: Plan
) -> tuple[Checked, LeakReport]:
    """Return what the checks say of the rows and what leaks, from the cache or found now."""
    suite, (model, longest) = plan.suite, _measure(plan)
    name = key(
        model=model,
        longest=longest,
        train=examples_sha256(train),
        test=examples_sha256(test),
        off=list(suite.checks.off),
        similarity=suite.leaks.similarity,
        code=[code_version("benchmark.rows.checks"), code_version("benchmark.rows.leaks")],
    )
    path = Cache().path("checks", f"{name}.json")
    if path.is_file():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            return Checked.model_validate(known[0]), LeakReport.model_validate(known[1])
        except (ValueError, IndexError):
            path.replace(path.with_suffix(".damaged"))  # looked for again below
    checked = check(
        rows_of([*train, *test]),
        tokenizer=_tokenizer(model),
        max_length=longest,
        off=suite.checks.off,
    )
    found = leaks(train, test, similarity=suite.leaks.similarity)
    write_text(path, json.dumps([checked.model_dump(mode="json"), found.model_dump(mode="json")]))
    return checked, found


def _measure(plan: Plan) -> tuple[str | None, int | None]:
    """Return the model whose tokens rows are measured in, and the longest row it is trained on."""
    trained = [candidate for candidate in plan.candidates if candidate.spec.train]
    models = {str(getattr(candidate.backend, "model", "")) for candidate in trained}
    lengths = [candidate.spec.train.max_length for candidate in trained if candidate.spec.train]
    # Several models count several ways; each training then counts for itself, in its manifest.
    return (models.pop() if len(models) == 1 else None), min(lengths, default=None)


def _tokenizer(model: str | None) -> Any:
    if model is None:
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(local_model_dir(model))


def rows_of(examples: Iterable[Example]) -> Iterator[Row]:
    """Give examples as rows, their first reference as the answer, for the checks."""
    for example in examples:
        answer = [Message(role="assistant", content=text) for text in example.references[:1]]
        yield Row(
            messages=(*example.prompt, *answer),
            references=example.references[1:],
            rejected=example.rejected,
            id=example.id,
            group=example.group or None,
            format="chat",
        )


def regrouped(examples: Sequence[Example], field: str | None) -> Sequence[Example]:
    """Return the examples with a field of `meta` as their group. Raises DataError."""
    if field is None:
        return examples
    without = next((example for example in examples if field not in example.meta), None)
    if without is not None:
        known = ", ".join(sorted(without.meta)) or "none"
        raise DataError(
            f"example {without.id} has no field {field!r} to group by",
            where="split.group_by",
            hint=f"its fields: {known}",
        )
    return [row.model_copy(update={"group": row.meta[field]}) for row in examples]


def refuse_errors(checked: Checked, spec: CheckSpec) -> None:
    """Raise DataError with every finding that the suite does not let pass."""
    stop = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[spec.stop_on]
    found = [finding for finding in checked.findings if finding.severity in stop]
    if found:
        more = "; ".join(f"{finding.check}: {finding.message}" for finding in found)
        raise DataError(
            f"the rows have mistakes: {more}",
            where="dataset",
            hint="mend them (`bench data clean`), or name a check under `checks.off`",
        )


def refuse_leaks(found: LeakReport, spec: LeakSpec) -> None:
    """Raise DataError if more of the test side leaks than the suite tolerates."""
    if found.share > spec.tolerance:
        pairs = [pair for leak in found.leaks for pair in leak.pairs][:3]
        shown = ", ".join(f"{pair.test} = {pair.other}" for pair in pairs)
        raise DataError(
            f"{found.total} of {found.tests} test examples are also on the train side "
            f"({'; '.join(found.sentences[1:])}), such as {shown}",
            where="leaks",
            hint="group them (`split.group_by`), clean the rows, or raise leaks.tolerance",
        )
