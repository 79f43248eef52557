"""A Hugging Face model card of an adapter: metadata with its evaluation, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.errors import ConfigError
from benchmark.manifests import AdapterEvaluation, AdapterOrigin, TrainingManifest
from benchmark.references.syntax import parse
from benchmark.reporters import format as fmt
from benchmark.results import Results

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

TASK = "text-generation"
_OURS = "bench"
"""Tag by which cards of this tool are found."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a card is about.

    Attributes:
        short: What people call the adapter.
        method: "lora", "rslora", ..., "full"; "" where nobody knows.
        base: The base's reference; "" where nobody knows.
        is_full: A whole model rather than an adapter.
        manifest: How it was trained; None for one that was trained elsewhere.
        origin: Where it was imported from; None for one that was not.
        results: The run that evaluated it; None where there is none at hand.
        candidate: Its name in that run.
        evaluation: What is known of a run whose folder is gone.
        language: Codes of languages.
        license: As the hub writes it; "" where nobody said.
    """

    short: str
    method: str
    base: str
    is_full: bool
    manifest: TrainingManifest | None
    origin: AdapterOrigin | None
    results: Results | None
    candidate: str
    evaluation: AdapterEvaluation | None
    language: tuple[str, ...] = ()
    license: str = ""

    @property
    def title(self) -> str:
        """Return the card's name of the model."""
        parts = [last_part(self.base), self.method or "adapter", self.short]
        return fmt.one_line(" ".join(filter(None, parts)), 120)


def text(subject: Subject) -> str:
    """Return the content of `README.md`, with everything foreign in it inert.

    Raises:
        ConfigError: The card would not read back as it was written.
    """
    from huggingface_hub import ModelCard

    from benchmark.reporters.model_card_text import body

    data = metadata(subject)
    content = f"---\n{data.to_yaml()}\n---\n\n{body(subject)}"
    try:
        read: Any = ModelCard(content).data
    except Exception as error:
        raise ConfigError(f"the card cannot be read back: {fmt.one_line(str(error))}") from error
    if read.to_dict() != data.to_dict():
        raise ConfigError("the card does not read back as it was written")
    return content


def metadata(subject: Subject) -> Any:
    """Return the card's metadata, as `huggingface_hub` has it."""
    from huggingface_hub import ModelCardData

    results = list(evaluations(subject))
    hub = hub_id(subject.base)
    adapted = [f"base_model:adapter:{hub}"] if hub and not subject.is_full else []
    known: dict[str, Any] = {
        "base_model": hub or None,
        "datasets": hub_datasets(subject.results) or None,
        "language": list(subject.language) or None,
        "license": subject.license or None,
        "library_name": "transformers" if subject.is_full else "peft",
        "pipeline_tag": TASK,
        "tags": list(dict.fromkeys([_tag(subject.method), *adapted, _OURS])),
    }
    if results:
        known |= {"model_name": subject.title, "eval_results": results}
    known["tags"] = [tag for tag in known["tags"] if tag]
    return ModelCardData(**{name: value for name, value in known.items() if value is not None})


def evaluations(subject: Subject) -> Iterator[EvalResult]:
    """Yield each number of the adapter, with its interval and how it was measured."""
    results = subject.results
    if results is None:
        yield from _remembered(subject)
        return
    from huggingface_hub import EvalResult

    data = results.dataset
    signature = {"examples": data.test, "test_sha256": fmt.one_line(data.test_sha256)}
    for row in results.scores:
        value = fmt.known(row.value)
        if row.candidate != subject.candidate or value is None:
            continue
        yield EvalResult(
            task_type=TASK,
            task_name=fmt.one_line(f"{results.suite} version {results.suite_version}"),
            dataset_type=(hub_datasets(results) or [fmt.one_line(data.name)])[0],
            dataset_name=fmt.one_line(results.suite),
            dataset_split="test",
            dataset_args=dict(signature),
            metric_type=fmt.one_line(row.metric),
            metric_name=fmt.one_line(row.score),
            metric_value=value,
            metric_args=_arguments(row.low, row.high, row.n, row.failed, row.signature),
        )


def _remembered(subject: Subject) -> Iterator[EvalResult]:
    """Yield what was written down beside the adapter when it was evaluated."""
    from huggingface_hub import EvalResult

    seen = subject.evaluation
    for label, (value, low, high) in (seen.scores if seen else {}).items():
        number = fmt.known(value)
        if seen is not None and number is not None:
            yield EvalResult(
                task_type=TASK,
                dataset_type=fmt.one_line(seen.suite),
                dataset_name=fmt.one_line(seen.suite),
                dataset_split="test",
                metric_type=fmt.one_line(label),
                metric_name=fmt.one_line(label),
                metric_value=number,
                metric_args=_arguments(low, high, seen.n, None, ""),
            )


def _arguments(
    low: float | None, high: float | None, n: int, failed: int | None, signature: str
) -> dict[str, Any]:
    low, high = fmt.known(low), fmt.known(high)
    found: dict[str, Any] = {"n": n}
    if failed is not None:
        found["failed"] = failed
    if low is not None and high is not None:
        found["interval_95"] = [low, high]
    if signature:
        found["signature"] = fmt.one_line(signature, 500)
    return found


def hub_id(reference: str) -> str:
    """Return the hub's id of a model or data set; "" for what is not on the hub."""
    try:
        found = parse(reference)
    except ConfigError:
        return ""
    # `parse` takes a bare word for a hub id only where no such file is; an old path may be gone.
    return found.name if found.kind == "hub" else ""


def hub_datasets(results: Results | None) -> list[str]:
    """Return the hub's ids among the sources of the data."""
    names = results.dataset.sources if results else {}
    return list(dict.fromkeys(filter(None, map(hub_id, names))))


def shown_base(reference: str) -> str:
    """Return a base for a reader elsewhere: of a local path only the last part."""
    try:
        found = parse(reference)
    except ConfigError:
        return fmt.one_line(last_part(reference))
    return fmt.one_line(last_part(reference) if found.kind == "path" else found.label)


def last_part(reference: str) -> str:
    """Return the last part of a base's reference, without a checksum."""
    bare = reference.partition("#")[0].rstrip("/").replace("\\", "/")
    return bare.rpartition("/")[2].removesuffix(".gguf") or bare


def _tag(method: str) -> str:
    return re.sub(r"[^\w.-]", "-", method, flags=re.ASCII)[:40]


def chosen(results: Results, candidate: str) -> Sequence[str]:
    """Return the labels of a candidate's numbers, the suite's first one first, then the gated."""
    gated = {gate.score for gate in results.gates}
    labels = [row.score for row in results.scores if row.candidate == candidate]
    return sorted(labels, key=lambda label: (label != results.primary, label not in gated))
