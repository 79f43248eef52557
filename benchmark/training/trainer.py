"""The trainer: trl's, with one change: how the rows of a step go through the model.

A step's rows come as one batch and are cut into pieces here (`pieces.py`), inside the step. So
memory that runs out costs one repeated step and not the run: nothing of a step is kept before
its last piece. And the rows of a step are known by name when its loss is no number.

Imports trl, which takes seconds: imported itself only where something is trained.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import torch
from trl import SFTTrainer

from benchmark.errors import CandidateError
from benchmark.training import memory
from benchmark.training.data import IGNORED
from benchmark.training.pieces import Pieces, computed, cut, evened


class OutOfMemory(CandidateError):
    """Not even one row fits; or one process of several ran out, and all have to begin again."""


class Collate:
    """Rows into one batch, padded at their end; `row` says which they are."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return `input_ids` and `labels`, shape (rows, longest), `length` and `row` (rows,)."""
        length = torch.tensor([len(row["input_ids"]) for row in rows])
        shape = (len(rows), int(length.max()))
        ids, labels = torch.full(shape, self.pad), torch.full(shape, IGNORED)
        for at, row in enumerate(rows):
            ids[at, : length[at]] = torch.as_tensor(row["input_ids"])
            labels[at, : length[at]] = torch.as_tensor(row["labels"])
        number = torch.tensor([row["row"] for row in rows])
        return {"input_ids": ids, "labels": labels, "length": length, "row": number}


class PieceTrainer(SFTTrainer):  # type: ignore[misc]
    """trl's trainer, a step at a time in pieces."""

    def __init__(self, *args: Any, pieces: Pieces, names: Sequence[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.pieces = pieces
        self.names = names
        self._losses: list[Any] = []
        self._batch: dict[str, Any] = {}

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels", "row"]

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Any:
        """Do forward and backward passes of one step; again, in smaller pieces, if need be."""
        model.train()
        inputs = self._prepare_inputs(inputs)
        items = num_items_in_batch if num_items_in_batch is not None else self._learned(inputs)
        while True:
            pieces = self._cut(inputs)
            try:
                return self._step(model, inputs, pieces, items)
            except (RuntimeError, MemoryError) as error:
                largest = max(computed(inputs["length"].tolist(), [p]) for p in pieces)
                self._shrink(error, largest, single=max(map(len, pieces)) == 1)
            # Outside the handler, which still holds the failed pass and all its tensors.
            model.zero_grad()
            memory.release(self.args.device.type)

    def _cut(self, inputs: dict[str, Any]) -> list[list[int]]:
        lengths = inputs["length"].tolist()
        if self.is_deepspeed_enabled:
            return [list(range(len(lengths)))]  # its engine counts the passes of a step itself
        pieces = cut(lengths, self.pieces.tokens, self.pieces.rows)
        if self.accelerator.num_processes > 1:
            # Each pass ends in a meeting of all processes, so all make as many.
            count = torch.tensor([len(pieces)], device=self.args.device)
            pieces = evened(pieces, int(self.accelerator.gather(count).max()))
        return pieces

    def _learned(self, inputs: dict[str, Any]) -> Any:
        """Count the learned tokens of a step, over all processes."""
        learned = (inputs["labels"][:, 1:] != IGNORED).sum()
        return self.accelerator.reduce(learned, "sum")

    def _shrink(self, error: BaseException, largest: int, *, single: bool) -> None:
        if not memory.is_out_of_memory(error):
            raise error
        if single or self.accelerator.num_processes > 1:
            raise OutOfMemory(
                f"out of memory while training on a piece of {largest} tokens",
                hint="lower train.max_length, or set train.gradient_checkpointing: true",
            ) from error
        self.pieces.shrink(largest)

    def _step(self, model: Any, inputs: dict[str, Any], pieces: list[list[int]], items: Any) -> Any:
        self._batch, self._losses = inputs, []
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            meet = contextlib.nullcontext() if last else self.accelerator.no_sync(model)
            with meet, self.maybe_activation_offload_context:
                with self.compute_loss_context_manager():
                    loss = self._loss(model, inputs, piece, items)
                self.accelerator.backward(loss)
            self._losses.append(loss.detach())
        count, lengths = self.pieces, inputs["length"].tolist()
        count.steps, count.passes = count.steps + 1, count.passes + len(pieces)
        count.real, count.padded = (
            count.real + sum(lengths),
            count.padded + computed(lengths, pieces),
        )
        return torch.stack(self._losses).sum()

    def _loss(self, model: Any, inputs: dict[str, Any], piece: list[int], items: Any) -> Any:
        """Return the sum of a piece's token losses over the step's learned tokens."""
        piece, share = (piece, 1.0) if piece else ([0], 0.0)  # an empty pass learns nothing
        width = int(inputs["length"][piece].max())
        ids, labels = inputs["input_ids"][piece, :width], inputs["labels"][piece, :width]
        more: dict[str, Any] = {}
        if self.pieces.masked:
            lengths = inputs["length"][piece]
            more["attention_mask"] = (
                torch.arange(width, device=ids.device)[None] < lengths[:, None]
            ).long()
        output = model(input_ids=ids, labels=labels, fused_lm_head=True, use_cache=False, **more)
        loss = -output.log_probs.sum() / torch.as_tensor(items).clamp(min=1)
        # Gradients are averaged over the processes, but `items` counts all of theirs.
        return loss * (share * self.accelerator.num_processes)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the validation loss of a batch, without trl's own measurements."""
        items = num_items_in_batch if num_items_in_batch is not None else self._learned(inputs)
        return self._loss(model, inputs, list(range(len(inputs["length"]))), items)

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **more: Any) -> Any:
        """Measure the validation loss: the mean over all learned tokens, not over batches."""
        model = self.model_wrapped
        model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self._place())
        with torch.inference_mode():
            for batch in self.get_eval_dataloader():
                inputs = self._prepare_inputs(batch)
                learned = (inputs["labels"][:, 1:] != IGNORED).sum()
                rows = list(range(len(inputs["length"])))
                with self.compute_loss_context_manager():
                    loss = self._loss(model, inputs, rows, 1)
                total += torch.stack([loss / self.accelerator.num_processes, learned]).to(total)
        summed = self.accelerator.reduce(total, "sum")
        metrics = {f"{metric_key_prefix}_loss": float(summed[0] / summed[1].clamp(min=1))}
        model.train()
        self.log(metrics)
        self._tell_evaluated(metrics)
        return metrics

    def _tell_evaluated(self, metrics: dict[str, float]) -> None:
        handler: Any = self.callback_handler
        self.control: Any = handler.on_evaluate(self.args, self.state, self.control, metrics)

    def _place(self) -> Any:
        # float64 does not exist on Apple's GPUs; the sum of a few losses can be made aside.
        return "cpu" if self.args.device.type == "mps" else self.args.device

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip, and stop before a step that would fill the weights with NaN."""
        norm = super()._clip_grad_norm(model)
        if self.accelerator.scaler is None:  # float16 skips such steps by itself
            losses = torch.stack(self._losses)
            if not math.isfinite(float(losses.sum()) + float(norm)):
                raise self._broken(model, losses, float(norm))
        return norm

    def _broken(self, model: Any, losses: Any, norm: float) -> CandidateError:
        """Find the row that a step's loss breaks at."""
        step = self.state.global_step + 1
        bad = [self._name(row) for row in range(len(self._batch["row"])) if self._bad(model, row)]
        value = float(losses.sum())
        what = (
            f"the training loss is {value:.3g}"
            if not math.isfinite(value)
            else (f"the gradient's norm is {norm:.3g}")
        )
        total = len(self._batch["row"])
        where = f"row {bad[0]}" if bad else f"the {total} rows {self._name(0)}, ..."
        if len(bad) == total > 1:
            where = f"all {total} rows of the step, the first {bad[0]}"
        return CandidateError(
            f"{what} at step {step} on {where}",
            hint="lower train.learning_rate, look at that row, or use dtype float32",
        )

    def _bad(self, model: Any, row: int) -> bool:
        with torch.no_grad(), self.compute_loss_context_manager():
            return not math.isfinite(float(self._loss(model, self._batch, [row], 1)))

    def _name(self, row: int) -> str:
        return repr(self.names[int(self._batch["row"][row])])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log without trl's measurements, which are not taken."""
        super(SFTTrainer, self).log(logs, start_time)

    def create_model_card(self, *args: Any, **more: Any) -> None:
        """Write none beside a checkpoint: the manifest says more."""
