"""Content keys: same inputs, same key; anything that can change the result changes the key."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

KEY_LENGTH = 32
"""Hex digits of a key: 128 bits, so that two different inputs never meet."""


def canonical(value: Any) -> str:
    """Return `value` as JSON with sorted keys. Raises TypeError on what JSON cannot hold."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def key(**parts: Any) -> str:
    """Return the key of named parts, all of them JSON values."""
    return hashlib.sha256(canonical(parts).encode("utf-8", "surrogatepass")).hexdigest()[
        :KEY_LENGTH
    ]


def sha256_of_rows(rows: Iterable[str]) -> str:
    """Return the SHA-256 of text rows, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_version(module: str) -> str:
    """Return a hash of a module's code and of the modules of its own package that it imports.

    Comments, docstrings and formatting do not count, so that a better comment does not
    retrain anybody's model; every other edit does, so that a stale artefact is never used.

    Args:
        module: Dotted name, for instance "benchmark.metrics.rouge".
    """
    digest = hashlib.sha256()
    for name in sorted(_with_siblings(module)):
        digest.update(name.encode())
        digest.update(ast.dump(_tree(name)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]


def _with_siblings(module: str) -> set[str]:
    package = module.rpartition(".")[0]
    if package == __package__:
        return {module}  # the vocabulary, which everything shares: each module for itself
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += _imported(name, package + ".")
    return found


def _imported(module: str, prefix: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import module` and `from package.module import name` both count.
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    # The prefix goes first: looking for the source of `torch.nn` would import torch.
    return {name for name in names if name.startswith(prefix) and _source(name) is not None}


@cache
def _source(module: str) -> Path | None:
    above = module.rpartition(".")[0]
    inside = _source(above) if above else None
    if inside is not None and inside.name != "__init__.py":
        return None  # a name in a module: to look for it would import that module, and torch
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


@cache
def _tree(module: str) -> ast.Module:
    path = _source(module)
    if path is None:
        raise ValueError(f"no Python source for {module}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_docstring(item)]  # type: ignore[attr-defined]
    return tree


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
