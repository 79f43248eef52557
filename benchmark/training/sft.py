"""Supervised fine-tuning of one adapter, top to bottom: data, model, adapter, trainer, save."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark.devices import Placement, placement
from benchmark.errors import CandidateError
from benchmark.keys import sha256_of_file
from benchmark.models import local_model
from benchmark.progress import Progress, Tick
from benchmark.records import Example, LossPoint, TrainingManifest
from benchmark.suite import TrainSpec
from benchmark.training import manifest
from benchmark.training.data import Rows, tokenise
from benchmark.training.job import Job
from benchmark.training.methods import METHODS


def train(job: Job, folder: Path, progress: Progress) -> TrainingManifest:
    """Train an adapter and write it, with its manifest, into `folder` (which exists).

    Raises:
        FetchError: The base model cannot be fetched.
        CandidateError: Nothing to learn from, an unknown target module, a loss that is not a
            number, or no memory.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import SFTTrainer

    base, place = local_model(job.model, progress), placement(job.dtype)
    tokenizer = _tokenizer(base.path)
    rows = _tokenised(job, job.train, tokenizer)
    watched = _tokenised(job, job.validation, tokenizer)
    if not rows.rows:
        raise CandidateError(
            f"no training row has an answer within {job.spec.max_length} tokens",
            hint="raise train.max_length or the train side of `split:`",
        )
    set_seed(job.spec.seed or 0)  # before the adapter's random start
    model = _adapted(base.path, place, job.spec)

    start = time.perf_counter()
    label = f"train {job.spec.method} on {len(rows.rows)} rows"
    steps = _steps(job.spec, len(rows.rows))
    with progress.step(label, total=steps, unit="steps", estimate=job.estimate) as tick:
        trainer = SFTTrainer(
            model=model,
            args=_arguments(job, folder, place, bool(watched.rows)),
            train_dataset=Dataset.from_list(rows.rows),
            eval_dataset=Dataset.from_list(watched.rows) if watched.rows else None,
            processing_class=tokenizer,
            callbacks=[_watcher(tick)],
        )
        trainer.remove_callback(PrinterCallback)  # it would print each step on stdout
        with _clear_errors():
            trainer.train()
    seconds = time.perf_counter() - start

    model.save_pretrained(folder, safe_serialization=True)
    trainable, total = model.get_nb_trainable_parameters()
    curve = _curve(trainer.state.log_history)
    record = TrainingManifest(
        key=job.key,
        method=job.spec.method,
        base=job.model,
        base_sha256=base.sha256,
        adapter_sha256=sha256_of_file(folder / "adapter_model.safetensors"),
        data_sha256=job.data_sha256,
        **_facts(job, rows),
        trainable_parameters=trainable,
        total_parameters=total,
        device=place.device,
        dtype=place.dtype,
        curve=curve,
        eval_loss=next((p.eval_loss for p in reversed(curve) if p.eval_loss is not None), None),
        seconds=round(seconds, 2),
    )
    manifest.write(folder, record)
    return record


def _tokenised(job: Job, examples: Sequence[Example], tokenizer: Any) -> Rows:
    spec = job.spec
    return tokenise(
        examples,
        job.template,
        tokenizer,
        spec.max_length,
        objective="text" if spec.objective == "text" else "sft",
        learn=spec.learn,
    )


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = tokenizer.eos_token_id
    return tokenizer


def _adapted(folder: Path, place: Placement, spec: TrainSpec) -> Any:
    """Return the base with a fresh adapter on it."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, place.dtype))
    try:
        return get_peft_model(model, METHODS[spec.method](spec))
    except ValueError as error:
        raise CandidateError(f"{spec.method} does not fit {folder.name}: {error}") from error


def _facts(job: Job, rows: Rows) -> dict[str, Any]:
    """Return what the manifest says of the rows and of the settings."""
    return {
        "rows": len(rows.rows),
        "rows_truncated": rows.truncated,
        "rows_without_loss": rows.without_loss,
        "tokens": round(rows.tokens * job.spec.epochs),
        "parameters": {
            **job.spec.model_dump(mode="json"),
            "template": job.template.model_dump(),
        },
        "seed": job.spec.seed or 0,
        "versions": manifest.versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _arguments(job: Job, folder: Path, place: Placement, watched: bool) -> Any:
    from trl import SFTConfig

    spec = job.spec
    evaluation: dict[str, Any] = {"eval_strategy": "no"}
    if watched and spec.eval_steps:
        evaluation = {"eval_strategy": "steps", "eval_steps": spec.eval_steps}
    elif watched:
        evaluation = {"eval_strategy": "epoch"}
    return SFTConfig(
        output_dir=str(folder / "trainer"),
        num_train_epochs=spec.epochs,
        learning_rate=spec.learning_rate or 1e-4,
        lr_scheduler_type=spec.schedule,
        warmup_steps=spec.warmup,  # below 1, transformers 5 reads it as a share of all steps
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=spec.batch_size,
        gradient_accumulation_steps=spec.accumulation,
        activation_checkpointing=spec.gradient_checkpointing is True,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        max_length=None,  # rows come cut and counted
        dataset_kwargs={"skip_prepare_dataset": True},
        bf16=place.dtype == "bfloat16",
        use_cpu=place.device == "cpu",
        dataloader_pin_memory=place.device == "cuda",
        seed=spec.seed or 0,
        data_seed=spec.seed or 0,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would show a broken loss as a good one
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **evaluation,
    )


def _watcher(tick: Tick) -> Any:
    """Return a trainer callback that moves the bar and stops at a loss that is no number."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            tick(1, total=state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kw: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            if not math.isfinite(loss):
                raise CandidateError(
                    f"the training loss is {loss} at step {state.global_step}",
                    hint="lower train.learning_rate, or use dtype float32",
                )
            tick(0, note=f"loss {loss:.3f}")

    return Watcher()


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn a lack of memory into the line that says what to do."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise CandidateError(
            "out of memory while training",
            hint="lower train.batch_size and raise train.accumulation, "
            "or set train.gradient_checkpointing: true",
        ) from error


def _steps(spec: TrainSpec, rows: int) -> int:
    batches = -(-rows // spec.batch_size)
    return max(1, round(-(-batches // spec.accumulation) * spec.epochs))


def _curve(history: Sequence[dict[str, Any]]) -> tuple[LossPoint, ...]:
    """Return one point a step, with the validation loss where it was measured."""
    losses = {row["step"]: row["loss"] for row in history if "loss" in row}
    watched = {row["step"]: row["eval_loss"] for row in history if "eval_loss" in row}
    return tuple(
        LossPoint(step=step, loss=loss, eval_loss=watched.get(step))
        for step, loss in sorted(losses.items())
    )
