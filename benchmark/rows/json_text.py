"""JSON as rows: one object a line, or one list of objects, read in bounded memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from benchmark.errors import DataError
from benchmark.rows.faults import (
    BadRow,
    RowError,
    kind_of,
    parse_object,
    refuse_constant,
    refuse_surrogates,
)
from benchmark.rows.lines import CHUNK, LIMIT, lines, not_text
from benchmark.rows.row import Place

Found = tuple[Place, dict[str, Any]] | BadRow
"""A record and where it stands, or why there is none."""

STRICT = json.JSONDecoder(object_pairs_hook=parse_object, parse_constant=refuse_constant)
LENIENT = json.JSONDecoder()
_SPACE = " \t\n\r"
_NEAR = 16
"""An error this near to the end of the text may be one of the text that is missing."""


def json_lines(file: BinaryIO, label: str) -> Iterator[Found]:
    """Read JSON Lines; blank lines are skipped."""
    for line in lines(file, label):
        place = Place(file=label, line=line.number)
        if line.too_long:
            yield BadRow(place=place, reason=line.fault)
        elif line.content and not line.content.isspace():
            try:
                yield place, record_of(line.content.decode())
            except RowError as error:
                yield BadRow(place=place, reason=str(error))


def record_of(text: str) -> dict[str, Any]:
    """Parse one object.

    Raises:
        RowError: The text is not JSON, or not an object.
    """
    try:
        value = STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON: {_what(error)} (column {error.colno})") from error
    except RowError:
        raise
    except (ValueError, RecursionError) as error:
        raise RowError(f"not JSON: {_first(error)}") from error
    return _object(value, text)


def json_list(file: BinaryIO, label: str) -> Iterator[Found]:
    """Read a list of objects, or the one list of objects that an object holds.

    An object's other fields are not rows, and are not read as such.

    Raises:
        DataError: The file is no such JSON; names the line.
    """
    scan = Scanner(file, label)
    first = scan.peek()
    if first == "[":
        scan.take("[")
        yield from _elements(scan)
    elif first == "{":
        yield from _only_list(scan)
    elif first:
        raise scan.error("not JSON: a list of objects begins with [")
    if scan.peek():
        raise scan.error("not JSON: there is more after the end of the list")


def _elements(scan: Scanner) -> Iterator[Found]:
    while scan.peek() != "]":
        place = Place(file=scan.label, line=scan.line)
        try:
            value, text = scan.value()
            yield place, _object(value, text)
        except RowError as error:
            yield BadRow(place=place, reason=str(error))
        following = scan.peek()
        if following == ",":
            scan.take(",")
            if scan.peek() == "]":
                raise scan.error("not JSON: a comma before the closing bracket")
        elif following != "]":
            found = f"{following!r} instead" if following else "the end of the file"
            raise scan.error(f"not JSON: expected , or ] after the object, found {found}")
    scan.take("]")


def _only_list(scan: Scanner) -> Iterator[Found]:
    listed = ""
    scan.take("{")
    while scan.peek() != "}":
        name = scan.value()[0]
        if scan.peek() != ":" or not isinstance(name, str):
            raise scan.error("not JSON: expected a field and a colon")
        scan.take(":")
        if scan.peek() == "[":
            scan.take("[")
            is_rows = scan.peek() == "{"
            if is_rows and listed:
                both = f"{listed[:40]!r} and {name[:40]!r}"
                raise scan.error(f"holds two lists of rows, {both}; keep one")
            listed = name if is_rows else listed
            for found in _elements(scan):
                if is_rows:
                    yield found
        else:
            scan.value()
        if scan.peek() == ",":
            scan.take(",")
        elif scan.peek() != "}":
            raise scan.error("not JSON: expected , or } after the field")
    scan.take("}")
    if not listed:
        raise DataError("holds one object and no list of rows", where=f"{scan.label}:1")


class Scanner:
    """Reads JSON values one after the other; keeps little more than one of them in memory."""

    def __init__(self, file: BinaryIO, label: str) -> None:
        self.label = label
        self.line = 1
        """Of the next character."""
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._read = 0
        """Bytes read from the file."""
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no space; "" at the end."""
        while True:
            rest = len(self._text)
            at = self._at
            while at < rest and self._text[at] in _SPACE:
                at += 1
            self._move(at)
            if at < rest:
                return self._text[at]
            if self._ended:
                return ""
            self._fill()

    def take(self, character: str) -> None:
        """Step over a character that `peek` has shown."""
        assert self._text[self._at] == character
        self._move(self._at + 1)

    def value(self) -> tuple[Any, str]:
        """Return the next value, and its text.

        Raises:
            RowError: It can be read, but should not be used.
            DataError: It cannot be read, so neither can what follows.
        """
        self.peek()
        while True:
            fault = None
            try:
                try:
                    value, end = STRICT.raw_decode(self._text, self._at)
                except RowError as error:
                    fault = error
                    value, end = LENIENT.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    break
            except json.JSONDecodeError as error:
                if self._ended or not _may_go_on(error):
                    self._move(min(error.pos, len(self._text)))
                    raise self.error(f"not JSON: {_what(error)}") from error
            except (ValueError, RecursionError) as error:
                raise self.error(f"not JSON: {_first(error)}") from error
            self._limit(len(self._text))
            self._fill()
        self._limit(end)
        text = self._text[self._at : end]
        self._move(end)
        if fault:
            raise fault
        return value, text

    def error(self, what: str) -> DataError:
        """Return an error at the next character."""
        return DataError(what, where=f"{self.label}:{self.line}")

    def _limit(self, end: int) -> None:
        if end - self._at > LIMIT:
            raise self.error(f"a value of more than {LIMIT:,} characters; write one row each")

    def _move(self, at: int) -> None:
        self.line += self._text.count("\n", self._at, at)
        self._at = at

    def _fill(self) -> None:
        rest = self._text[self._at :]
        # As much again as is waiting, so that a long value is not parsed over and over.
        try:
            chunk = self._file.read(max(CHUNK, len(rest)))
        except OSError as error:
            what = f"cannot read it: {error.strerror or error}"
            raise DataError(what, where=self.label) from error
        begun = self._read - len(self._decoder.getstate()[0])
        try:
            self._text = rest + self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode()
            number = self.line + rest.count("\n") + good.count("\n")
            at = f"{begun + error.start + 1} of the file"
            raise not_text(at, f"{self.label}:{number}") from error
        self._read += len(chunk)
        self._at = 0
        self._ended = not chunk


def _may_go_on(error: json.JSONDecodeError) -> bool:
    """Tell whether more text could mend it."""
    return error.msg.startswith("Unterminated") or error.pos >= len(error.doc) - _NEAR


def _object(value: Any, text: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        hint = "; write one object a line, without [ ] around them" if _is_list(value) else ""
        raise RowError(f"not a JSON object but {kind_of(value)}{hint}")
    refuse_surrogates(text, value)
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _what(error: json.JSONDecodeError) -> str:
    """Return what the decoder says, or something clearer."""
    before = error.doc[max(0, error.pos - 200) : error.pos].rstrip()
    following = error.doc[error.pos : error.pos + 200].lstrip()
    if before.endswith(",") and following.startswith(("}", "]")):
        return "a comma before the closing bracket"
    if following.startswith(("}", "]")) and error.msg.startswith("Illegal trailing comma"):
        return "a comma before the closing bracket"
    if error.msg == "Extra data" and following.startswith(","):
        return "a comma after the object; write one object a line"
    if error.msg == "Extra data" and following.startswith("{"):
        return "two objects on one line"
    if following.startswith("'"):
        return "single quotes; JSON has double ones"
    return error.msg


def _first(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error).partition("\n")[0]
