"""Base and adapter in one model folder, with the proof that it answers as the two did."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmark.devices import placement
from benchmark.errors import CandidateError
from benchmark.files import appearing, check_free
from benchmark.models import LocalModel
from benchmark.progress import Progress, Silent
from benchmark.records import Record
from benchmark.training import fit, weights
from benchmark.training.weights import printable

MergeDtype = Literal["float32", "bfloat16", "float16"]
REPORT = "merge.json"
PROMPTS = (
    "Que dit l'article L. 4121-1 du code du travail ?",
    "Write a short letter to a landlord about a broken boiler.",
    "1, 1, 2, 3, 5, 8,",
    "def fibonacci(n):",
)
"""Asked where the user gives no text: two languages, digits, code."""
MAX_PROMPT = 256
"""Tokens of a prompt that are used."""


class Proof(NamedTuple):
    """What the merged model is asked."""

    prompts: Sequence[str] = PROMPTS
    new_tokens: int = 32
    """Greedy tokens after each prompt; the end of turn does not stop them."""


class Merged(Record):
    """What was merged and how near the result is; `merge.json` in the merged folder."""

    adapter_sha256: str
    method: str
    base: str
    base_sha256: str
    dtype: MergeDtype
    """Number format of the merged files."""
    prompts: int
    new_tokens: int
    logit_difference: float
    """Largest absolute difference from base + adapter, both in float32."""
    adapter_effect: float | None
    """The same between base and base + adapter: what a difference is to be measured by. None for
    full fine-tuning, which has no adapter to switch off."""
    saved_logit_difference: float
    """The same for the files as they were saved and read back, in their own number format."""
    saved_same_tokens: float
    """Share of the prompts after which the saved model's greedy tokens are the same too."""


class _Answers(NamedTuple):
    tokens: list[list[int]]
    """Prompt and new tokens, one row a prompt."""
    logits: list[Any]
    """One (tokens, vocabulary) tensor a prompt, float32 in main memory."""


def merge(
    folder: Path,
    base: LocalModel,
    target: Path,
    *,
    dtype: MergeDtype | None = None,
    proof: Proof = Proof(),  # noqa: B008 - it is immutable
    progress: Progress | None = None,
) -> Merged:
    """Write base + adapter as one model into a new folder.

    Merged in float32 and cast only then: merging in bfloat16 would lose small updates.
    A whole model of full fine-tuning has nothing to merge: it is written with the base's
    tokenizer.

    Args:
        folder: The adapter's.
        base: The model it was trained on.
        target: The new folder; it is there whole or not at all.
        dtype: Number format of the files; default: that of the base's.
        proof: What both are asked.
        progress: Where the steps show themselves.

    Raises:
        CandidateError: The adapter does not fit, cannot be merged, or the merged model's
            greedy tokens in float32 differ from those of base + adapter.
        StoreError: The folder is there already, or cannot be written.
    """
    check_free(target)
    shown = progress or Silent()
    checked = fit.check(folder, base)
    _check_mergeable(checked)
    saved: MergeDtype = dtype or _dtype_of(base)
    tokenizer = _tokenizer(base)
    prompts = [tokenizer(text)["input_ids"][:MAX_PROMPT] for text in proof.prompts]
    if not prompts or not all(prompts):
        raise CandidateError("the proof needs prompts that are not empty", hint="give other texts")
    with appearing(target) as scratch:
        with shown.step(f"merge into {base.name}"):
            model = _adapted(checked, base)
            before = _ask(model, prompts, proof.new_tokens)
            effect = _effect(model, before, checked)
            model = _one(model, checked)
            difference = _proven(before, _ask(model, prompts, proof.new_tokens))
            _save(model.to(getattr(_torch(), saved)), tokenizer, base, scratch)
            del model
            gc.collect()
        with shown.step("read it back and compare"):
            after = _ask(_load(scratch, saved), prompts, proof.new_tokens, before.tokens)
        if saved == "float32":
            _proven(before, after)
        same = [a == b for a, b in zip(after.tokens, before.tokens, strict=True)]
        report = Merged(
            adapter_sha256=checked.weights_sha256,
            method=checked.method,
            base=checked.manifest.base if checked.manifest else base.name,
            base_sha256=base.sha256,
            dtype=saved,
            prompts=len(prompts),
            new_tokens=proof.new_tokens,
            logit_difference=difference,
            adapter_effect=effect,
            saved_logit_difference=_distance(before, after),
            saved_same_tokens=sum(same) / len(same),
        )
        if not math.isfinite(report.saved_logit_difference):
            raise CandidateError(
                f"the merged weights are no numbers any more in {saved}",
                hint="merge with --dtype float32 or bfloat16",
            )
        (scratch / REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def _check_mergeable(checked: fit.Checked) -> None:
    """Refuse, before weights are loaded, a method that adds tokens or layers to the model."""
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    if checked.config is None:
        return
    tuner = PEFT_TYPE_TO_TUNER_MAPPING[PeftType(checked.config["peft_type"])]
    if not hasattr(tuner, "merge_and_unload"):
        raise CandidateError(
            f"{checked.method} adapters cannot be merged: they add to the model's input or "
            "structure, and change none of its weights",
            hint="use base and adapter together, or train lora, rslora, dora or ia3",
        )


def _dtype_of(base: LocalModel) -> MergeDtype:
    files = sorted(base.path.glob("*.safetensors"))
    found = weights.dtype_of(files, base.name) if files else "float32"
    return "bfloat16" if found == "bfloat16" else "float16" if found == "float16" else "float32"


def _tokenizer(base: LocalModel) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(base.path)
    except (OSError, ValueError) as error:
        raise CandidateError(f"{base.name} has no tokenizer: {printable(error)}") from error


def _load(folder: Path, dtype: MergeDtype) -> Any:
    """Return a model on the best device, without sampling settings of its own."""
    from transformers import AutoModelForCausalLM, GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(_torch(), dtype))
    except (OSError, ValueError, RuntimeError) as error:
        raise CandidateError(f"cannot load {folder}: {printable(error)}") from error
    model.generation_config = GenerationConfig()
    return model.to(placement(dtype).device).eval()


def _adapted(checked: fit.Checked, base: LocalModel) -> Any:
    """Return base + adapter in float32; for full fine-tuning the model itself."""
    if checked.config is None:
        return _load(checked.folder, "float32")
    from peft import PeftModel

    model = _load(base.path, "float32")
    try:
        return PeftModel.from_pretrained(model, str(checked.folder)).eval()
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CandidateError(
            f"{checked.folder} does not fit {base.name}: {printable(error)}"
        ) from error


def _one(model: Any, checked: fit.Checked) -> Any:
    """Return one model of base + adapter."""
    if checked.config is None:
        return model
    try:
        return model.merge_and_unload().eval()
    except (NotImplementedError, ValueError, AttributeError, TypeError) as error:
        raise CandidateError(
            f"{checked.method} adapters cannot be merged: {printable(error)}",
            hint="use base and adapter together",
        ) from error


def _ask(
    model: Any, prompts: list[list[int]], count: int, rows: list[list[int]] | None = None
) -> _Answers:
    """Return the greedy tokens after each prompt, and the logits over prompt and tokens.

    One prompt at a time: padding would add its own rounding.

    Args:
        model: On its device.
        prompts: Token ids.
        count: New tokens.
        rows: Compute the logits over these tokens instead of over the model's own.
    """
    torch = _torch()
    from transformers import GenerationConfig

    config = GenerationConfig(max_new_tokens=count, do_sample=False, pad_token_id=0)
    tokens = []
    with torch.inference_mode():
        for prompt in prompts:
            ids = torch.tensor([prompt], device=model.device)
            made = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config
            )
            tokens.append(made[0].tolist())
    return _Answers(tokens, _logits(model, rows or tokens))


def _effect(model: Any, before: _Answers, checked: fit.Checked) -> float | None:
    """Return how far the adapter moves the logits."""
    if checked.config is None:
        return None
    with model.disable_adapter():
        return _distance(before, before._replace(logits=_logits(model, before.tokens)))


def _logits(model: Any, rows: list[list[int]]) -> list[Any]:
    """Return a (tokens, vocabulary) tensor for each row, float32 in main memory."""
    torch = _torch()
    with torch.inference_mode():
        return [
            model(input_ids=torch.tensor([row], device=model.device)).logits[0].float().cpu()
            for row in rows
        ]


def _proven(before: _Answers, after: _Answers) -> float:
    """Return the largest logit difference. Raises CandidateError where tokens differ."""
    differ = sum(a != b for a, b in zip(before.tokens, after.tokens, strict=True))
    if differ:
        raise CandidateError(
            f"merging changes the answers: in float32, the greedy tokens after {differ} of "
            f"{len(before.tokens)} prompts differ from those of base + adapter",
            hint="use base and adapter together (one on a tied output layer cannot be merged)",
        )
    return _distance(before, after)


def _distance(before: _Answers, after: _Answers) -> float:
    """Return the largest absolute difference of two models' logits; NaN if one is none."""
    differences = [
        float((a - b).abs().max()) for a, b in zip(before.logits, after.logits, strict=True)
    ]
    return math.nan if any(map(math.isnan, differences)) else max(differences)


def _save(model: Any, tokenizer: Any, base: LocalModel, folder: Path) -> None:
    """Write weights, settings and tokenizer; sampling settings as the base has them."""
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    name = "generation_config.json"
    (folder / name).unlink(missing_ok=True)
    if (base.path / name).is_file():
        (folder / name).write_bytes((base.path / name).read_bytes())


def _torch() -> Any:
    import torch

    return torch
