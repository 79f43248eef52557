"""Baseline files: read with distrust, written so that a reviewer sees what changed.

A baseline is edited by merges, cut by crashes and copied between suites; what is not exactly
what was accepted is refused with the reason. The checksum is against accidents: who wants to
forge a baseline can, and the review of the file is what stops it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.checkout import resolve, text_at
from benchmark.core.baseline import Baseline
from benchmark.errors import StoreError
from benchmark.files import write_text
from benchmark.keys import canonical

SCHEMA_VERSION = 1
MAX_BYTES = 50_000_000
AGAIN = "accept a run again: bench baseline accept RUN"


def to_text(baseline: Baseline) -> str:
    """Return the file's content: one line an example, so that a diff shows which ones changed."""
    data = baseline.model_dump(mode="json")
    data["sha256"] = _digest(data)
    parts = []
    for name, value in data.items():
        if name == "examples":
            rows = [f"  {_line(key)}: {_line(item)}" for key, item in value.items()]
            parts.append(f' "examples": {{\n{_joined(rows)}\n }}')
        elif name == "numbers":
            parts.append(f' "numbers": [\n{_joined([f"  {_line(item)}" for item in value])}\n ]')
        else:
            parts.append(f" {_line(name)}: {_line(value)}")
    return "{\n" + _joined(parts) + "\n}\n"


def write(baseline: Baseline, path: Path) -> None:
    """Write a baseline file. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, to_text(baseline))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def read(path: Path) -> Baseline:
    """Read a baseline file. Raises StoreError: it is missing, or not what was accepted."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StoreError(f"is larger than {MAX_BYTES:,} bytes", where=str(path), hint=AGAIN)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StoreError("there is no such baseline", where=str(path), hint=AGAIN) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read ({error})", where=str(path), hint=AGAIN) from error
    return parse(text, str(path))


def read_at(commit: str, path: Path) -> Baseline:
    """Read a baseline file as it was at a git commit.

    Raises:
        StoreError: There is no such commit, or no such file in it.
    """
    known = resolve(commit)
    if known is None:
        hint = "a shallow clone lacks old commits: fetch it first"
        raise StoreError(f"git knows no commit {commit!r} here", hint=hint)
    text = text_at(known, path)
    if text is None:
        what = f"commit {known[:12]} has no {path}"
        raise StoreError(what, hint=f"{AGAIN}, then commit the file")
    return parse(text, f"{path} at {known[:12]}")


def parse(text: str, where: str) -> Baseline:
    """Return the baseline that a text holds. Raises StoreError, with the place and the reason."""

    def refused(what: str, hint: str = AGAIN) -> StoreError:
        return StoreError(what, where=where, hint=hint)

    try:
        data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise refused(
            f"is no whole JSON (line {error.lineno}: {error.msg}); it was cut off, or holds the "
            "marks of a merge conflict"
        ) from None
    except RecursionError:
        raise refused("is nested too deep for a baseline") from None
    except ValueError as error:
        raise refused(str(error)) from None
    if not isinstance(data, dict) or data.get("kind") != "bench-baseline":
        raise refused("is no baseline of bench")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise refused("was written by another version of bench")
    digest = data.pop("sha256", None)
    try:
        found = Baseline.model_validate(data)
        # Of what was written, not of what pydantic made of it: an added field counts too.
        is_whole = digest == _digest(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])[:100]
        raise refused(f"is no baseline of bench: {place}: {first['msg']}") from None
    if not is_whole:
        raise refused("was changed after it was accepted: its numbers are not those of a run")
    problem = _inconsistent(found)
    if problem:
        raise refused(problem)
    return found


def _digest(data: Mapping[str, Any]) -> str:
    content = {name: value for name, value in data.items() if name != "sha256"}
    return sha256(canonical(content).encode("utf-8", "surrogatepass")).hexdigest()


def _inconsistent(found: Baseline) -> str:
    """Return what in a baseline contradicts itself."""
    if found.dataset.test < len(found.examples):
        return f"has {len(found.examples)} examples of a test side of {found.dataset.test}"
    sizes: dict[str, set[int]] = {}
    for by in found.examples.values():
        for candidate, stats in by.items():
            if candidate not in found.candidates:
                return f"has statistics of {candidate!r}, which is none of its candidates"
            for metric, row in stats.items():
                if row is not None:
                    sizes.setdefault(metric, set()).add(len(row))
                    if not all(map(math.isfinite, row)):
                        return f"{metric} has a number that is not finite"
    broken = [metric for metric, seen in sizes.items() if len(seen) > 1]
    return f"statistics of {broken[0]} differ in length" if broken else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has {twice!r} twice")
    return seen


def _no_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which is no number")


def _line(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # A lone surrogate in an id can only be written escaped.
    return text if text.isprintable() else json.dumps(value)


def _joined(lines: Sequence[str]) -> str:
    return ",\n".join(lines)
