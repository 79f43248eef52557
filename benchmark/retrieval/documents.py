"""Where documents come from: the train side, the data set's own corpus, or the user's files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from benchmark.errors import DataError
from benchmark.progress import Progress
from benchmark.records import Document, Example
from benchmark.references import fetch
from benchmark.registry import did_you_mean
from benchmark.rows.faults import BadRow, Faults, kind_of
from benchmark.rows.lines import lines, open_text
from benchmark.rows.readers import read_records
from benchmark.suite_context import OWN_SUFFIXES, RetrievalSpec

_FIELDS = ("id", "text", "title", "group")


@runtime_checkable
class Library(Protocol):
    """A data set that has the texts its questions come from."""

    def corpus(self, progress: Progress) -> Sequence[Document]:
        """Return all of them, those of the test side too. Raises FetchError, DataError."""


class Documents(NamedTuple):
    """Documents, and what a report calls them."""

    texts: Sequence[Document]
    source: str


def documents(
    spec: RetrievalSpec, train: Sequence[Example], dataset: Any, progress: Progress
) -> Documents:
    """Return the documents that a candidate retrieves from.

    Args:
        spec: Names their source.
        train: The train side, never the test side.
        dataset: The data set plugin.
        progress: Where fetching shows itself.

    Raises:
        FetchError: They cannot be fetched.
        DataError: There are none, or they are broken.
    """
    if spec.documents == "train":
        answered = [row for row in train if row.references and row.references[0].strip()]
        found = [Document(id=row.id, text=row.references[0], group=row.group) for row in answered]
        return _some(found, "train", "there is no train side to retrieve from")
    if spec.documents == "corpus":
        if not isinstance(dataset, Library):
            raise DataError(
                "this data set has no corpus of its own",
                where="retrieval.documents",
                hint="name a file or folder of documents, or train",
            )
        return _some(list(dataset.corpus(progress)), "corpus", "the data set's corpus is empty")
    fetched = fetch(spec.documents, progress)
    with progress.step(f"read {fetched.label}"):
        return _some(own(fetched.path, fetched.label), fetched.label, "holds no text")


def own(path: Path, label: str) -> list[Document]:
    """Read the user's documents from a file, or from all files of a folder.

    Raises:
        DataError: A file cannot be read, or rows of it are broken (the first 20 are named).
    """
    found: dict[str, Document] = {}
    faults = Faults()
    for file in _files(path, label):
        inside = file.relative_to(path).as_posix() if path.is_dir() else ""
        where = f"{label.rstrip('/')}/{inside}" if inside else label
        for made in _read(file, where, inside or file.name):
            if isinstance(made, BadRow):
                faults.add(made)
            elif made.id in found:
                raise DataError(f"two documents have the id {made.id!r}", where=where)
            elif made.text.strip():
                found[made.id] = made
    if faults.count:
        raise faults.error()
    return list(found.values())


def _some(found: Sequence[Document], source: str, why_not: str) -> Documents:
    if not found:
        where = source if source not in ("train", "corpus") else "retrieval.documents"
        raise DataError(why_not, where=where, hint="name other `documents`")
    return Documents(found, source)


def _files(path: Path, label: str) -> Sequence[Path]:
    if not path.is_dir():
        if path.suffix.lower() not in OWN_SUFFIXES:
            hint = did_you_mean(path.suffix, list(OWN_SUFFIXES))
            raise DataError(
                f"unknown kind of file {path.suffix!r}",
                where=label,
                hint=hint or f"known: {', '.join(OWN_SUFFIXES)}",
            )
        return [path]
    inside = sorted(path.rglob("*"), key=lambda file: file.relative_to(path).as_posix())
    known = [
        file
        for file in inside
        if file.suffix.lower() in OWN_SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not known:
        raise DataError(f"the folder holds no file of {', '.join(OWN_SUFFIXES)}", where=label)
    return known


def _read(file: Path, label: str, name: str) -> Iterator[Document | BadRow]:
    if file.suffix.lower() in (".txt", ".md"):
        with closing(open_text(file, label)) as opened:
            read = list(lines(opened, label))
        too_long = next((line for line in read if line.too_long), None)
        if too_long:
            raise DataError(too_long.fault, where=f"{label}:{too_long.number}")
        text = "\n".join(line.content.decode("utf-8", "replace") for line in read)
        yield Document(id=name, text=text)
        return
    for found in read_records(file, label):
        if isinstance(found, BadRow):
            yield found
            continue
        place, record = found
        reason = _wrong(record)
        if reason:
            yield BadRow(place=place, reason=reason)
            continue
        given = {key: str(record[key]) for key in _FIELDS if record.get(key) is not None}
        yield Document.model_validate({"id": f"{name}:{place.line}", **given})


def _wrong(record: dict[str, Any]) -> str:
    """Return what is wrong with a row, in one clause, or ""; fields of one's own are let be."""
    if "text" not in record:
        near = next((hint for name in list(record)[:50] if (hint := _near(name))), "")
        return f"has no field `text`; {near or 'put the document there'}"
    for name in _FIELDS:
        value = record.get(name)
        is_number = isinstance(value, int) and not isinstance(value, bool) and name != "text"
        if not (isinstance(value, str) or is_number or (value is None and name != "text")):
            return f"`{name}` must be a text, not {kind_of(value)}"
    return ""


def _near(name: str) -> str:
    found = did_you_mean(name, ["text"])
    return f"{name!r}: {found}" if found else ""
