"""Does an adapter fit a base? Asked before anything is trained or generated.

The base is built from its configuration on torch's meta device, where tensors have a shape
and no content, the adapter's configuration is put on it, and the names and shapes that come
out are compared with the header of the adapter's file. No weights of the base are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import CandidateError, StoreError
from benchmark.manifests import AdapterOrigin, TrainingManifest
from benchmark.models import LocalModel
from benchmark.registry import did_you_mean
from benchmark.training import manifest, weights
from benchmark.training.weights import Tensor, printable


@dataclass(frozen=True, slots=True)
class Checked:
    """An adapter's folder that was found sound.

    Attributes:
        folder: Where it is.
        config: Content of `adapter_config.json`; None for a whole model.
        tensors: Name -> what the file's header says.
        weights_sha256: Hash of the weights.
        sha256: Hash of weights and configuration.
        manifest: What it was made from, if we trained it.
        origin: Where it was imported from, if it was.
    """

    folder: Path
    config: dict[str, Any] | None
    tensors: Mapping[str, Tensor]
    weights_sha256: str
    sha256: str
    manifest: TrainingManifest | None
    origin: AdapterOrigin | None

    @property
    def method(self) -> str:
        """Return the method's name in a suite, as far as the configuration tells."""
        if self.manifest:
            return self.manifest.method
        if self.config is None:
            return "full"
        for flag, name in (("use_dora", "dora"), ("use_rslora", "rslora")):
            if self.config.get(flag):
                return name
        kinds = {"PREFIX_TUNING": "prefix", "PROMPT_TUNING": "prompt"}
        kind = str(self.config["peft_type"])
        return kinds.get(kind, kind.lower())


def check(folder: Path, base: LocalModel | None, name: str = "") -> Checked:
    """Return an adapter that can be loaded.

    Args:
        folder: A PEFT adapter's or a whole model's.
        base: What it will be put on; None checks the folder in itself only.
        name: What messages call it; default: the folder's path.

    Raises:
        CandidateError: Anything is wrong with it; one line that says what.
    """
    name = name or str(folder)
    files = weights.files_of(folder, name)
    tensors = weights.tensors_of(files, name)
    config = None if weights.is_full(folder) else _config(folder, name)
    if not tensors:
        raise CandidateError(f"{name} has no tensors", hint="train or copy it again")
    if config is not None:
        _check_rank(config, tensors, name)
    try:
        made, origin = manifest.read(folder), manifest.read_origin(folder)
    except StoreError as error:
        raise CandidateError(str(error)) from error
    digest = weights.sha256_of(folder)
    known = made or origin
    if known and known.adapter_sha256 != digest:
        raise CandidateError(
            f"{name}: its weights are not those that its manifest describes",
            hint="they were changed after training; copy the folder again or train again",
        )
    if base:
        _check_base(made, origin, base, name)
        _check_places(folder, config, tensors, base, name)
    weights.check_finite(files, name)
    sha256 = weights.identity_of(folder, digest)
    return Checked(folder, config, tensors, digest, sha256, made, origin)


def _config(folder: Path, name: str) -> dict[str, Any]:
    """Return the content of `adapter_config.json`, its method a known one."""
    from peft import PeftType

    path = folder / weights.ADAPTER_CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CandidateError(
            f"{name}: {path.name} is not JSON: {printable(error)}", hint="copy it again"
        ) from error
    kind = content.get("peft_type") if isinstance(content, dict) else None
    known = [str(kind.value) for kind in PeftType]
    if kind not in known:
        hint = did_you_mean(str(kind).upper(), known)
        raise CandidateError(
            f"{name}: {path.name} has peft_type {kind!r}, which PEFT does not know",
            hint=hint or "write the method's name as PEFT does: LORA, IA3, PREFIX_TUNING, ...",
        )
    found: dict[str, Any] = content
    return found


def _check_rank(config: dict[str, Any], tensors: Mapping[str, Tensor], name: str) -> None:
    """Compare LoRA's rank with the shapes, where one rank holds for all."""
    if config["peft_type"] != "LORA" or config.get("rank_pattern"):
        return
    if config.get("target_parameters"):  # experts in one tensor: the shapes hold several ranks
        return
    for tensor, found in tensors.items():
        if tensor.endswith((".lora_A.weight", ".lora_embedding_A")) and found.shape:
            if found.shape[0] != config.get("r"):
                raise CandidateError(
                    f"{name}: {weights.ADAPTER_CONFIG} says r={config.get('r')!r}, "
                    f"but {tensor!r} has rank {found.shape[0]}",
                    hint="weights and configuration are of different adapters; copy both again",
                )


def _check_base(
    made: TrainingManifest | None, origin: AdapterOrigin | None, base: LocalModel, name: str
) -> None:
    known = made or origin
    if known and known.base_sha256 and known.base_sha256 != base.sha256:
        raise CandidateError(
            f"{name} was trained on {printable(known.base)} ({known.base_sha256[:8]}), "
            f"not on {base.name} ({base.sha256[:8]})",
            hint="name that base as the candidate's backend, or train again",
        )


def _check_places(
    folder: Path,
    config: dict[str, Any] | None,
    tensors: Mapping[str, Tensor],
    base: LocalModel,
    name: str,
) -> None:
    """Compare names and shapes with those that the base gives room for."""
    if config is None:
        _check_whole(_hollow(base), tensors, base, name)
        return
    wanted = _wanted(folder, base, name)
    if wanted is None:
        return
    for tensor, found in tensors.items():
        shape = wanted.get(tensor)
        if shape is not None and shape != found.shape:
            raise CandidateError(
                f"{name} does not fit {base.name}: {tensor!r} is {_by(found.shape)}, "
                f"the base needs {_by(shape)}",
                hint="it was trained on another base; name that one",
            )
    extra = [tensor for tensor in tensors if tensor not in wanted]
    if extra and any(
        tensor.endswith((".base_layer.weight", ".base_layer.bias")) for tensor in extra
    ):
        raise CandidateError(
            f"{name} brings weights of the base itself ({extra[0]!r}), which would stay in it "
            "when the adapter is taken off",
            hint="save it with save_embedding_layers=False",
        )
    missing = [tensor for tensor in wanted if tensor not in tensors]
    for what, names in (("have no place in", extra), ("are missing for", missing)):
        if names:
            raise CandidateError(
                f"{name} does not fit {base.name}: {len(names)} of its tensors {what} the base, "
                f"first {sorted(names)[0]!r}",
                hint="it was trained on another base, or is incomplete",
            )


def _wanted(folder: Path, base: LocalModel, name: str) -> dict[str, tuple[int, ...]] | None:
    """Return name -> shape of what the adapter must bring to this base.

    None where PEFT cannot tell without real weights (BOFT and SHiRA compute their start from
    them); such an adapter is then checked by loading it.
    """
    import torch
    from peft import PeftConfig, get_peft_model
    from peft.utils import get_peft_model_state_dict

    model = _hollow(base)
    try:
        config = PeftConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # PEFT warns where the same base has another path
        if config.is_prompt_learning:
            # Saved as they were for the base it was trained on; this base's own must decide.
            config.num_layers = config.token_dim = config.num_attention_heads = None
        with torch.device("meta"):
            wrapped = get_peft_model(
                model, config, low_cpu_mem_usage=True, autocast_adapter_dtype=False
            )
            # Not "auto", which would ask the hub for the base's vocabulary.
            state = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    except RuntimeError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise CandidateError(
            f"{name} does not fit {base.name}: {printable(error)}",
            hint="it was trained on another base, or with another version of PEFT",
        ) from error
    return {tensor: tuple(value.shape) for tensor, value in state.items()}


def _hollow(base: LocalModel) -> Any:
    """Return the base without any weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(base.path)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise CandidateError(f"cannot build {base.name}: {printable(error)}") from error


def _check_whole(model: Any, tensors: Mapping[str, Tensor], base: LocalModel, name: str) -> None:
    """Compare a whole model with its base: the shapes of what both have.

    Tied weights are in one file and not in another, and some models are saved under other
    names than they have in memory: only what is in both can be compared.
    """
    own = {tensor: tuple(value.shape) for tensor, value in model.state_dict().items()}
    shared = [tensor for tensor in tensors if tensor in own]
    odd = [tensor for tensor in shared if own[tensor] != tensors[tensor].shape]
    if odd or not shared:
        first = f"{odd[0]!r} is {_by(tensors[odd[0]].shape)} there" if odd else "no name in common"
        raise CandidateError(
            f"{name} is no {base.name}: {first}", hint="it was trained from another base"
        )


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"
