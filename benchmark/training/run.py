"""Training one adapter, top to bottom: data, network, trainer, resume, save."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmark.checkout import commit_here
from benchmark.devices import Placement, placement
from benchmark.errors import CandidateError
from benchmark.models import local_model
from benchmark.progress import Progress
from benchmark.records import Batching, Example, TrainingManifest
from benchmark.training import checkpoints, manifest, memory, weights
from benchmark.training.arguments import arguments
from benchmark.training.curve import best, curve, overfitting
from benchmark.training.data import Rows, tokenise
from benchmark.training.job import Job
from benchmark.training.methods import is_full
from benchmark.training.network import network, tokenizer_of
from benchmark.training.pieces import Pieces


class Started(NamedTuple):
    """A trainer that is ready, and what it was made of."""

    trainer: Any
    pieces: Pieces
    rows: Rows
    place: Placement
    checkpointing: bool


def train(job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
    """Train an adapter and write it, with its manifest, into `folder` (which exists).

    Args:
        job: What to train.
        folder: Where the finished adapter goes.
        work: Where checkpoints are kept until then; a training that was killed goes on from the
            last whole one it finds there. Removed at the end.
        progress: Where the steps show themselves.

    Raises:
        FetchError: The base model cannot be fetched.
        MissingDependency: The method needs a package that is not installed.
        CandidateError: Nothing to learn from, a method that does not fit, a loss that is not a
            number, or no memory.
    """
    from benchmark.training.callbacks import Saver, Watcher

    base = local_model(job.model, progress)
    started = _start(job, base.path, work)
    trainer = started.trainer
    found = checkpoints.latest(work)
    before = found[1] if found else {}
    _take_up(started.pieces, before)
    clock = time.perf_counter()

    def facts() -> dict[str, Any]:
        spent = before.get("seconds", 0.0) + time.perf_counter() - clock
        resumed = before.get("resumed", 0) + bool(found)
        return {"seconds": spent, "resumed": resumed, "pieces": vars(started.pieces)}

    label = f"train {job.spec.method} on {len(started.rows.rows)} rows"
    with (
        progress.step(
            label, total=_steps(job, started), unit="steps", estimate=job.estimate
        ) as tick,
        memory.Peak(started.place.device) as peak,
        _clear_errors(),
    ):
        alone = trainer.accelerator.num_processes == 1
        trainer.add_callback(Watcher(tick, Saver(job.spec.save_seconds), facts, alone=alone))
        trainer.train(resume_from_checkpoint=str(found[0]) if found else None)
    made = facts()
    _save(trainer, started.place, job, folder)
    record = TrainingManifest(
        key=job.key,
        base=job.model,
        base_sha256=base.sha256,
        **_settings(job, started),
        **_outcome(trainer, started, made),
        adapter_sha256=weights.sha256_of(folder),
        adapter_bytes=sum(file.stat().st_size for file in weights.files_of(folder)),
        peak_memory=peak.bytes,
    )
    if trainer.is_world_process_zero():
        manifest.write(folder, record)
        shutil.rmtree(work, ignore_errors=True)
    return record


def _start(job: Job, base: Path, work: Path) -> Started:
    """Build rows, network and trainer."""
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import SFTConfig

    from benchmark.training.trainer import Collate, PieceTrainer

    place, tokenizer = placement(job.dtype), tokenizer_of(base)
    rows, watched = tokenised(job, job.train, tokenizer), tokenised(job, job.validation, tokenizer)
    if not rows.rows:
        raise CandidateError(
            f"no training row has an answer within {job.spec.max_length} tokens",
            hint="raise train.max_length or the train side of `split:`",
        )
    job = job.for_rows(rows)
    set_seed(job.spec.seed or 0)  # before the adapter's random start
    model = network(base, place, job.spec, job.steps(len(rows.rows)))
    model.to(place.device)
    longest = max(len(row["input_ids"]) for row in [*rows.rows, *watched.rows])
    fits = memory.budget(model, place.device, longest, job.spec.gradient_checkpointing)
    pieces = _pieces(job, model, fits.tokens)
    settings = arguments(
        job, work, place, watched=bool(watched.rows), checkpointing=fits.checkpointing
    )
    trainer = PieceTrainer(
        model=model,
        args=SFTConfig(**settings, max_length=None, dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=Dataset.from_list(_numbered(rows)),
        eval_dataset=Dataset.from_list(_numbered(watched)) if watched.rows else None,
        data_collator=Collate(tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=_stoppers(job, bool(watched.rows)),
        pieces=pieces,
        names=rows.ids,
    )
    trainer.remove_callback(PrinterCallback)  # it would print each step on stdout
    return Started(trainer, pieces, rows, place, fits.checkpointing)


def tokenised(job: Job, examples: Sequence[Example], tokenizer: Any) -> Rows:
    """Return examples as the job's objective learns them."""
    spec = job.spec
    objective: Literal["sft", "text"] = "text" if spec.objective == "text" else "sft"
    return tokenise(
        examples, job.template, tokenizer, spec.max_length, objective=objective, learn=spec.learn
    )


def _numbered(rows: Rows) -> list[dict[str, Any]]:
    return [{**row, "row": number} for number, row in enumerate(rows.rows)]


def _pieces(job: Job, model: Any, tokens: int) -> Pieces:
    at_once = job.spec.micro_batch
    prompt_learning = getattr(
        getattr(model, "active_peft_config", None), "is_prompt_learning", False
    )
    return Pieces(
        tokens=tokens if at_once == "auto" else 2**62,
        rows=job.step_rows if at_once == "auto" else at_once,
        masked=bool(prompt_learning),
    )


def _stoppers(job: Job, watched: bool) -> list[Any]:
    from transformers import EarlyStoppingCallback

    if not (watched and job.spec.patience):
        return []
    return [EarlyStoppingCallback(early_stopping_patience=job.spec.patience)]


def _take_up(pieces: Pieces, before: dict[str, Any]) -> None:
    """Go on with what the checkpoint knows of cutting rows."""
    for name, value in before.get("pieces", {}).items():
        if name != "masked":
            setattr(pieces, name, value)


def _steps(job: Job, started: Started) -> int:
    return job.for_rows(started.rows).steps(len(started.rows.rows))


def _save(trainer: Any, place: Placement, job: Job, folder: Path) -> None:
    import torch

    if is_full(job.spec) and trainer.accelerator.num_processes == 1:
        trainer.model.to(getattr(torch, place.dtype))  # what answers is in the base's format
        trainer.model.save_pretrained(folder, max_shard_size="1000GB")
        return
    trainer.save_model(str(folder))
    for name in ("training_args.bin", "README.md"):  # a pickle, and a card that says nothing
        (folder / name).unlink(missing_ok=True)


def _settings(job: Job, started: Started) -> dict[str, Any]:
    """Return what the manifest says of what was asked for."""
    rows, place = started.rows, started.place
    commit, dirty = commit_here()
    return {
        "method": job.spec.method,
        "objective": job.spec.objective,
        "data_sha256": job.data_sha256,
        "rows": len(rows.rows),
        "rows_truncated": rows.truncated,
        "rows_without_loss": rows.without_loss,
        "parameters": {
            **job.spec.model_dump(mode="json"),
            "template": job.template.model_dump(),
        },
        "seed": job.spec.seed or 0,
        "versions": manifest.versions(),
        "device": place.device,
        "dtype": place.dtype,
        "hardware": hardware(place),
        "commit": commit,
        "dirty": dirty,
        "gradient_checkpointing": started.checkpointing,
        "processes": started.trainer.accelerator.num_processes,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _outcome(trainer: Any, started: Started, made: dict[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of what came of it."""
    state, pieces = trainer.state, started.pieces
    points = curve(state.log_history)
    kept = best(points)
    trained = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    return {
        "curve": points,
        "eval_loss": kept.eval_loss if kept else None,
        "best_step": kept.step if kept else None,
        "stopped_early": state.global_step < state.max_steps,
        "overfitting": overfitting(points),
        "trainable_parameters": trained,
        "total_parameters": sum(p.numel() for p in trainer.model.parameters()),
        "tokens": pieces.real,
        "seconds": round(made["seconds"], 2),
        "resumed": made["resumed"],
        "batching": Batching(
            rows=trainer.args.per_device_train_batch_size * trainer.accelerator.num_processes,
            micro_tokens=min(pieces.tokens, 2**31),
            micro_batches=round(pieces.passes / max(1, pieces.steps), 2),
            padding=round(1 - pieces.real / max(1, pieces.padded), 4),
            out_of_memory=pieces.out_of_memory,
        ),
    }


def hardware(place: Placement) -> str:
    """Return the name of the GPU, or of the processor."""
    import torch

    if place.device == "cuda":
        return torch.cuda.get_device_name()
    cores = f"{os.cpu_count()} cores"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {cores}"


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn a lack of memory outside the steps (validation, optimizer) into one clear line."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory.is_out_of_memory(error):
            raise
        raise CandidateError(
            "out of memory while training",
            hint="lower train.max_length, or set train.gradient_checkpointing: true",
        ) from error
