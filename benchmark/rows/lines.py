"""Text files as UTF-8 bytes, line by line, in bounded memory, whatever they are written in."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from benchmark.errors import DataError

LIMIT = 16 * 2**20
"""Bytes that one line, and one row, may have."""
CHUNK = 2**20

_UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BINARY = {
    b"PAR1": "Parquet; name it .parquet",
    b"\x1f\x8b": "compressed (gzip); unpack it first",
    b"PK\x03\x04": "a ZIP archive or an Excel sheet; unpack it, or save it as CSV",
    b"\x28\xb5\x2f\xfd": "compressed (zstd); unpack it first",
    b"BZh": "compressed (bzip2); unpack it first",
    b"\xfd7zXZ": "compressed (xz); unpack it first",
    b"ARROW1": "an Arrow file; save it as Parquet",
    b"%PDF": "a PDF; extract its text first",
    b"SQLite format 3": "a SQLite data base; export its rows first",
}
"""How files that are no text begin -> what they are, and what to do."""


class Line(NamedTuple):
    """One line, or the size of one that is too long to be read."""

    number: int
    """From 1."""
    content: bytes
    """UTF-8; empty when the line is too long."""
    too_long: int = 0
    """Bytes of a line that is over `LIMIT`, else 0."""

    @property
    def fault(self) -> str:
        """Return what is wrong with a line that is too long, in one clause."""
        return (
            f"the line has {self.too_long:,} bytes, at most {LIMIT:,} are read; "
            "write one row a line"
        )


class Utf16(io.RawIOBase):
    """A UTF-16 file read as UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-16")()
        self.waiting = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Fill `buffer`. What is no UTF-16 becomes a byte that is no UTF-8, and shows so."""
        while not self.waiting:
            chunk = self.file.read(CHUNK)
            try:
                self.waiting = self.decoder.decode(chunk, final=not chunk).encode()
            except UnicodeDecodeError as error:
                whole = error.object[: error.start]
                # The mark says which of the two byte orders it is; the rest has none.
                order = "utf-16-le" if self._is_little() else "utf-16-be"
                self.waiting = whole.decode(order, "replace").lstrip("\ufeff").encode() + b"\xff"
                self.decoder = codecs.getincrementaldecoder(order)("replace")
            if not chunk:
                break
        size = min(len(buffer), len(self.waiting))
        buffer[:size] = self.waiting[:size]
        self.waiting = self.waiting[size:]
        return size

    def close(self) -> None:
        """Close the file below too."""
        self.file.close()
        super().close()

    def _is_little(self) -> bool:
        at = self.file.tell()
        self.file.seek(0)
        mark = self.file.read(2)
        self.file.seek(at)
        return mark == codecs.BOM_UTF16_LE


def open_text(path: Path, label: str) -> BinaryIO:
    """Open a file of text as UTF-8 bytes without a byte order mark.

    Raises:
        DataError: It cannot be read, or is no text.
    """
    try:
        file = path.open("rb")
        head = file.read(4096)
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error
    what = next((what for mark, what in _BINARY.items() if head.startswith(mark)), "")
    if not what and head.startswith(_UTF32_MARKS):
        what = f"UTF-32; {saving('UTF-32')}"
    if what:
        file.close()
        raise DataError(f"is {what}", where=label)
    if head.startswith(_UTF16_MARKS):
        file.seek(0)
        return cast(BinaryIO, io.BufferedReader(Utf16(file), CHUNK))
    if b"\0" in head:
        file.close()
        raise DataError(
            f"is a binary file (NUL at byte {head.index(0) + 1})",
            where=label,
            hint=f"text without a byte order mark? {saving('UTF-16LE')}",
        )
    file.seek(len(_UTF8_MARK) if head.startswith(_UTF8_MARK) else 0)
    return file


def lines(file: BinaryIO, label: str, *, ends: bool = False) -> Iterator[Line]:
    """Give every line, the blank ones too, with or without ends; reads `LIMIT` bytes at most.

    Raises:
        DataError: A line is not UTF-8 or holds a NUL.
    """
    number = 0
    try:
        while content := file.readline(LIMIT + 2):
            number += 1
            if len(content) > LIMIT and len(content.rstrip(b"\r\n")) > LIMIT:
                yield Line(number, b"", _whole_size(file, content))
                continue
            if not ends:
                content = content.removesuffix(b"\n").removesuffix(b"\r")
            if not content.isascii() or b"\0" in content:
                refuse(content, f"{label}:{number}")
            yield Line(number, content)
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error


def refuse(content: bytes, where: str) -> None:
    """Raise DataError when a line is not UTF-8 or holds a NUL."""
    if b"\0" in content:
        at = content.index(0) + 1
        raise DataError(f"holds a NUL (byte {at}): a binary file, or a damaged one", where=where)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise not_text(str(error.start + 1), where) from error


def not_text(at: str, where: str) -> DataError:
    """Return the error for a byte that is not UTF-8; `at` says which, from 1."""
    return DataError(f"not UTF-8 (byte {at})", where=where, hint=saving("WINDOWS-1252"))


def saving(encoding: str) -> str:
    """Return the hint that tells how to make a file UTF-8."""
    return f"save the file as UTF-8, such as by: iconv -f {encoding} -t UTF-8 OLD > NEW"


def _whole_size(file: BinaryIO, begun: bytes) -> int:
    """Read to the end of a line, and return how many bytes the whole line has."""
    size = len(begun)
    part = begun
    while part and not part.endswith(b"\n"):
        part = file.readline(CHUNK)
        size += len(part)
    return size - part.endswith(b"\n")
