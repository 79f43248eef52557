"""What training on a processor spends its time on, done in ways that suit one.

Measured on two cores with SmolLM2-135M and LoRA on all linear layers: trl's log-probabilities
walk over tiles of logits with one torch operation after the other, made for a GPU's one kernel,
and took 39 % of a step; drawing one number for each entry that dropout may drop took 15 %.

Imports torch: imported itself only where something is trained.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmark.training.data import IGNORED

TILE_BYTES = 24 * 2**20
"""Size of a tile of logits: enough rows for a product at full speed (64 and more), and little to
walk over."""

STEPS = 2**16
"""Chances of dropout are a multiple of one in so many."""


@dataclass
class Output:
    """What the trainer, and PEFT's AdaLoRA, read of a model's output.

    Attributes:
        log_probs: Log-probability of each next token, 0 where it is not learned:
            (rows, tokens - 1), float32.
        loss: The mean of the learned ones, negative.
    """

    log_probs: Any
    loss: Any


class _LogProbs(torch.autograd.Function):
    """Log-probabilities of targets, and in the same pass what moves them.

    With z = W h + b and p = softmax(z), the gradient of log p[t] with respect to h is
    W[t] - p W: a row for each token, whatever the loss makes of it later. So the logits are
    computed once, and are not kept.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
        """Return (tokens,) in float32 for hidden (tokens, size) and targets (tokens,)."""
        found = torch.empty(len(targets), dtype=torch.float32)
        moves = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        height = min(len(targets), max(16, TILE_BYTES // (4 * len(weight))))
        # In place, in one tile for all: fresh memory costs more than what is computed in it.
        room = torch.empty((height, len(weight)), dtype=weight.dtype)
        for start in range(0, len(targets), max(1, height)):
            part, wanted = slice(start, start + height), targets[start : start + height, None]
            tile = torch.mm(hidden[part], weight.t(), out=room[: len(wanted)])
            if bias is not None:
                tile += bias
            tile = tile.float()  # itself, unless weights have 16 bits
            highest, logit = tile.amax(-1, keepdim=True), tile.gather(1, wanted)
            total = tile.sub_(highest).exp_().sum(-1, keepdim=True)
            found[part] = (logit - highest - total.log())[:, 0]
            if moves is not None:
                rest = (tile.to(weight.dtype) @ weight) / total
                moves[part] = weight[wanted[:, 0]] - rest
        ctx.save_for_backward(moves)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the gradient with respect to hidden; nothing else is learned here."""
        (moves,) = ctx.saved_tensors
        return (moves * gradients[0][:, None]).to(moves.dtype), None, None, None


_log_probs: Any = _LogProbs.apply


def _of_all_logits(hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
    """Return the same where the head is learned too, whose gradient needs every logit again."""
    logits = nn.functional.linear(hidden, weight, bias).float()
    return -nn.functional.cross_entropy(logits, targets, reduction="none")


def suit(model: Any) -> None:
    """Give a model on a processor its own log-probabilities and dropout, in place.

    After trl has given it those of a GPU, which stay where the head is more than a linear layer,
    or where the model does more to its logits.

    Args:
        model: The network with its adapter, as trl's trainer has prepared it.
    """
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout and 0 < child.p < 1:
                setattr(module, name, Dropout(child.p))
    base = getattr(model, "get_base_model", lambda: model)()
    if _is_plain(base):
        base.forward = types.MethodType(_with_log_probs(base.forward), base)


def _is_plain(base: Any) -> bool:
    """Tell whether a model's logits are its head's, and that one a linear layer."""
    config, head = base.config.get_text_config(), base.get_output_embeddings()
    changes = ("final_logit_softcapping", "logit_scale", "output_multiplier", "logits_scaling")
    if any(getattr(config, name, None) for name in (*changes, "lm_head_multiplier")):
        return False
    return not getattr(config, "output_router_logits", False) and type(head) is nn.Linear


def _with_log_probs(forward: Any) -> Any:
    def log_probs(
        self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, **more: Any
    ) -> Any:
        if not fused_lm_head or labels is None:
            return forward(*args, fused_lm_head=fused_lm_head, labels=labels, **more)
        hidden = self.base_model(*args, **more).last_hidden_state[:, :-1]
        targets = labels[:, 1:]
        learned = targets != IGNORED
        head = self.get_output_embeddings()
        with torch.autocast("cpu", enabled=False):
            states = hidden[learned].to(head.weight.dtype)
            is_learned = any(weight.requires_grad for weight in head.parameters())
            how = _of_all_logits if is_learned else _log_probs
            found = how(states, head.weight, head.bias, targets[learned])
        zeros = torch.zeros(targets.shape, dtype=found.dtype)
        return Output(zeros.masked_scatter(learned, found), -found.sum() / max(1, len(found)))

    return log_probs


class Dropout(nn.Module):
    """Dropout that draws 16 bits for each entry, four entries from one number."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, entries: Any) -> Any:
        """Return entries with a share of `p` set to 0, and the others raised to make up for it."""
        if not self.training:
            return entries
        dropped = min(STEPS - 1, round(self.p * STEPS))
        numbers = torch.empty(-(-entries.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = numbers.view(torch.int16)[: entries.numel()].view(entries.shape)
        kept = (bits >= dropped - STEPS // 2).to(entries.dtype)
        return entries * kept.mul_(STEPS / (STEPS - dropped))

    def extra_repr(self) -> str:
        """Return what is shown in brackets."""
        return f"p={self.p}"
