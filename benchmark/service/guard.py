"""What a suite that came over the network may name: walked field by field, default deny.

Numbers, truth values and choices are free. Whatever can name a file, a package, an address, a
variable or a program is `Named`, and must be among what the server allows. A field or a plugin
that this module does not know is not free either: it is named as a whole, so that what is added
elsewhere stays shut here until somebody thought about it.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from benchmark.judges import rubrics
from benchmark.plugins import BACKENDS, DATASETS, JUDGES, METRICS, REPORTERS
from benchmark.prompts import Template
from benchmark.registry import Registry
from benchmark.suite import (
    CandidateSpec,
    CheckSpec,
    Decoding,
    FewShot,
    ForgettingSpec,
    GateSpec,
    JudgingSpec,
    LeakSpec,
    RetrievalSpec,
    SplitSpec,
    Suite,
    TrainSpec,
)
from benchmark.suite_base import Use
from benchmark.suite_gates import CostSpec

Path_ = tuple[str, ...]
Kind = Literal["model", "data", "plugin", "file", "adapter", "setting"]


class Named(NamedTuple):
    """One thing that a suite names, and that a server must allow."""

    kind: Kind
    value: str
    path: Path_


FREE: dict[type[BaseModel], str] = {
    Suite: "suite version description seed baseline primary resamples correction max_failed limit",
    SplitSpec: "train validation test seed method group_by stratify",
    CheckSpec: "off stop_on",
    LeakSpec: "tolerance similarity",
    Template: "style system",
    Decoding: "max_new_tokens temperature top_p seed stop batch_size",
    CandidateSpec: "description",
    FewShot: "k max_chars choose ids",
    RetrievalSpec: "passage_chars method k max_chars template",
    ForgettingSpec: "texts max_length",
    JudgingSpec: "canaries min_auc max_false_pass min_kappa passes",
    GateSpec: "score judge candidates floor max_drop ratio beats where slice max_leaks min_n "
    "on_inconclusive",
    CostSpec: "price seconds tokens",
    TrainSpec: "method objective r alpha dropout target_modules virtual_tokens learn beta epochs "
    "learning_rate schedule warmup batch_size accumulation batch_tokens micro_batch max_length "
    "weight_decay max_grad_norm gradient_checkpointing compile eval_steps patience save_seconds "
    "seed",
}
"""Fields that hold numbers, choices, or texts that only ever become prompts and names."""

NAMES: dict[tuple[type[BaseModel], str], Kind] = {
    (CandidateSpec, "adapter"): "adapter",
    (RetrievalSpec, "model"): "model",
    (ForgettingSpec, "data"): "data",
    (JudgingSpec, "calibration"): "file",
}
"""Fields that name something."""

_JUDGE = {"language": "", "vote": "", "method": "", "template": "", "candidates": ""}
_ROWS = {"format": "", "fields": "", "group": "", "references": ""}
_PATHS = {"path": "data", "validation_path": "data", "test_path": "data"}
PLUGINS: dict[tuple[str, str], dict[str, str]] = {
    ("metric", "bertscore"): {"model": "model"},
    ("metric", "embedding"): {"model": "model"},
    ("metric", "token_f1"): {"articles": ""},
    ("metric", "citations"): {"codes": "", "source": "data", "as_of": ""},
    ("dataset", "legi"): {
        "codes": "", "as_of": "", "source": "data", "fallback": "data",
        "templates": "texts",
    },
    ("dataset", "jsonl"): _PATHS,
    ("dataset", "files"): {**_PATHS, **_ROWS},
    ("dataset", "hub"): {
        "name": "data", "config": "", "split": "", "validation_split": "", "test_split": "",
        **_ROWS,
    },
    ("backend", "hf"): {"model": "model", "dtype": ""},
    **{("backend", name): {} for name in ("echo", "oracle", "shuffled")},
    **{
        ("judge", name): {
            **_JUDGE,
            "rubric": "rubric",
            "model": "chat",
            "backend": "backend",
            "panel": "panel",
            "criteria": "",
        }
        for name in ("rubric", "same_facts", "coherence", "criteria", "pairwise")
    },  # fmt: skip
    ("judge", "fixed"): {"needle": ""},
    **{("reporter", name): {} for name in ("console", "json", "junit")},
    **{("reporter", name): {"samples": ""} for name in ("markdown", "html")},
}
"""Plugin -> parameter -> what it is: "" for free. Numbers of these plugins are free anyway.

Plugins that run programs or call servers (`evaluate`, `openai`, `langchain`, `replay`, `ragas`)
are not here: they are allowed with exactly the parameters that an allowed suite gives them, so
that nobody sends one server's key to another, or spends more than was meant.
"""
SIMPLE = ("metric",)
"""Kinds whose built-in plugins need no entry where no parameter of theirs can hold a text."""


def named(suite: Suite) -> Iterator[Named]:
    """Yield all that a suite names."""
    yield from _model(suite, ())


def _model(spec: BaseModel, path: Path_) -> Iterator[Named]:
    free = FREE.get(type(spec), "").split()
    for name, field in type(spec).model_fields.items():
        value, here = getattr(spec, name), (*path, name)
        if value is None or name in free:
            continue
        if (type(spec), name) in NAMES:
            yield Named(NAMES[type(spec), name], text_of(value), here)
        elif (type(spec), name) in _SPECIAL:
            yield from _SPECIAL[type(spec), name](value, here)
        elif type(value) in FREE:
            yield from _model(value, here)
        elif value != field.get_default(call_default_factory=True):
            yield Named("setting", text_of({name: value}), here)


def _use(kind: Registry, use: Use, path: Path_) -> Iterator[Named]:
    known = PLUGINS.get((kind.kind, use.use))
    if known is None and kind.kind in SIMPLE and use.use in kind.builtin:
        known = {}
    if known is None or (known == {} and not _is_simple(kind, use.use)):
        yield whole(kind.kind, use, path)
        return
    plain = _plain_parameters(kind, use.use)
    for name, value in use.parameters.items():
        here = (*path, name)
        if value is None or name in plain:
            continue
        yield from _parameter(known.get(name, "unknown"), value, here)


def _parameter(what: str, value: Any, path: Path_) -> Iterator[Named]:
    if what == "":
        return
    if what in ("model", "data"):
        yield Named("model" if what == "model" else "data", text_of(value), path)
    elif what == "rubric":
        if value not in ("", *rubrics.known()):
            yield Named("file", text_of(value), path)
    elif what == "texts":
        if not isinstance(value, list) and value not in ("en", "fr"):
            yield Named("file", text_of(value), path)
    elif what == "chat":
        yield whole("backend", Use(use="langchain", parameters={"model": value}), path)
    elif what == "backend":
        yield from _nested(value, path)
    elif what == "panel" and isinstance(value, dict):
        for at, one in enumerate(value.get("models") or ()):
            inner = "chat" if isinstance(one, str) else "backend"
            yield from _parameter(inner, one, (*path, "models", str(at)))
        rest = value.keys() - {"models", "variants", "repeats"}
        for name in sorted(map(str, rest)):
            yield Named("setting", name, (*path, name))
    else:
        yield Named("setting", text_of({path[-1]: value}), path)


def _nested(value: Any, path: Path_) -> Iterator[Named]:
    try:
        use = value if isinstance(value, Use) else Use.model_validate(value)
    except ValueError:
        yield Named("setting", text_of(value), path)
        return
    yield from _use(BACKENDS, use, path)


def whole(kind: str, use: Use, path: Path_) -> Named:
    """Return a plugin with all of its parameters as one thing."""
    said = text_of({"kind": kind, "use": use.use, "parameters": use.parameters})
    return Named("plugin", said, path)


def _peft(value: Mapping[str, Any], path: Path_) -> Iterator[Named]:
    # PEFT's configurations also take paths, hub ids and code to import.
    for name, item in value.items():
        if not _is_number(item):
            yield Named("setting", text_of({str(name): item}), (*path, str(name)))


def _is_number(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_number(item) for item in value)
    return value is None or isinstance(value, bool | int | float)


def _documents(value: str, path: Path_) -> Iterator[Named]:
    if value not in ("train", "corpus"):
        yield Named("data", value, path)


def _against(value: str, path: Path_) -> Iterator[Named]:
    if value not in ("baseline", "accepted"):
        yield Named("file", value, path)


def _each(kind: Registry) -> Any:
    def walk(uses: Mapping[str, Use], path: Path_) -> Iterator[Named]:
        for name, use in uses.items():
            yield from _use(kind, use, (*path, name))

    return walk


def _specs(specs: Mapping[str, BaseModel], path: Path_) -> Iterator[Named]:
    for name, spec in specs.items():
        yield from _model(spec, (*path, name))


_SPECIAL: dict[tuple[type[BaseModel], str], Any] = {
    (Suite, "dataset"): lambda use, path: _use(DATASETS, use, path),
    (Suite, "backend"): lambda use, path: _use(BACKENDS, use, path),
    (Suite, "candidates"): _specs,
    (Suite, "gates"): _specs,
    (Suite, "metrics"): _each(METRICS),
    (Suite, "judges"): _each(JUDGES),
    (Suite, "reports"): _each(REPORTERS),
    (CandidateSpec, "backend"): lambda use, path: _use(BACKENDS, use, path),
    (TrainSpec, "peft"): _peft,
    (RetrievalSpec, "documents"): _documents,
    (GateSpec, "against"): _against,
}


def _is_simple(kind: Registry, name: str) -> bool:
    """Tell whether a plugin is listed, or has no parameter that could hold a text."""
    if (kind.kind, name) in PLUGINS:
        return True
    fields = set(kind.load(name).model_fields)
    return fields == _plain_parameters(kind, name)


def _plain_parameters(kind: Registry, name: str) -> set[str]:
    """Return the parameters of a built-in plugin that hold numbers or choices."""
    if name not in kind.builtin:
        return set()
    fields = kind.load(name).model_fields
    return {field for field, info in fields.items() if _is_plain(info.annotation)}


def _is_plain(annotation: Any) -> bool:
    if annotation in (int, float, bool, type(None), Ellipsis):
        return True
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return True
    if origin in (tuple, types.UnionType, typing.Union):
        return all(_is_plain(one) for one in inner)
    return False


def text_of(value: Any) -> str:
    """Return a value in the one form in which values are compared."""
    if isinstance(value, str):
        return value.strip().partition("#sha256=")[0]
    return json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=True)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
