"""Direct preference optimisation (Rafailov et al. 2023) of an adapter, by trl's trainer.

The loss of a pair is -log sigmoid(beta * (m - m_base)), where m is the log-probability of the
chosen answer less that of the rejected one. The base is the model itself, its adapter off: no
second copy is in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from benchmark.errors import CandidateError
from benchmark.suite import TrainSpec
from benchmark.training.preferences import Sides

COPY = "ref"
"""What trl calls the copy of a fresh adapter that it would take for the base."""


def trainer(
    model: Any,
    tokenizer: Any,
    sides: Sides,
    arguments: dict[str, Any],
    spec: TrainSpec,
    callbacks: Sequence[Any] = (),
) -> Any:
    """Return a trainer, ready for `train()`.

    Dropout is off, in the adapter too, as the base is compared with what it is trained to be.

    Args:
        model: The base with a fresh adapter on it (a `PeftModel`). Of a plain model, all of
            which is trained, trl loads a second copy as the base from where it was loaded.
        tokenizer: The base model's, with a padding token.
        sides: What is learned and watched.
        arguments: For transformers' `TrainingArguments`; what is not said is as trl sets it, so
            say `bf16` and `activation_checkpointing`, which it switches on.
        spec: Its `beta` and `method` are read.
        callbacks: Of transformers.

    Raises:
        CandidateError: The method cannot be trained so.
    """
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from benchmark.training.callbacks import FolderFirst

    class Trainer(FolderFirst, DPOTrainer):  # type: ignore[misc]
        # trl would apply the tokenizer's chat template, and has no switch for rows of tokens.
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    watched = sides.validation.rows
    config = DPOConfig(**arguments, beta=spec.beta, max_length=None)  # rows come cut
    try:
        with warnings.catch_warnings():
            # Of the copy, beside a prefix; it is gone before anything is saved.
            warnings.filterwarnings("ignore", f"Adapter name '{COPY}' should not", UserWarning)
            made = Trainer(
                model=model,
                args=config,
                train_dataset=Dataset.from_list(sides.train.rows),
                eval_dataset=Dataset.from_list(watched) if watched else None,
                processing_class=tokenizer,
                callbacks=list(callbacks),
            )
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise CandidateError(
            f"{spec.method} cannot be trained by dpo: {reason}",
            hint="use lora, or another train.objective",
        ) from error
    if COPY in getattr(model, "peft_config", {}):
        # A fresh prefix or prompt is random, so that its copy is not the base; without the copy,
        # trl switches the adapter off. It would also be saved beside the adapter.
        model.delete_adapter(COPY)
    return made
