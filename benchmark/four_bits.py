"""Bases in 4 bits, as QLoRA trains on them: NF4 with double quantisation, by bitsandbytes.

An adapter that was trained on such a base has learned to make up for its rounding too, so it
answers on the same one.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from benchmark.devices import Placement
from benchmark.errors import CandidateError, MissingDependency

METHOD = "qlora"
"""The training method whose base is in 4 bits."""


def settings(place: Placement) -> dict[str, Any]:
    """Return what `from_pretrained` takes for a base in 4 bits.

    Args:
        place: Where it is to be, and in which format it computes.

    Raises:
        CandidateError: The device has no 4-bit kernels.
        MissingDependency: bitsandbytes is not installed.
    """
    import torch

    if place.device == "mps":
        raise CandidateError(
            "qlora needs bitsandbytes, which has no Apple GPU version", hint="use method: lora"
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingDependency(
            "qlora needs bitsandbytes", hint="install it: pip install 'benchmark[qlora]'"
        )
    from transformers import BitsAndBytesConfig

    rank = int(os.environ.get("LOCAL_RANK", "0"))
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, place.dtype),
    )
    whole = {"": f"cuda:{rank}" if place.device == "cuda" else place.device}
    return {"quantization_config": config, "device_map": whole}


def trained_in(adapter: Path) -> str | None:
    """Return torch's name of the format that an adapter's 4-bit base computed in.

    None: its base was not in 4 bits, or nothing tells (an adapter that was not trained here).
    """
    try:
        made = json.loads((adapter / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(made, dict) or str(made.get("method", "")).lower() != METHOD:
        return None
    return str(made.get("dtype") or "float32")
