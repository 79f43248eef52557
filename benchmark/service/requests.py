"""From a request to a checked suite: read as `bench run` reads it, then held to what is allowed."""

from __future__ import annotations

import copy
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from benchmark.core.plan import make_plan
from benchmark.errors import BenchError, ConfigError, Problem
from benchmark.service.config import ServerConfig
from benchmark.service.guard import Kind, Named, named, text_of
from benchmark.service.schemas import JobRequest, Training
from benchmark.suite import Origin, Suite
from benchmark.suite_file import Document, layers_of, merge, to_yaml, validate
from benchmark.yaml_lines import Parsed, dump, parse

MOST_CANDIDATES = 20
KEPT = 128
"""Requests whose suites are remembered: who asks for the same again need not wait."""
UPLOAD = re.compile(r"data:([0-9a-f]{64})")
SHOWN = 6


class NotAllowed(ConfigError):
    """The suite is sound, but names what this server does not allow."""


class Made(NamedTuple):
    """A suite that may run."""

    name: str
    text: str


@dataclass
class Allowed:
    """The suites that may be run by name, and what they use.

    Attributes:
        suites: Name -> suite.
        layers: Name -> the files that it is made of, as they were when the server started.
        folders: Where they came from.
        values: (kind, value) of everything that may be named.
        plugins: `kind/name` of plugins that may be used with any parameters.
        skipped: Files that are no suites, and why.
        turn: Held while a suite is made.
    """

    suites: dict[str, Suite] = field(default_factory=dict)
    layers: dict[str, list[Parsed]] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    values: set[tuple[Kind, str]] = field(default_factory=set)
    plugins: frozenset[str] = frozenset()
    skipped: list[str] = field(default_factory=list)
    _made: OrderedDict[str, Made] = field(default_factory=OrderedDict)
    turn: Lock = field(default_factory=Lock)
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def load(cls, places: Sequence[Path], config: ServerConfig) -> Allowed:
        """Read all suites of files and folders, and allow what they name.

        Raises:
            ConfigError: A place is not there.
        """
        found = cls(plugins=frozenset(config.plugins))
        found.values |= {("model", text_of(one)) for one in config.models}
        found.values |= {("data", text_of(one)) for one in config.data}
        for place in places:
            if not place.exists():
                raise ConfigError(f"no file or folder {place}", where="--suites")
            files = sorted(place.glob("*.y*ml")) if place.is_dir() else [place]
            found.folders.append(place if place.is_dir() else place.parent)
            for file in files:
                found.add(file)
        return found

    def add(self, file: Path) -> None:
        """Allow a suite, if the file is one."""
        try:
            layers = layers_of(file)
            suite, problems = validate(merge(copy.deepcopy(layers), str(file)))
            if suite is None or problems:
                raise ConfigError(problems)
        except BenchError as error:
            self.skipped.append(str(error.problems[0]))
            return
        for layer in layers:  # where the files are is nobody's business
            layer.lines.update({key: (Path(at).name, n) for key, (at, n) in layer.lines.items()})
        self.suites[suite.suite] = suite
        self.layers[suite.suite] = layers
        self.values |= {(one.kind, one.value) for one in named(suite)}

    def listed(self) -> dict[str, list[str]]:
        """Return what may be named, for people."""
        kinds: tuple[Kind, ...] = ("model", "data")
        lists = {
            f"{kind}s" if kind == "model" else kind: sorted(
                value for found, value in self.values if found == kind
            )
            for kind in kinds
        }
        return {**lists, "plugins": sorted(self.plugins)}

    def refused(self, one: Named) -> bool:
        """Tell whether something may not be named."""
        if (one.kind, one.value) in self.values:
            return False
        if one.kind != "plugin":
            return True
        said = json.loads(one.value)
        return f"{said['kind']}s/{said['use']}" not in self.plugins

    def remember(self, key: str, made: Made | None = None) -> Made | None:
        """Keep a suite under its request, or return the one that is kept."""
        with self._lock:
            if made is not None:
                self._made[key] = made
                if len(self._made) > KEPT:
                    self._made.popitem(last=False)
            return self._made.get(key)


def suite_of(request: JobRequest, allowed: Allowed, data: Path) -> Made:
    """Return the suite that a request asks for, whole and checked.

    Args:
        request: What was asked.
        allowed: What may be named.
        data: Folder of uploaded rows.

    Raises:
        NotAllowed: It names what the server does not allow.
        ConfigError: Something in it is wrong; carries every problem.
    """
    key = request.model_dump_json(exclude={"priority", "name"})
    keeps = UPLOAD.search(key) is None  # uploaded rows may be gone the next time
    known = allowed.remember(key) if keeps else None
    if known is None:
        # One at a time: the others may find it done, and nobody's suites take all processors.
        with allowed.turn:
            known = allowed.remember(key) if keeps else None
            known = known or _make(request, allowed, data)
            allowed.remember(key, known)
    return known


def _make(request: JobRequest, allowed: Allowed, data: Path) -> Made:
    document = _document(request, allowed, data)
    uploads = _put_uploads(document.data, data)
    _look_first(document, uploads, allowed)
    suite, problems = validate(document)
    if suite is None or problems:
        raise ConfigError(problems)
    wrong = [one for one in named(suite) if one.value not in uploads and allowed.refused(one)]
    if wrong:
        raise NotAllowed([_told(one, suite.origin, allowed) for one in wrong])
    make_plan(suite)
    return Made(suite.suite, to_yaml(suite))


def _look_first(document: Document, uploads: set[str], allowed: Allowed) -> None:
    """Refuse what reading a suite would look for on the disk: nobody shall learn what is there."""
    candidates = document.data.get("candidates")
    for name, spec in candidates.items() if isinstance(candidates, dict) else ():
        found = spec.get("retrieval") if isinstance(spec, dict) else None
        kinds: tuple[tuple[Kind, str], ...] = (("data", "documents"), ("model", "model"))
        for kind, key in kinds:
            value = found.get(key) if isinstance(found, dict) else found
            one = Named(kind, text_of(value), ("candidates", str(name), "retrieval", key))
            free = value is None or one.value in {"train", "corpus", *uploads}
            if not free and (isinstance(found, dict) or kind == "data") and allowed.refused(one):
                raise NotAllowed([_told(one, document.origin, allowed)])


def _document(request: JobRequest, allowed: Allowed, data: Path) -> Document:
    if request.suite is not None:
        layers, name = _layers(request.suite, allowed), request.suite
    else:
        name = "suite_yaml" if request.suite_yaml is not None else "training"
        text = request.suite_yaml or dump(short_form(request.training, data))
        layer = parse(text, name)
        layers = [layer]
        if "extends" in layer.data:
            place = layer.lines.pop(("extends",), (name, 0))
            parent = str(layer.data.pop("extends"))
            stem = re.sub(r"\.ya?ml$", "", parent)
            if stem not in allowed.layers:
                raise NotAllowed(
                    f"{parent!r} is no suite of this server",
                    where=f"{place[0]}:{place[1]}: extends",
                    hint=_known(sorted(allowed.layers)),
                )
            layers = [*_layers(stem, allowed), layer]
    return merge(layers, name, request.overrides, max_candidates=MOST_CANDIDATES)


def _layers(name: str, allowed: Allowed) -> list[Parsed]:
    if name not in allowed.layers:
        hint = _known(sorted(allowed.layers))
        raise NotAllowed(f"{name!r} is no suite of this server", hint=hint)
    return copy.deepcopy(allowed.layers[name])


def _put_uploads(value: Any, folder: Path) -> set[str]:
    """Put the path of uploaded rows in the place of each of their ids; return the paths."""
    found: set[str] = set()
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        if isinstance(item, dict | list):
            found |= _put_uploads(item, folder)
        elif isinstance(item, str) and (hit := UPLOAD.fullmatch(item.strip())):
            path = folder / f"{hit[1]}.jsonl"
            if not path.is_file():
                raise ConfigError(f"there are no uploaded rows {item!r}", hint="upload them first")
            value[key] = str(path)
            found.add(str(path))
    return found


def short_form(training: Training | None, data: Path) -> dict[str, Any]:
    """Return the suite of a short request: the base, what is trained, and controls."""
    assert training is not None, "the request's own check lets nothing else pass"
    names = ("r", "alpha", "epochs", "learning_rate", "batch_size", "max_length")
    given = {name: getattr(training, name) for name in names}
    train = {name: value for name, value in given.items() if value is not None}
    return {
        "suite": "training",
        "description": f"{training.method} on {training.base[:100]}",
        "dataset": {"use": "jsonl", "path": training.data},
        "split": {"train": 0.8, "validation": 0.1, "test": 0.1},
        "template": training.template,
        "backend": {"use": "hf", "model": training.base},
        "generation": {"max_new_tokens": training.max_new_tokens},
        "candidates": {
            "base": {},
            training.method.replace("_", "-"): {"train": {"method": training.method, **train}},
            "echo": {"backend": {"use": "echo"}},
            "oracle": {"backend": {"use": "oracle"}},
            "shuffled": {"backend": {"use": "shuffled"}},
        },
        "baseline": "base",
        "primary": "rougeL",
        "metrics": {name: {} for name in ("rouge", "token_f1", "levenshtein", "exact_match")},
    }


def _told(one: Named, origin: Origin, allowed: Allowed) -> Problem:
    words = {
        "model": "model",
        "data": "data",
        "plugin": "plugin, with these parameters",
        "file": "file",
        "adapter": "adapter",
        "setting": "setting",
    }
    value = one.value if len(one.value) <= 120 else one.value[:120] + "…"
    known = sorted(value for kind, value in allowed.values if kind == one.kind)
    what = f"this server does not allow the {words[one.kind]}: {value}"
    hint = _known(known) if one.kind in ("model", "data") else "use what an allowed suite uses"
    return Problem(origin.where(*one.path), what, hint)


def _known(names: Sequence[str]) -> str:
    if not names:
        return "it allows none"
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"allowed: {', '.join(names[:SHOWN])}{more}"
