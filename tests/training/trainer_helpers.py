"""A tiny training, whole or up to where it starts, and looks into its network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.manifests import TrainingManifest
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.suite import TrainSpec
from benchmark.training import run
from benchmark.training.job import Job

SENTENCE = "Le repos quotidien est de onze heures, et la durée du travail est fixée par semaine. "


def row(id: str, question: str, answer: str) -> Example:
    return Example(id=id, prompt=(Message(role="user", content=question),), references=(answer,))


ROWS = [row(str(n), f"Que dit L{n} ?", SENTENCE[: 5 + 9 * (n * 5 % 9)] + str(n)) for n in range(12)]
"""Answers of 5 to 77 characters, in no order."""

WATCHED = [row(f"v{n}", f"Que dit R{n} ?", SENTENCE[: 10 + 20 * n]) for n in range(3)]

CONTRARY = [row("v", "Que dit L0 ?", "Zéro !"), row("w", "Que dit L1 ?", "Quoi donc ?")]
OVERFIT: dict[str, Any] = {
    "rows": ROWS[:4], "watched": CONTRARY, "method": "full", "learning_rate": 1e-2,
    "schedule": "constant_with_warmup", "epochs": 20, "eval_steps": 2,
}  # fmt: skip
"""Learning this by heart makes other answers to the same questions ever less likely."""


def job(model: Path, rows: Sequence[Example] = ROWS, watched: Sequence[Example] = (), **spec: Any):
    """Return a training of plain float32 without dropout, unless `spec` says otherwise."""
    settings = {
        "r": 4, "epochs": 2, "learning_rate": 1e-2, "batch_size": 4, "dropout": 0.0, "seed": 3,
        "max_length": 256,
    }  # fmt: skip
    return Job(
        key="k",
        model=str(model),
        dtype="float32",
        spec=TrainSpec(**settings | spec),
        template=Template(style="alpaca"),
        train=rows,
        validation=watched,
        data_sha256="d",
    )


def train(
    model: Path,
    folder: Path,
    rows: Sequence[Example] = ROWS,
    watched: Sequence[Example] = (),
    **spec: Any,
) -> TrainingManifest:
    """Train into a folder; checkpoints are in `<folder>.work` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    work = folder.parent / f"{folder.name}.work"
    return run.train(job(model, rows, watched, **spec), folder, work, Silent())


def stop(
    model: Path,
    folder: Path,
    step: int,
    rows: Sequence[Example] = ROWS,
    watched: Sequence[Example] = (),
    **spec: Any,
) -> None:
    """Begin what `train` does, and end it at a step as if the process had been killed."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = job(model, rows, watched, **{**spec, "save_seconds": 0.0})
    try:
        run.train(asked, folder, folder.parent / f"{folder.name}.work", StopAt(step))
    except Stopped:
        return
    raise AssertionError("it was to be stopped")


def start(model: Path, work: Path, rows: Sequence[Example] = ROWS, **spec: Any) -> Any:
    """Return a training that is about to begin."""
    return run._start(job(model, rows, **spec), model, work)


def batch_of(trainer: Any, rows: Sequence[int] | None = None) -> dict[str, Any]:
    """Return rows of the training set as one step gets them."""
    rows = range(len(trainer.train_dataset)) if rows is None else rows
    return trainer.data_collator([trainer.train_dataset[at] for at in rows])


def gradients(model: Any) -> dict[str, Any]:
    """Return the gradients of what is trained, and forget them there."""
    found = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.requires_grad and weight.grad is not None
    }
    model.zero_grad()
    return found


def step(trainer: Any, batch: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return loss and gradients of one step, as the trainer makes it."""
    loss = float(trainer.training_step(trainer.model, batch))
    return loss, gradients(trainer.model)


def plain_step(model: Any, batch: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return what `step` should: cross entropy of transformers' own logits, row by row."""
    import torch

    model.train()
    learned = int((batch["labels"] != -100).sum())
    total = 0.0
    for at, count in enumerate(batch["length"]):
        ids, labels = batch["input_ids"][at : at + 1, :count], batch["labels"][at, :count]
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        logits = logits[-count:]  # learned tokens may stand before the row
        loss = torch.nn.functional.cross_entropy(logits[:-1], labels[1:], reduction="sum") / learned
        loss.backward()
        total += loss.item()
    return total, gradients(model)


def assert_same(one: tuple[float, dict[str, Any]], other: tuple[float, dict[str, Any]]) -> None:
    """Loss to 1e-5; each gradient's difference to 1e-5 of the largest gradient's norm."""
    assert abs(one[0] - other[0]) <= 1e-5 * abs(other[0])
    assert one[1].keys() == other[1].keys() and one[1]
    most = max(float(gradient.norm()) for gradient in other[1].values())
    assert most > 0
    for name, gradient in other[1].items():
        assert float((one[1][name] - gradient).norm()) <= 1e-5 * most, name


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


def farthest(one: Path, other: Path) -> float:
    """Return the largest difference of two adapters' weights."""
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    return max(float((left[name] - right[name]).abs().max()) for name in left)


def everything(model: Any) -> str:
    """Return a hash of all that a network holds: names, formats, values, buffers."""
    import hashlib

    digest = hashlib.sha256()
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    digest.update(repr(kinds).encode())
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


class Stopped(Exception):
    """What stands for a killed process, where a real one would take too long."""


class StopAt(Silent):
    """Stops a training when a step is done, before its checkpoint is written."""

    def __init__(self, step: int) -> None:
        self.left = step

    @contextmanager
    def step(self, label: str, **settings: Any) -> Iterator[Any]:
        def tick(advance: float = 1, **more: Any) -> None:
            self.left -= int(advance)
            if advance and self.left <= 0:
                raise Stopped

        yield tick


def loss_of(model: Any, folder: Path, rows: Sequence[Example] = WATCHED) -> float:
    """Return the mean loss of all learned tokens of some rows, by transformers' own logits."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    total, count = 0.0, 0
    for found in run.tokenised(job(folder), rows, tokenizer).rows:
        ids = torch.tensor([found["input_ids"]])
        labels = torch.tensor(found["labels"])[1:]
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        logits = logits[-ids.shape[1] : -1]
        total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        count += int((labels != -100).sum())
    return total / count
