"""What a training says of itself: the manifest, from what was asked and what came of it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.checkout import commit_here
from benchmark.devices import Placement
from benchmark.manifests import Batching, TrainingManifest
from benchmark.models import LocalModel
from benchmark.training import manifest, weights
from benchmark.training.curve import best, curve, last, overfitting
from benchmark.training.job import Job
from benchmark.training.pieces import Pieces


class Started(NamedTuple):
    """A trainer that is ready, and what it was made of."""

    job: Job
    trainer: Any
    pieces: Pieces
    rows: Any
    """`Rows`, or `Pairs` of preferences."""
    place: Placement
    checkpointing: bool
    compiled: bool
    steps: int
    longest: int
    """Tokens of the longest row."""


def account(
    started: Started, base: LocalModel, made: dict[str, Any], folder: Path, peak: int
) -> TrainingManifest:
    """Return the manifest of a training that is done.

    Args:
        started: The trainer and what it was made of.
        base: The model it began with.
        made: Seconds, resumes and `Pieces` over all processes, those before a resume included.
        folder: Where the weights were saved.
        peak: The most memory in use, in bytes.
    """
    job = started.job
    return TrainingManifest(
        key=job.key,
        base=job.model,
        base_sha256=base.sha256,
        **_settings(job, started),
        **_outcome(started.trainer, started, made),
        adapter_sha256=weights.sha256_of(folder),
        adapter_bytes=sum(file.stat().st_size for file in weights.files_of(folder)),
        peak_memory=peak,
    )


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
        "rows_split": getattr(rows, "split", 0),
        "rows_windowed": getattr(rows, "windowed", 0),
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
        "gradient_checkpointing": started.trainer.args.activation_checkpointing,
        "compiled": started.compiled,
        "processes": started.trainer.accelerator.num_processes,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _outcome(trainer: Any, started: Started, made: dict[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of what came of it."""
    state, pieces = trainer.state, Pieces(**made["pieces"])
    points = curve(state.log_history)
    kept = best(points) if trainer.args.load_best_model_at_end else last(points)
    parameters = list(trainer.model.parameters())
    accumulation = trainer.args.gradient_accumulation_steps
    return {
        "curve": points,
        "eval_loss": kept.eval_loss if kept else None,
        "best_step": kept.step if kept and trainer.args.load_best_model_at_end else None,
        "stopped_early": state.global_step < state.max_steps,
        "overfitting": overfitting(points),
        "trainable_parameters": sum(size(p) for p in parameters if p.requires_grad),
        "total_parameters": sum(map(size, parameters)),
        "tokens": pieces.real or round(started.rows.tokens * state.epoch),
        "seconds": round(made["seconds"], 2),
        "resumed": made["resumed"],
        "batching": Batching(
            rows=trainer.args.per_device_train_batch_size
            * accumulation
            * trainer.accelerator.num_processes,
            micro_tokens=pieces.largest or min(pieces.tokens, 2**31),
            micro_batches=round(accumulation * pieces.passes / max(1, pieces.steps), 2)
            or accumulation,
            padding=round(1 - pieces.real / pieces.computed, 4) if pieces.computed else 0.0,
            out_of_memory=pieces.out_of_memory,
        ),
    }


def size(parameter: Any) -> int:
    """Return how many numbers a parameter has, with those that other processes keep."""
    return int(getattr(parameter, "ds_numel", None) or parameter.numel())


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
