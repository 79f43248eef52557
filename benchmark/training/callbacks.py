"""What happens beside the steps: progress, and checkpoints in time.

Imports transformers: imported itself only where something is trained.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from benchmark.errors import CandidateError
from benchmark.progress import Tick
from benchmark.training import checkpoints, together
from benchmark.training.methods import adapts_ranks

SAVING = 20
"""A checkpoint at most so often that saving takes one part in so many of the time, unless each
step shall have one."""


class Saver:
    """Decides when a checkpoint is due: by time, since steps take from milliseconds to minutes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.last = time.perf_counter()
        self.took = 0.0
        self._asked = self.last

    def due(self) -> bool:
        """Tell whether a checkpoint should be written now."""
        now = time.perf_counter()
        wait = max(self.seconds, SAVING * self.took) if self.seconds else 0.0  # 0: every step
        if now - self.last < wait:
            return False
        self._asked = now
        return True

    def saved(self) -> None:
        """Note that one was written."""
        self.last = time.perf_counter()
        self.took = self.last - max(self._asked, self.last - 600)
        self._asked = self.last


class Watcher(TrainerCallback):  # type: ignore[misc]
    """Moves the bar, and writes checkpoints that can be trusted.

    Args:
        tick: The bar.
        saver: When a checkpoint is due.
        facts: What a resumed training needs beside what transformers keeps. Of several
            processes, all of them ask for it.
    """

    def __init__(self, tick: Tick, saver: Saver, facts: Callable[[], dict[str, Any]]) -> None:
        self.tick = tick
        self.saver = saver
        self.facts = facts

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Place the bar where a resumed training goes on, and find its best checkpoint."""
        self.tick(state.global_step, total=state.max_steps)
        if state.best_global_step:  # its path is that of then; the cache may have moved
            best = Path(args.output_dir) / f"checkpoint-{state.best_global_step}"
            state.best_model_checkpoint = str(best)

    def on_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **more: Any
    ) -> None:
        """Let AdaLoRA move its ranks about."""
        # PEFT leaves this to the caller.
        if adapts_ranks(model):
            model.base_model.update_and_allocate(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Move the bar; ask for a checkpoint when one is due.

        Not between the last step of an epoch and the validation that ends it: a training that
        went on from there would never measure it.
        """
        self.tick(1, total=state.max_steps)
        if args.eval_strategy == "epoch" and float(state.epoch).is_integer():
            return
        due = together.told(self.saver.due())
        if due and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the checkpoint as whole, when all processes have written theirs."""
        facts = self.facts()
        together.wait()
        self.saver.saved()
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            checkpoints.mark(folder, facts)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kw: Any) -> None:
        """Show the losses."""
        for name, word in (("loss", "training loss"), ("eval_loss", "validation loss")):
            if name not in (logs or {}):
                continue
            if not math.isfinite(logs[name]):
                raise CandidateError(
                    f"the {word} is {logs[name]} at step {state.global_step}",
                    hint="lower train.learning_rate, or use dtype float32",
                )
            self.tick(0, note=f"{word.removeprefix('training ')} {logs[name]:.3f}")


class FolderFirst:
    """For a trainer: its processes find the folder of a checkpoint before they write into it.

    Of spread weights, transformers 5.23 makes the folder too late: after each process has looked
    whether the best checkpoint exists. Some would then load it in the end, and wait for ever for
    those that think there is none.
    """

    args: Any
    state: Any

    def _save_checkpoint(self, *args: Any, **more: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        folder.mkdir(parents=True, exist_ok=True)
        super()._save_checkpoint(*args, **more)  # type: ignore[misc]
