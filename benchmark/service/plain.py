"""Which parameters of a plugin can hold nothing but numbers and choices: by their types."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from benchmark.registry import Registry


def plain_parameters(kind: Registry, name: str) -> set[str]:
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
