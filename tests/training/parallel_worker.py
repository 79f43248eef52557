"""A process of several, as `worker.py`, on a CPU where accelerate would not have it.

accelerate 1.15 sets up FSDP and DeepSpeed for accelerators only: `AcceleratorState` asks for
MULTI_GPU or its like, and never takes MULTI_CPU. Both work over gloo all the same. So it is told
here that its device type is one of those; everything else is the real thing.
"""

from __future__ import annotations

import os
import sys

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from benchmark.training import run, saving, worker


def stand_in_for_gpus():
    """Let accelerate treat processes on a CPU as it treats those on GPUs."""
    import torch.distributed as dist

    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    PartialState._prepare_backend = lambda *args: ("gloo", DistributedType.MULTI_GPU)


def train(job, *args):
    """Train, and see that every weight was in parts when it was done."""
    save = saving.save

    def checked(trainer, *more):
        from torch.distributed.tensor import DTensor

        for name, weight in trainer.model.named_parameters():
            assert isinstance(weight, DTensor) or hasattr(weight, "ds_id"), name
        save(trainer, *more)

    saving.save = checked
    return run.train(job, *args)


if __name__ == "__main__":
    stand_in_for_gpus()
    sys.exit(worker.main(sys.argv[1], train))
