"""A job's events: numbered without gaps, so that a reader can go on where it was cut off.

The number is drawn from the job's own row, in the transaction that adds the event: whoever sees
an event has seen all that came before it, whichever server wrote them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from benchmark.service.database import Database, events, jobs

KEPT_PROGRESS = 1000
"""Of a job's last events so many keep their progress: what is older nobody replays."""
KEPT = 50_000
"""Events of a job that are kept at all."""


class Event(NamedTuple):
    """One event."""

    seq: int
    kind: str
    """state, progress, log or end."""
    at: float
    data: Mapping[str, Any]


def add(connection: Connection, number: int, new: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Append events to a job's, inside the caller's transaction."""
    if not new:
        return
    last = connection.scalar(
        update(jobs)
        .where(jobs.c.number == number)
        .values(last_event=jobs.c.last_event + len(new))
        .returning(jobs.c.last_event)
    )
    assert last is not None, "events of a job that is not there"
    now, first = time.time(), int(last) - len(new) + 1
    connection.execute(
        insert(events),
        [
            {"job": number, "seq": first + at, "kind": kind, "at": now, "data": dict(data)}
            for at, (kind, data) in enumerate(new)
        ],
    )
    if any((first + at) % 100 == 0 for at in range(len(new))):
        mine = events.c.job == number
        connection.execute(delete(events).where(mine, events.c.seq <= int(last) - KEPT))
        old = events.c.seq <= int(last) - KEPT_PROGRESS
        connection.execute(delete(events).where(mine, old, events.c.kind == "progress"))


def after(
    database: Database, number: int, seq: int, *, kinds: Iterable[str] = (), limit: int = 500
) -> list[Event]:
    """Return a job's events after one of them, the oldest first.

    Args:
        database: Where.
        number: The job's.
        seq: Number of the last event that is known; 0: none is.
        kinds: Only these; empty: all.
        limit: Most events.
    """
    wanted = select(events).where(events.c.job == number, events.c.seq > seq)
    chosen = tuple(kinds)
    if chosen:
        wanted = wanted.where(events.c.kind.in_(chosen))
    with database.read() as connection:
        rows = connection.execute(wanted.order_by(events.c.seq).limit(limit)).mappings()
        return [Event(row["seq"], row["kind"], row["at"], row["data"]) for row in rows]


def heads(database: Database, numbers: Sequence[int]) -> dict[int, int]:
    """Return the number of each job's last event, for those jobs that are there."""
    with database.read() as connection:
        wanted = select(jobs.c.number, jobs.c.last_event).where(jobs.c.number.in_(numbers))
        return {int(number): int(last) for number, last in connection.execute(wanted)}
