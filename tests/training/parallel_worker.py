"""A process of several, as `worker.py`, in which things go wrong as `FAULT` says.

And where weights are spread, accelerate is told that the processes have GPUs: accelerate 1.15
sets up FSDP and DeepSpeed for accelerators only (`AcceleratorState` asks for MULTI_GPU or its
like, and never takes MULTI_CPU). Both work over gloo all the same, and are the real thing here.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from benchmark.errors import CandidateError
from benchmark.training import worker

FAULT = os.environ.get("FAULT", "")
RANK = int(os.environ["RANK"])

KILLED_AT = 5
"""Step in which a process is killed."""

ROOM = 100
"""Tokens of a piece that are too many for the memory of the second process."""


def stand_in_for_gpus():
    import torch.distributed as dist
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    dist.init_process_group("gloo")
    PartialState._prepare_backend = lambda *args: ("gloo", DistributedType.MULTI_GPU)


def train(job, folder, work, progress):
    if FAULT == "refused" and RANK == 1:
        raise CandidateError("no such thing", where="train", hint="try another")
    if FAULT == "crashed" and RANK == 1:
        raise RuntimeError("it broke\nin two")
    if FAULT in ("refused", "crashed", "slow"):
        with progress.step("wait", total=3) as tick:
            tick(1)
            time.sleep(600)
    from benchmark.training import run, saving, trainer

    whole, step, loss = saving.save, trainer.PieceTrainer.training_step, trainer.PieceTrainer._loss

    def save(trained, *more):
        for name, weight in trained.model.named_parameters():
            assert not job.is_sharded or is_part(weight), name
        whole(trained, *more)

    def training_step(self, *args, **more):
        if FAULT == "killed" and RANK == 1 and self.state.global_step == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *args, **more)

    def loss_of(self, model, inputs, piece, items):
        size = self.pieces.size(piece, inputs["length"]) if piece else 0
        if FAULT == "memory" and RANK == 1 and size > ROOM:
            raise MemoryError
        return loss(self, model, inputs, piece, items)

    saving.save = save
    trainer.PieceTrainer.training_step = training_step
    trainer.PieceTrainer._loss = loss_of
    return run.train(job, folder, work, progress)


def is_part(weight):
    from torch.distributed.tensor import DTensor

    return isinstance(weight, DTensor) or hasattr(weight, "ds_id")


if __name__ == "__main__":
    if "ACCELERATE_USE_FSDP" in os.environ or "ACCELERATE_USE_DEEPSPEED" in os.environ:
        stand_in_for_gpus()
    sys.exit(worker.main(sys.argv[1], train))
