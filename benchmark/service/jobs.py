"""The table of jobs as people see it: create, list, read, cancel, resume, delete."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from benchmark.errors import BenchError
from benchmark.service import events
from benchmark.service.database import Database, jobs
from benchmark.service.database import events as events_table
from benchmark.service.schemas import ENDED, RESUMABLE, Job, Progress, Trouble

PAGE = 50
_BASE = "/api/v1/jobs"


class NotFound(BenchError):
    """There is nothing of this name."""


class Conflict(BenchError):
    """It cannot be done in the state that the job is in."""


class TooMany(BenchError):
    """A bound of the server is reached; later it may be possible."""


def create(
    database: Database, *, name: str, suite: str, text: str, priority: int, most: int
) -> Job:
    """Put a job into the queue.

    Args:
        database: Where.
        name: What a person calls it.
        suite: The suite's name.
        text: The whole suite, checked, as YAML.
        priority: Higher ones are taken first.
        most: How many may wait.

    Raises:
        TooMany: So many wait already.
    """
    _check_room(database, most)
    values = {
        "id": secrets.token_hex(8),
        "name": name,
        "suite": suite,
        "text": text,
        "state": "queued",
        "priority": priority,
        "created": time.time(),
    }
    with database.write() as connection:
        made = connection.execute(insert(jobs).values(**values).returning(jobs)).mappings().one()
        events.add(connection, made["number"], [("state", {"state": "queued"})])
    return job_of(dict(made))


def get(database: Database, job: str) -> Job:
    """Return a job. Raises NotFound."""
    with database.read() as connection:
        return job_of(_row(connection, job))


def row_of(database: Database, job: str) -> Mapping[str, Any]:
    """Return a job's row of the table. Raises NotFound."""
    with database.read() as connection:
        return _row(connection, job)


def page(
    database: Database,
    *,
    states: tuple[str, ...] = (),
    suite: str = "",
    q: str = "",
    limit: int = PAGE,
    before: int | None = None,
) -> tuple[list[Job], int | None]:
    """Return one page of jobs, the newest first, and where the next begins.

    Args:
        database: Where.
        states: Only jobs in one of them; empty: in any.
        suite: Only jobs of this suite.
        q: Only jobs with this text in their name, suite or id, in either case.
        limit: Most jobs.
        before: Only jobs before this number, as the page before said.
    """
    # Without the suites' texts, which a list does not show.
    wanted = select(*[column for column in jobs.c if column.name not in ("text", "board")])
    if states:
        wanted = wanted.where(jobs.c.state.in_(states))
    if suite:
        wanted = wanted.where(jobs.c.suite == suite)
    if q:
        wanted = wanted.where(
            or_(
                *(
                    func.lower(column).contains(q.lower(), autoescape=True)
                    for column in (jobs.c.name, jobs.c.suite, jobs.c.id)
                )
            )
        )
    if before is not None:
        wanted = wanted.where(jobs.c.number < before)
    with database.read() as connection:
        rows = connection.execute(wanted.order_by(jobs.c.number.desc()).limit(limit + 1)).mappings()
        found = [dict(row) for row in rows]
    last = int(found[limit - 1]["number"]) if len(found) > limit else None
    return [job_of(row) for row in found[:limit]], last


def cancel(database: Database, job: str) -> Job:
    """Take a job out of the queue, or ask the one who watches it to stop it.

    Raises:
        NotFound: There is no such job.
        Conflict: It has ended.
    """
    with database.write() as connection:
        row = _row(connection, job, lock=True)
        if row["state"] in ENDED:
            raise Conflict(f"the job has ended: it is {row['state']}")
        if row["state"] == "queued":
            _set(connection, row, state="cancelled", finished=time.time())
            events.add(connection, row["number"], [("end", {"state": "cancelled"})])
        elif row["state"] == "running":
            _set(connection, row, state="cancelling")
        return job_of(_row(connection, job))


def resume(database: Database, job: str, most: int) -> Job:
    """Put a job that ended before its work was done into the queue again.

    What it has computed is in the cache, so that it goes on where it stopped.

    Raises:
        NotFound: There is no such job.
        Conflict: It is not over, or has succeeded.
        TooMany: So many wait already.
    """
    _check_room(database, most)
    with database.write() as connection:
        row = _row(connection, job, lock=True)
        if row["state"] not in RESUMABLE:
            raise Conflict(
                f"the job is {row['state']}",
                hint=f"only a job that is {', '.join(RESUMABLE)} can be resumed",
            )
        _set(
            connection,
            row,
            state="queued",
            round=row["round"] + 1,
            deaths=0,
            finished=None,
            verdict=None,
            exit_code=None,
            error=None,
            progress=None,
        )
        return job_of(_row(connection, job))


def remove(database: Database, job: str) -> None:
    """Forget a job and its events.

    Raises:
        NotFound: There is no such job.
        Conflict: It is running.
    """
    with database.write() as connection:
        row = _row(connection, job, lock=True)
        if row["state"] in ("running", "cancelling"):
            raise Conflict(f"the job is {row['state']}", hint="cancel it first")
        connection.execute(delete(events_table).where(events_table.c.job == row["number"]))
        connection.execute(delete(jobs).where(jobs.c.number == row["number"]))


def counts(database: Database) -> dict[str, int]:
    """Return how many jobs there are in each state that any is in."""
    with database.read() as connection:
        rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
        return {state: int(count) for state, count in rows}


def job_of(row: Mapping[str, Any]) -> Job:
    """Return a row of the table as people see it."""
    here = f"{_BASE}/{row['id']}"
    names = ("events", "logs", "results", "artefacts", "cancel", "resume")
    return Job(
        id=row["id"],
        name=row["name"],
        suite=row["suite"],
        state=row["state"],
        verdict=row["verdict"],
        exit_code=row["exit_code"],
        priority=row["priority"],
        created=iso(row["created"]) or "",
        started=iso(row["started"]),
        finished=iso(row["finished"]),
        attempts=row["attempts"],
        progress=Progress.model_validate(row["progress"]) if row["progress"] else None,
        metrics=row["metrics"] or {},
        error=Trouble.model_validate(row["error"]) if row["error"] else None,
        run_id=row["run_id"],
        links={"self": here, **{name: f"{here}/{name}" for name in names}},
    )


def iso(seconds: float | None) -> str | None:
    """Return a moment as people and programs read it, in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _check_room(database: Database, most: int) -> None:
    # Not in the transaction that adds the job: one more or less does no harm, and waiting does.
    with database.read() as connection:
        waiting = select(func.count()).select_from(jobs).where(jobs.c.state == "queued")
        if (connection.scalar(waiting) or 0) >= most:
            raise TooMany(f"{most:,} jobs wait already", hint="try again when some are done")


def _row(connection: Connection, job: str, *, lock: bool = False) -> Mapping[str, Any]:
    wanted = select(jobs).where(jobs.c.id == job)
    found = connection.execute(wanted.with_for_update() if lock else wanted).mappings().first()
    if found is None:
        raise NotFound(f"there is no job {job!r}")
    return dict(found)


def _set(connection: Connection, row: Mapping[str, Any], **values: Any) -> None:
    connection.execute(update(jobs).where(jobs.c.number == row["number"]).values(**values))
    if values["state"] not in ENDED:
        events.add(connection, row["number"], [("state", {"state": values["state"]})])
