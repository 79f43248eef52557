"""What the trainer is told: our parameters in the words of transformers and trl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.devices import Placement
from benchmark.errors import CandidateError, MissingDependency
from benchmark.registry import did_you_mean
from benchmark.training.job import Job, processes
from benchmark.training.methods import goes_on

NOT_LOOKED_FOR = ("azure_ml", "flyte")
"""Trackers of which transformers does not say, or not always, whether they are installed."""


def arguments(
    job: Job, work: Path, place: Placement, *, watched: bool, checkpointing: bool
) -> dict[str, Any]:
    """Return keyword arguments that every trainer of transformers takes.

    Args:
        job: What is trained.
        work: Where checkpoints go.
        place: Device and number format.
        watched: Whether there are validation rows.
        checkpointing: Whether activations are computed twice.
    """
    spec = job.spec
    return {
        "output_dir": str(work),
        "num_train_epochs": spec.epochs,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.schedule,
        "warmup_steps": spec.warmup,  # below 1, transformers 5 reads it as a share of all steps
        "per_device_train_batch_size": max(1, job.step_rows // processes()),
        "per_device_eval_batch_size": 8,
        "gradient_accumulation_steps": 1,  # a step is cut into pieces by the trainer itself
        # Weights in parts keep their gradients in parts too, and add them up at every pass.
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}}
        if job.is_sharded
        else None,
        "activation_checkpointing": checkpointing,
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "bf16": place.dtype == "bfloat16",
        # Apple's GPUs take float16 weights as they are: no autocast, no loss scaling.
        "fp16": place.dtype == "float16" and place.device == "cuda",
        "use_cpu": place.device == "cpu",
        "dataloader_pin_memory": place.device == "cuda",
        "seed": spec.seed or 0,
        "data_seed": spec.seed or 0,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would show a broken loss as a good one
        "report_to": list(spec.report_to) or "none",
        "run_name": job.name,
        "disable_tqdm": True,
        "save_total_limit": 3,
        "restore_callback_states_from_checkpoint": spec.patience > 0 and watched,
        **_validation(job, watched),
    }


def check_trackers(names: Sequence[str]) -> None:
    """Look for the trackers of `report_to` before anything is loaded.

    Raises:
        CandidateError: transformers knows no such tracker.
        MissingDependency: It is not installed.
    """
    if not names or tuple(names) in (("all",), ("none",)):
        return
    from transformers.integrations import integration_utils as trackers

    known = trackers.INTEGRATION_TO_CALLBACK
    installed = {*trackers.get_available_reporting_integrations(), *NOT_LOOKED_FOR}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"known: {', '.join(sorted(known))}"
            raise CandidateError(f"train.report_to: no tracker {name!r}", hint=hint)
        if name not in installed:
            hint = f"install it: pip install {name.replace('_', '-')}"
            raise MissingDependency(f"train.report_to: {name} is not installed", hint=hint)


def outlive(trainer: Any, job: Job) -> None:
    """Let TensorBoard's files outlive the work folder.

    transformers would put them beside the checkpoints, which are removed at the end. They go to
    `runs/` in the current folder, or to TENSORBOARD_LOGGING_DIR, which transformers reads.
    """
    name = "-".join(filter(None, (job.name.replace("/", "-"), job.key[:8])))
    for callback in trainer.callback_handler.callbacks:
        if type(callback).__name__ == "TensorBoardCallback" and callback.logging_dir is None:
            callback.logging_dir = str(Path("runs") / name)


def _validation(job: Job, watched: bool) -> dict[str, Any]:
    """Measure the validation loss, and keep the weights of the best where there is a way back."""
    if not watched:
        return {"eval_strategy": "no", "save_strategy": "no"}
    steps, best = job.spec.eval_steps, goes_on(job.spec)
    return {
        **(
            {"eval_strategy": "steps", "eval_steps": steps} if steps else {"eval_strategy": "epoch"}
        ),
        "save_strategy": "best" if best else "no",
        "load_best_model_at_end": best,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
