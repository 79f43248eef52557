"""How several processes share one training: what can be shared, and accelerate's settings for it.

ddp: every process has the whole model and some rows of each step. fsdp2 and zero3: the weights
are spread over the processes too, and come together layer by layer when they are needed.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

from benchmark.devices import Placement
from benchmark.errors import CandidateError, MissingDependency
from benchmark.suite import TrainSpec
from benchmark.suite_train import ParallelSpec
from benchmark.training.job import Job

CONFIG = "accelerate.yaml"
"""Name of accelerate's settings, beside the adapter that was trained with them."""

CPU_STRATEGIES = ("ddp",)
"""What works without a GPU: accelerate 1.15 knows FSDP and DeepSpeed only on accelerators
(`AcceleratorState` sets them up for MULTI_GPU and its like, never for MULTI_CPU)."""


LEARNED_PROMPT = "PEFT makes the learned prompt outside of the layers that bring parts together"
"""With fsdp2, PEFT 0.21 mixes whole and spread tensors ("got mixed torch.Tensor and DTensor");
with zero3, the processes wait for each other for ever."""

PROMPTS = ("prefix", "prompt", "prefix_tuning", "prompt_tuning", "multitask_prompt_tuning")
UNSHARDED = {
    **dict.fromkeys((*PROMPTS, "p_tuning", "cpt", "cartridge"), LEARNED_PROMPT),
    # accelerate's `fsdp2_prepare_model` leaves bitsandbytes' uint8 weights out of the spreading,
    # and DeepSpeed's parts of them are not what bitsandbytes can save.
    "qlora": "4-bit weights cannot be spread, so each process would have them whole all the same",
}
"""Method -> why its weights cannot be spread over processes."""


def processes_of(parallel: ParallelSpec, place: Placement) -> int:
    """Return how many processes train.

    Raises:
        CandidateError: There are not as many GPUs, or none to count.
    """
    import torch

    asked = parallel.processes
    if place.device == "mps" and asked != 1:
        raise CandidateError(
            "train.parallel: Apple's GPU takes one process only", hint="remove train.parallel"
        )
    if place.device != "cuda":
        if not asked:
            raise CandidateError(
                "train.parallel.processes is one for each GPU, and there is none here",
                hint="give a number of processes, or remove train.parallel",
            )
        return asked
    here = torch.cuda.device_count()
    if asked > here:
        raise CandidateError(
            f"train.parallel.processes is {asked}, but there are {here} GPUs here",
            hint=f"lower it to {here}, or 0 for one on each GPU",
        )
    return asked or here


def check(spec: TrainSpec, count: int, place: Placement) -> None:
    """Refuse what cannot be trained so.

    Args:
        spec: How is trained; its `parallel` is set.
        count: Processes.
        place: Device and number format.

    Raises:
        CandidateError: It does not work together.
        MissingDependency: DeepSpeed is not installed.
    """
    parallel = spec.parallel or ParallelSpec()
    rows = spec.batch_size * spec.accumulation
    if spec.batch_tokens is None and rows % count:
        raise CandidateError(
            f"the {rows} rows of a step (train.batch_size times train.accumulation) cannot be "
            f"shared by {count} processes",
            hint=f"use a multiple of {count}",
        )
    if parallel.strategy == "ddp":
        if parallel.offload:
            raise CandidateError(
                "train.parallel.offload needs strategy fsdp2 or zero3: with ddp every process "
                "keeps the whole model",
                hint="choose one of them, or remove offload",
            )
        return
    _check_sharded(spec, parallel.strategy, place)
    if parallel.strategy == "zero3" and importlib.util.find_spec("deepspeed") is None:
        raise MissingDependency(
            "train.parallel.strategy zero3 needs DeepSpeed",
            hint="install it: pip install deepspeed",
        )


def _check_sharded(spec: TrainSpec, strategy: str, place: Placement) -> None:
    """Refuse what does not work in parts. Each of these was tried, with two processes."""
    method, how = spec.method.lower(), f"train.parallel.strategy {strategy}"
    if method in UNSHARDED:
        raise CandidateError(
            f"{how} cannot train {method}: {UNSHARDED[method]}", hint="use strategy: ddp"
        )
    if place.device != "cuda" and strategy not in CPU_STRATEGIES:
        raise CandidateError(
            f"train.parallel.strategy {strategy} needs GPUs", hint="use strategy: ddp"
        )


def accelerate_config(job: Job, count: int, place: Placement) -> dict[str, Any]:
    """Return the settings for `accelerate launch`.

    Args:
        job: What is trained; its `parallel` is set.
        count: Processes.
        place: Device and number format.
    """
    parallel = job.spec.parallel or ParallelSpec()
    mixed = {"bfloat16": "bf16", "float16": "fp16"}.get(place.dtype, "no")
    found: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        # Of MULTI_CPU, accelerate would start one process only and leave the others to MPI. The
        # processes that MULTI_GPU starts find out by themselves that they are on a CPU.
        "distributed_type": {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "zero3": "DEEPSPEED"}[
            parallel.strategy
        ],
        "num_machines": 1,
        "num_processes": count,
        "machine_rank": 0,
        "main_process_port": 0,  # any that is free: several trainings may run here
        "mixed_precision": mixed,
        "use_cpu": place.device == "cpu",
    }
    if parallel.strategy == "fsdp2":
        found["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_offload_params": parallel.offload,
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "SHARDED_STATE_DICT",  # no process holds the whole model
            "fsdp_cpu_ram_efficient_loading": False,
        }
    if parallel.strategy == "zero3":
        where = "cpu" if parallel.offload else "none"
        found["deepspeed_config"] = {
            "zero_stage": 3,
            "offload_optimizer_device": where,
            "offload_param_device": where,
            "zero3_init_flag": False,  # an adapter is put on a model that is whole
            "zero3_save_16bit_model": True,
            "gradient_clipping": job.spec.max_grad_norm,
            "gradient_accumulation_steps": "auto",
        }
    return found


def keep_precise(trainer: Any) -> None:
    """Let losses and gradients stay in float32 where weights are spread by FSDP.

    accelerate's own policy for 16 bits also rounds what the model returns, the loss with it, and
    adds up the processes' gradients in 16 bits.

    Args:
        trainer: Of transformers, before its training; changed.
    """
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    plugin: Any = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    before = plugin.mixed_precision_policy if plugin else None
    if before:
        plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=before.param_dtype, reduce_dtype=torch.float32
        )


def environment(count: int, place: Placement) -> dict[str, str]:
    """Return the environment of the processes: they import what this one imports."""
    found = dict(os.environ)
    # With `python -m`, a folder of the user's called `benchmark` would come first.
    found |= {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if place.device == "cpu" and "OMP_NUM_THREADS" not in found:
        found["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // count))
    return found
