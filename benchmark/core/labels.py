"""What people say of answers: a file of JSON lines, one a label.

A label belongs to a question, its references and one answer, by their hash: no text is in the
file, so it can be committed, and it holds wherever the same answer is given again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from benchmark.errors import DataError
from benchmark.files import write_text
from benchmark.keys import key
from benchmark.records import Example, Generation, Record

ID_LENGTH = 16


class Label(Record):
    """What one person says of one answer."""

    id: str = Field(min_length=1)
    """See `label_id`."""
    suite: str
    example_id: str
    value: float | None = Field(allow_inf_nan=False)
    """None: seen and left out."""
    scale: tuple[float, float]
    """The least and the most that could be said."""
    by: str = ""
    at: str = ""
    """ISO time."""


class Asked(NamedTuple):
    """An answer to label."""

    id: str
    example: Example
    text: str


def label_id(example: Example, text: str) -> str:
    """Return what a label hangs on: the question, its references and the answer."""
    return key(
        prompt=[turn.model_dump() for turn in example.prompt],
        references=list(example.references),
        answer=text,
    )[:ID_LENGTH]


def to_label(
    examples: Sequence[Example], generations: Mapping[str, Sequence[Generation]]
) -> list[Asked]:
    """Return the answers of a run in the order to label them, each text of an example once.

    Examples come by the hash of their ids, which is as good as drawn: after any number of
    labels, those are a fair sample of each candidate's answers, as a corrected mean needs. The
    answers of one example come together, in an order that tells nothing of who gave them.
    """
    texts: dict[str, list[str]] = {}
    for rows in generations.values():
        for row in rows:
            if row.text is not None:
                texts.setdefault(row.example_id, []).append(row.text)
    found = []
    for example in sorted(examples, key=lambda one: _hash("order", one.id)):
        once = {label_id(example, text): text for text in texts.get(example.id, ())}
        for name in sorted(once, key=lambda one: _hash("answer", one)):
            found.append(Asked(name, example, once[name]))
    return found


def read_labels(path: Path, *, some: bool = True) -> list[Label]:
    """Read a labels file.

    Args:
        path: The file.
        some: Whether a file without any label is an error too.

    Raises:
        DataError: It is missing or empty, a line is no label, an answer is labelled twice, a
            value is off its scale, or scales differ. All broken lines are named at once.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        hint = "`bench judge label RUN` makes one"
        raise DataError(f"labels file {path} cannot be read: {reason}", hint=hint) from error
    found: dict[str, tuple[int, Label]] = {}
    wrong = []
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label = Label.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            wrong.append(f"line {at}: {f'{place}: ' if place else ''}{first['msg']}")
            continue
        wrong += [f"line {at}: {what}" for what in _faults(label, found)]
        found.setdefault(label.id, (at, label))
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise DataError(f"{path}: {'; '.join(wrong[:5])}{more}", hint="mend or remove these lines")
    if some and not any(label.value is not None for _, label in found.values()):
        raise DataError(f"{path} has no label", hint="`bench judge label RUN` makes some")
    return [label for _, label in found.values()]


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """Write a labels file, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(label.model_dump_json() + "\n" for label in labels))


def _faults(label: Label, found: Mapping[str, tuple[int, Label]]) -> list[str]:
    """Return what is wrong with a label among those above it."""
    low, high = label.scale
    faults = []
    if not low < high:
        faults.append(f"scale {low:g} to {high:g} has no room")
    elif label.value is not None and not low <= label.value <= high:
        faults.append(f"value {label.value:g} is off the scale {low:g} to {high:g}")
    if label.id in found:
        faults.append(f"{label.id} is labelled already on line {found[label.id][0]}")
    for _, other in list(found.values())[:1]:
        if other.scale != label.scale:
            was = f"{other.scale[0]:g} to {other.scale[1]:g}"
            faults.append(f"scale {low:g} to {high:g}, and {was} above")
        if other.suite != label.suite:
            faults.append(f"suite {label.suite!r}, and {other.suite!r} above")
    return faults


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
