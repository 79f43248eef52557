"""Passages of general text, by which a model is asked what else it can still do.

Which passages are taken depends on the file alone, never on a tokenizer: every model of a suite
reads the same ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import ConfigError, DataError, Problem
from benchmark.progress import Progress
from benchmark.references import check, fetch, parse
from benchmark.rows.lines import lines, open_text
from benchmark.suite import ForgettingSpec, Origin

MIN_CHARS = 80
"""Shorter passages are skipped: about 20 tokens, fewer of which say little of a model."""
SUFFIXES = (".txt", ".json", ".jsonl")

_BLANK_LINES = re.compile(r"\n\s*\n")


class GeneralText(NamedTuple):
    """The passages of a suite's `forgetting:`."""

    passages: tuple[str, ...]
    source: str
    """The reference, without its checksum."""
    sha256: str
    """Of what was fetched."""


def problem_of(spec: ForgettingSpec, origin: Origin) -> Problem | None:
    """Return what is wrong with the reference; fetches nothing."""
    where = origin.where("forgetting", "data")
    try:
        found = parse(spec.data)
        check(found)
    except ConfigError as error:
        return Problem(where, error.problems[0].what, error.problems[0].hint)
    if found.kind == "hub":
        return Problem(where, f"{spec.data!r} is a hub id", f"name a file: ./{found.name}")
    # A URL's path may end in anything; what it gives is looked at when it is there.
    if found.kind != "https" and not (found.path or found.name).endswith(SUFFIXES):
        return Problem(where, f"{found.label} is no file of text", f"known: {', '.join(SUFFIXES)}")
    return None


def general_text(spec: ForgettingSpec, progress: Progress) -> GeneralText:
    """Fetch the file if need be, and choose passages spread evenly over it.

    A `.txt` file is split at blank lines. `.json` holds a list of texts or of objects with a
    field `text`, or one such object; `.jsonl` one of either a line.

    Raises:
        FetchError: The file cannot be fetched.
        DataError: It is not of that shape, or has fewer than 2 passages.
    """
    fetched = fetch(spec.data, progress)
    texts = [text.strip() for text in _texts(fetched.path, fetched.label)]
    long = [text for text in texts if len(text) >= MIN_CHARS]
    if len(long) < 2:
        raise DataError(
            f"{len(long)} of {len(texts)} passages have {MIN_CHARS} characters or more, and "
            "`forgetting:` needs 2",
            where=fetched.label,
            hint="separate passages by blank lines (.txt), or name a longer text",
        )
    return GeneralText(tuple(_spread(long, spec.texts)), fetched.label, fetched.sha256)


def _spread(texts: Sequence[str], count: int) -> list[str]:
    """Return at most `count` texts at even distances, the first among them."""
    count = min(count, len(texts))
    return [texts[at * len(texts) // count] for at in range(count)]


def _texts(path: Path, label: str) -> list[str]:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in SUFFIXES:
        what = "is a folder" if path.is_dir() else f"is of an unknown kind {suffix!r}"
        raise DataError(what, where=label, hint=f"name a file: {', '.join(SUFFIXES)}")
    with closing(open_text(path, label)) as file:
        rows = [(line.number, line.content.decode(), line.fault if line.too_long else "")
                for line in lines(file, label)]  # fmt: skip
    for number, _, fault in rows:
        if fault:
            raise DataError(fault, where=f"{label}:{number}")
    if suffix == ".txt":
        return _BLANK_LINES.split("\n".join(text for _, text, _ in rows))
    if suffix == ".jsonl":
        return [
            _text_of(_parsed(text, f"{label}:{number}"), f"{label}:{number}")
            for number, text, _ in rows
            if text.strip()
        ]
    found = _parsed("\n".join(text for _, text, _ in rows), label)
    items = found if isinstance(found, list) else [found]
    return [_text_of(item, f"{label}: item {at}") for at, item in enumerate(items, 1)]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", where=where) from error


def _text_of(item: Any, where: str) -> str:
    text = item.get("text") if isinstance(item, dict) else item
    if not isinstance(text, str):
        what = "has no field `text` that is a text" if isinstance(item, dict) else "is no text"
        raise DataError(what, where=where, hint='write "..." or {"text": "..."}')
    # What no tokenizer takes: a lone half of a character that JSON can write as an escape.
    return text.encode("utf-8", "replace").decode()
