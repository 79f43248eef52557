"""Writing what was trained, wherever its parts are: in one process, or spread over several."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmark.devices import Placement
from benchmark.training import together
from benchmark.training.job import Job
from benchmark.training.methods import is_full


def save(trainer: Any, place: Placement, job: Job, folder: Path) -> None:
    """Write the adapter, or the whole model, into a folder. Every process has to come here.

    Args:
        trainer: Of transformers, its training done.
        place: The base's number format, in which a whole model is written.
        job: What was trained.
        folder: Where to; exists.
    """
    import torch

    model, state = trainer.model, None
    if job.is_sharded:
        state = _gathered(model, trainer.args.device, everything=is_full(job.spec))
    if together.rank():
        return
    if not is_full(job.spec):
        # Not the embeddings of the base, which PEFT would save where they have an adapter.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # a card that says nothing
        return
    dtype = getattr(torch, place.dtype)  # what answers is in the base's format
    if state is None:
        model.to(dtype)
    else:
        state = {name: value.to(dtype) for name, value in state.items()}
    model.save_pretrained(folder, state_dict=state, max_shard_size="1000GB")


def _gathered(model: Any, device: Any, *, everything: bool) -> dict[str, Any]:
    """Return what was trained, whole, in the first process; in the others nothing.

    One parameter at a time, and none of a frozen base, which may not fit into one process.
    """
    parameters = dict(model.named_parameters())
    state: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        parameter = parameters.get(name)
        if parameter is not None and not (parameter.requires_grad or everything):
            continue
        whole = _whole(value if parameter is None else parameter, device)
        if together.rank() == 0:
            state[name] = whole.detach().cpu()
    return state


def _whole(part: Any, device: Any) -> Any:
    """Return a tensor of which this process has a part."""
    if hasattr(part, "ds_numel"):
        # By name: it is asked for by `strategy: zero3` alone, and no requirement of ours.
        safe_get_full_fp32_param = import_module("deepspeed.utils").safe_get_full_fp32_param

        return safe_get_full_fp32_param(part)  # not the 16 bits that it computes with
    # Parts that rest in the host's memory meet on the GPUs.
    return part.to(device).full_tensor() if hasattr(part, "full_tensor") else part
