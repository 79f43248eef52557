"""What the trainer is told: our parameters in the words of transformers and trl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.devices import Placement
from benchmark.training.job import Job, processes


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


def _validation(job: Job, watched: bool) -> dict[str, Any]:
    """Measure the validation loss, and keep the weights of the best."""
    if not watched:
        return {"eval_strategy": "no", "save_strategy": "no"}
    steps = job.spec.eval_steps
    return {
        **(
            {"eval_strategy": "steps", "eval_steps": steps} if steps else {"eval_strategy": "epoch"}
        ),
        "save_strategy": "best",
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
