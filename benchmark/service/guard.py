"""What a suite that came over the network may name: walked field by field, default deny.

Numbers, truth values and choices are free. Whatever can name a file, a package, an address, a
variable or a program is `Named`, and must be among what the server allows. A field or a plugin
that this module does not know is not free either: it is named as a whole, so that what is added
elsewhere stays shut here until somebody thought about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from benchmark.judges import rubrics
from benchmark.plugins import BACKENDS, DATASETS, JUDGES, METRICS, REPORTERS
from benchmark.prompts import Template
from benchmark.registry import Registry
from benchmark.service.plain import plain_parameters
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
        "codes": "",
        "as_of": "",
        "source": "data",
        "fallback": "data",
        "templates": "texts",
    },
    ("dataset", "jsonl"): _PATHS,
    ("dataset", "files"): {**_PATHS, **_ROWS},
    ("dataset", "hub"): {
        "name": "data",
        "config": "",
        "split": "",
        "validation_split": "",
        "test_split": "",
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
    },
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
        fields = set(kind.load(use.use).model_fields)
        known = {} if fields == plain_parameters(kind, use.use) else None
    if known is None:
        yield whole(kind.kind, use, path)
        return
    plain = plain_parameters(kind, use.use)
    for name, value in use.parameters.items():
        here = (*path, name)
        if value is None or name in plain:
            continue
        yield from _parameter(known.get(name, "unknown"), value, here)


def _parameter(what: str, value: Any, path: Path_) -> Iterator[Named]:
    if what in _PARAMETERS:
        yield from _PARAMETERS[what](value, path)
    elif what:
        yield Named("setting", text_of({path[-1]: value}), path)


def _rubric(value: Any, path: Path_) -> Iterator[Named]:
    if value not in ("", *rubrics.known()):
        yield Named("file", text_of(value), path)


def _texts(value: Any, path: Path_) -> Iterator[Named]:
    if not isinstance(value, list) and value not in ("en", "fr"):
        yield Named("file", text_of(value), path)


def _chat(value: Any, path: Path_) -> Iterator[Named]:
    yield whole("backend", Use(use="langchain", parameters={"model": value}), path)


def _panel(value: Any, path: Path_) -> Iterator[Named]:
    panel = value if isinstance(value, dict) else {"": value}
    models = panel.get("models") or []
    for at, one in enumerate(models if isinstance(models, list | tuple) else [models]):
        walk = _chat if isinstance(one, str) else _nested
        yield from walk(one, (*path, "models", str(at)))
    for name in sorted(map(str, panel.keys() - {"models", "variants", "repeats"})):
        yield Named("setting", name, (*path, name))


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


_PARAMETERS: dict[str, Any] = {
    "model": lambda value, path: iter([Named("model", text_of(value), path)]),
    "data": lambda value, path: iter([Named("data", text_of(value), path)]),
    "rubric": _rubric,
    "texts": _texts,
    "chat": _chat,
    "backend": _nested,
    "panel": _panel,
}
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


def text_of(value: Any) -> str:
    """Return a value in the one form in which values are compared."""
    if isinstance(value, str):
        return value.strip().partition("#sha256=")[0]
    return json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=True)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
