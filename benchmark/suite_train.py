"""How an adapter is trained: the `train:` of a candidate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from benchmark.suite_base import Spec


class ParallelSpec(Spec):
    """Several processes for one training, through `accelerate launch`."""

    strategy: Literal["ddp", "fsdp2", "zero3"] = "ddp"
    """ddp: a whole copy of the model in each process. fsdp2: weights spread over the processes
    (PyTorch). zero3: the same by DeepSpeed."""
    processes: int = Field(default=0, ge=0)
    """0: one for each GPU."""
    offload: bool = False
    """Keep parameters and optimizer state in the host's memory (fsdp2, zero3)."""


class TrainSpec(Spec):
    """How an adapter is trained. Defaults are the reference workflow's (REFERENCE A)."""

    method: str = "lora"
    """lora, rslora, dora, qlora, ia3, prefix, prompt, full, or any other PEFT method by its own
    name (`vera`, `adalora`, `oft`, ...)."""
    objective: Literal["sft", "text", "dpo"] = "sft"
    """sft: learn the answers. text: continued pre-training on the references as running text.
    dpo: prefer the reference to the rejected answer (Rafailov et al. 2023)."""
    r: int = Field(default=16, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    virtual_tokens: int = Field(default=20, ge=1)
    """Learned tokens of prefix and prompt tuning."""
    peft: dict[str, Any] = Field(default_factory=dict)
    """Parameters of PEFT's own configuration class for this method, by their names there."""
    learn: Literal["assistant", "last"] = "assistant"
    """In a conversation of several turns: learn every answer, or only the last."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull towards the base in dpo."""
    epochs: float = Field(default=1.0, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    """Default: the method's usual one (1e-4 for LoRA and its kin, 2e-5 for full, ...)."""
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps."""
    batch_size: int = Field(default=8, ge=1)
    accumulation: int = Field(default=1, ge=1)
    """`batch_size` times `accumulation` rows make one optimizer step, on any machine. How many of
    them go through the model at once is found from its memory: see `micro_batch`."""
    batch_tokens: int | None = Field(default=None, ge=1)
    """Instead of a number of rows: about so many tokens make one optimizer step."""
    micro_batch: int | Literal["auto"] = "auto"
    """Rows that go through the model at once; auto: as many as a token budget allows."""
    max_length: int = Field(default=1024, ge=8)
    """Tokens of prompt and answer together; longer rows are cut at the end, and counted."""
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    gradient_checkpointing: bool | Literal["auto"] = "auto"
    """Compute activations twice instead of keeping them; auto: only if memory is too small."""
    compile: bool | Literal["auto"] = "auto"
    """torch.compile of the layers; auto: on a GPU, where the run is long enough to pay for it."""
    eval_steps: int = Field(default=0, ge=0)
    """Validation loss each so many steps; 0: at the end of each epoch."""
    patience: int = Field(default=0, ge=0)
    """Stop after so many validation losses without a new best; 0: never. The weights of the best
    validation loss are kept."""
    report_to: tuple[str, ...] = ()
    """Trackers of transformers: tensorboard, trackio, wandb, mlflow, ..."""
    save_seconds: float = Field(default=60.0, ge=0)
    """A checkpoint to resume from at least this often; 0: after every step."""
    parallel: ParallelSpec | None = None
    seed: int | None = Field(default=None, ge=0)
    """Default: the suite's seed."""


COST_ONLY = frozenset({"save_seconds", "report_to"})
"""Parameters that change no weight: they are left out of an adapter's key."""
