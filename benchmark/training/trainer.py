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
from benchmark.training import memory, together
from benchmark.training.batches import NOBODYS, lines_of
from benchmark.training.callbacks import FolderFirst
from benchmark.training.data import IGNORED
from benchmark.training.memory import OutOfMemory
from benchmark.training.methods import adapts_ranks
from benchmark.training.pieces import Line, Pieces, evened


class PieceTrainer(FolderFirst, SFTTrainer):  # type: ignore[misc]
    """trl's trainer, a step at a time in pieces."""

    def __init__(
        self,
        *args: Any,
        pieces: Pieces,
        names: Sequence[str],
        checkpoint_when_needed: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.checkpoint_when_needed = checkpoint_when_needed
        self.pieces = pieces
        self.names = names
        self._losses: list[Any] = []
        self._batch: dict[str, Any] = {}
        self._piece: list[Line] = []

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels", "row"]

    def _get_dataloader(self, *args: Any, batch_size: int, **more: Any) -> Any:
        """Give every process whole batches, of which `Collate` takes the process's share.

        accelerate would deal out batches and repeat rows until they divide by the processes:
        a repeated row is learned twice, and counts twice in the validation loss.
        """
        loader = super()._get_dataloader(
            *args, batch_size=batch_size * self.args.world_size, **more
        )
        if self.args.world_size > 1:
            dealer: Any = loader.batch_sampler
            dealer.num_processes, dealer.process_index, dealer.even_batches = 1, 0, False
        return loader

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
                self._make_room(error, self._piece or [[0]], inputs["length"])
            # Outside the handler, which still holds the failed pass and all its tensors.
            model.zero_grad()
            memory.release(self.args.device.type)

    def _cut(self, inputs: dict[str, Any]) -> list[list[Line]]:
        lengths = inputs["length"]
        if inputs["row"] == [NOBODYS]:
            pieces: list[list[Line]] = [[]]
        elif self.is_deepspeed_enabled:
            pieces = [[[row] for row in range(len(lengths))]]
        else:
            pieces = self.pieces.cut(lengths)
        if self.is_deepspeed_enabled:
            return pieces  # its engine counts the passes itself, so a step is not cut here
        if self.accelerator.num_processes > 1:
            # Each pass ends in a meeting of all processes, so all make as many.
            count = torch.tensor([len(pieces)], device=self.args.device)
            pieces = evened(pieces, int(self.accelerator.gather(count).max()))
        return pieces

    def _learned(self, inputs: dict[str, Any]) -> Any:
        """Count the learned tokens of a step, over all processes."""
        learned = (inputs["labels"] != IGNORED).sum()
        return self.accelerator.reduce(learned, "sum")

    def _make_room(self, error: BaseException, piece: list[Line], lengths: list[int]) -> None:
        """Prepare for another try, if it was for memory that a piece failed.

        Halved is the piece that failed, not the largest of the step: a long row by itself stays
        the largest, whatever the others are cut into.
        """
        if not memory.is_out_of_memory(error):
            raise error
        size, alone = self.pieces.size(piece, lengths), self.accelerator.num_processes == 1
        if alone and self.pieces.height(piece) > 1:
            self.pieces.shrink(size)
        elif alone and self._compute_twice():
            self.pieces.out_of_memory += 1
        else:
            single = sum(map(len, piece)) <= 1
            raise OutOfMemory(size, single=single) from error

    def _compute_twice(self) -> bool:
        """Begin to compute activations twice; tell whether that is new, and allowed."""
        if not self.checkpoint_when_needed or self.args.activation_checkpointing:
            return False
        self.model.activation_checkpointing_enable()
        self.args.activation_checkpointing = True  # the manifest tells
        return True

    def _step(
        self, model: Any, inputs: dict[str, Any], pieces: list[list[Line]], items: Any
    ) -> Any:
        self._batch, self._losses = inputs, []
        deep = self.is_deepspeed_enabled
        for number, piece in enumerate(pieces):
            self._piece = piece
            # FSDP would keep whole gradients between its meetings, of weights that are in parts.
            meets = self.is_fsdp_enabled or number == len(pieces) - 1
            meet = contextlib.nullcontext() if meets else self.accelerator.no_sync(model)
            if self.pieces.steady:
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            with meet, self.maybe_activation_offload_context:
                with self.compute_loss_context_manager():
                    loss = self._loss(model, inputs, piece, items)
                # Each loss is its share of the whole step's already.
                self.accelerator.backward(loss, **({"scale_wrt_gas": False} if deep else {}))
            self._losses.append(loss.detach())
        self.pieces.count(pieces, inputs["length"])
        return torch.stack(self._losses).sum()

    def _loss(self, model: Any, inputs: dict[str, Any], piece: list[Line], items: Any) -> Any:
        """Return the sum of a piece's token losses over the step's learned tokens."""
        piece, share = (piece, 1.0) if piece else ([[0]], 0.0)  # an empty pass learns nothing
        lines = lines_of(inputs, piece, self.pieces)
        if self.pieces.masked:
            # Learned tokens come before the row, so the model has to be told where rows end.
            lengths = torch.tensor([[inputs["length"][row]] for (row,) in piece])
            seen = torch.arange(lines.input_ids.shape[1])[None] < lengths
            more = {"attention_mask": seen.long().to(lines.input_ids.device)}
        else:
            more = {"position_ids": lines.position_ids}
        output = model(
            input_ids=lines.input_ids,
            labels=lines.labels,
            fused_lm_head=True,
            use_cache=False,
            **more,
        )
        total = -output.log_probs.sum()
        if model.training and adapts_ranks(self.model):
            # AdaLoRA adds to a mean loss how far its vectors are from orthogonal.
            total = output.loss * (lines.labels[:, 1:] != IGNORED).sum()
        loss = total / torch.as_tensor(items).clamp(min=1)
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
        return self._loss(model, inputs, [[row] for row in range(len(inputs["length"]))], items)

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **more: Any) -> Any:
        """Measure the validation loss: the mean over all learned tokens, not over batches."""
        model = self.model_wrapped
        model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self._place())
        # FSDP's bookkeeping cannot work on tensors of inference mode.
        still = torch.no_grad if self.is_fsdp_enabled else torch.inference_mode
        with still(), self._eager():
            for batch in self.get_eval_dataloader():
                inputs = self._prepare_inputs(batch)
                learned = (inputs["labels"] != IGNORED).sum()
                for piece in self._cut(inputs):
                    with self.compute_loss_context_manager():
                        loss = self._loss(model, inputs, piece, 1)
                    total[0] += (loss / self.accelerator.num_processes).to(total)
                total[1] += learned
        summed = self.accelerator.reduce(total, "sum")
        metrics = {f"{metric_key_prefix}_loss": float(summed[0] / summed[1].clamp(min=1))}
        model.train()
        self.log(metrics)
        self._tell_evaluated(metrics)
        return metrics

    def _tell_evaluated(self, metrics: dict[str, float]) -> None:
        handler: Any = self.callback_handler
        self.control: Any = handler.on_evaluate(self.args, self.state, self.control, metrics)

    def _eager(self) -> Any:
        """Let compiled layers run as they are: a few passes are not worth compiling for."""
        steady = self.pieces.steady
        return torch.compiler.set_stance("force_eager") if steady else contextlib.nullcontext()

    def _place(self) -> Any:
        # float64 does not exist on Apple's GPUs; the sum of a few losses can be made aside.
        return "cpu" if self.args.device.type == "mps" else self.args.device

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip, and stop before a step that would fill the weights with NaN."""
        norm = super()._clip_grad_norm(model)
        if self.accelerator.scaler is None:  # float16 skips such steps by itself
            loss = float(self.accelerator.reduce(torch.stack(self._losses).sum(), "mean"))
            # DeepSpeed knows the norm only after the step.
            size = 0.0 if norm is None else float(norm)
            if not math.isfinite(loss + size):
                raise self._broken(model, loss, size)
        return norm

    def _broken(self, model: Any, value: float, norm: float) -> CandidateError:
        """Find the row that a step's loss breaks at, in whichever process it is."""
        step = self.state.global_step + 1
        rows = 0 if self._batch["row"] == [NOBODYS] else len(self._batch["row"])
        # A pass may be a meeting of all processes, so all make as many.
        passes = max(together.everybodys(rows))
        broken = [self._bad(model, max(0, min(row, rows - 1))) for row in range(passes)]
        own = [(self._name(row), broken[row]) for row in range(rows)]
        found = dict(pair for pairs in together.everybodys(own) for pair in pairs)
        bad = [name for name, is_bad in found.items() if is_bad]
        what = (
            f"the training loss is {value:.3g}"
            if not math.isfinite(value)
            else (f"the gradient's norm is {norm:.3g}")
        )
        total = len(found)
        where = f"row {bad[0]}" if bad else f"the {total} rows {next(iter(found))}, ..."
        if len(bad) == total > 1:
            where = f"all {total} rows of the step, the first {bad[0]}"
        return CandidateError(
            f"{what} at step {step} on {where}",
            hint="lower train.learning_rate, look at that row, or use dtype float32",
        )

    def _bad(self, model: Any, row: int) -> bool:
        with torch.no_grad(), self._eager(), self.compute_loss_context_manager():
            return not math.isfinite(float(self._loss(model, self._batch, [[row]], 1)))

    def _name(self, row: int) -> str:
        return repr(self.names[int(self._batch["row"][row])])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log without trl's measurements, which are not taken."""
        super(SFTTrainer, self).log(logs, start_time)

    def create_model_card(self, *args: Any, **more: Any) -> None:
        """Write none beside a checkpoint: the manifest says more."""
