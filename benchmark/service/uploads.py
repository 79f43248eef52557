"""Rows that people upload: bounded, checked as `bench data check` does, named by their content."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread
from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from benchmark.datasets.jsonl import JsonLines
from benchmark.errors import DataError, Problem
from benchmark.progress import Silent
from benchmark.rows.checks import check
from benchmark.rows.readers import read_rows, unbroken
from benchmark.service.database import Database, uploads
from benchmark.service.jobs import NotFound, TooMany, iso
from benchmark.service.schemas import Upload


async def received(stream: AsyncIterator[bytes], folder: Path) -> Path:
    """Write a request's body to a file that is nobody's yet; the guard counts its bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=".jsonl", dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            async for piece in stream:
                await to_thread.run_sync(file.write, piece)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


def keep(database: Database, part: Path, folder: Path, *, name: str, most: int) -> Upload:
    """Check rows, and keep them under the hash of their bytes.

    Args:
        database: Where they are listed.
        part: The file that was received; it is gone afterwards.
        folder: Where rows are kept.
        name: What a person calls them.
        most: Bytes of all uploads.

    Raises:
        DataError: A row cannot be used; names the first 20.
        TooMany: There is no room.
    """
    try:
        size = part.stat().st_size
        with database.read() as connection:
            stored = connection.scalar(select(func.sum(uploads.c.bytes))) or 0
        if int(stored) + size > most:
            raise TooMany("there is no room for more rows", hint="delete some that nobody needs")
        count, findings = _checked(part)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        os.replace(part, folder / f"{digest}.jsonl")
    finally:
        part.unlink(missing_ok=True)
    row = {"id": digest, "name": name, "bytes": size, "rows": count, "created": time.time()}
    try:
        with database.write() as connection:
            connection.execute(insert(uploads).values(**row))
    except IntegrityError:
        pass  # the same rows again
    found = next(one for one in every(database) if one.id == f"data:{digest}")
    return found.model_copy(update={"findings": findings})


def every(database: Database) -> list[Upload]:
    """Return all uploads, the newest first."""
    with database.read() as connection:
        rows = connection.execute(select(uploads).order_by(uploads.c.created.desc())).mappings()
        return [
            Upload(
                id=f"data:{row['id']}",
                name=row["name"],
                bytes=row["bytes"],
                rows=row["rows"],
                created=iso(row["created"]) or "",
            )
            for row in rows
        ]


def remove(database: Database, folder: Path, digest: str) -> None:
    """Delete uploaded rows. Raises NotFound."""
    with database.write() as connection:
        done = connection.execute(delete(uploads).where(uploads.c.id == digest))
    if done.rowcount != 1:
        raise NotFound(f"there are no uploaded rows {digest!r}")
    (folder / f"{digest}.jsonl").unlink(missing_ok=True)


def _checked(part: Path) -> tuple[int, list[dict[str, object]]]:
    """Return how many rows there are, and what the checks found."""
    try:
        loaded = JsonLines(path=str(part)).load(Silent())
        checked = check(unbroken(read_rows(part)))
    except DataError as error:
        # The file's name here is none that the sender knows.
        problems = [
            Problem(one.where.replace(str(part), "rows"), one.what.replace(str(part), "rows"),
                    one.hint.replace(str(part), "rows"))
            for one in error.problems
        ]  # fmt: skip
        changed = DataError(problems[0].what, where=problems[0].where, hint=problems[0].hint)
        changed.problems = tuple(problems)
        raise changed from None
    errors = [one for one in checked.findings if one.severity == "error"]
    if errors:
        raise DataError("; ".join(f"{one.check}: {one.message}" for one in errors[:5]))
    return len(loaded.examples), [one.model_dump(mode="json") for one in checked.findings]
