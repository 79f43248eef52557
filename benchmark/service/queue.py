"""Who runs which job: claims, leases, fences and slots.

Every write of a watcher carries the fence under which it got the job. Whoever lost the job (its
lease ran out while it slept, and another server took over) changes nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.exc import IntegrityError

from benchmark.service import events
from benchmark.service.database import Database, jobs
from benchmark.service.schemas import ENDED

New = Sequence[tuple[str, Mapping[str, Any]]]


class Held(NamedTuple):
    """A job under the fence that its watcher got it with."""

    number: int
    id: str
    fence: int
    round: int
    slot: str
    state: str
    node: str
    row: Mapping[str, Any]


def claim(
    database: Database, *, owner: str, node: str, slots: Sequence[str], lease: float
) -> Held | None:
    """Take the first job of the queue for a free slot; None: there is no job, or no slot.

    The highest priority first, then the oldest. On PostgreSQL two servers take two jobs at
    once (`SKIP LOCKED`); on SQLite one after the other. The column `slot` is unique: that one
    GPU gets one job is not left to the servers.
    """
    try:
        with database.write() as connection:
            taken = set(connection.scalars(select(jobs.c.slot).where(jobs.c.slot.in_(slots))).all())
            free = next((slot for slot in slots if slot not in taken), None)
            if free is None:
                return None
            row = (
                connection.execute(
                    select(jobs)
                    .where(jobs.c.state == "queued")
                    .order_by(jobs.c.priority.desc(), jobs.c.number)
                    .limit(1)
                    .with_for_update(skip_locked=True)
                )
                .mappings()
                .first()
            )
            if row is None:
                return None
            now = time.time()
            changes = {
                "state": "running",
                "slot": free,
                "owner": owner,
                "node": node,
                "lease": now + lease,
                "fence": row["fence"] + 1,
                "attempts": row["attempts"] + 1,
                "started": row["started"] or now,
                "read": {},
            }
            connection.execute(
                update(jobs)
                .where(jobs.c.number == row["number"], jobs.c.state == "queued")
                .values(**changes)
            )
            events.add(connection, row["number"], [("state", {"state": "running"})])
            return _held({**row, **changes})
    except IntegrityError:
        return None  # another server was faster with this slot


def abandoned(
    database: Database, *, node: str, dead: Collection[str] = ()
) -> list[Mapping[str, Any]]:
    """Return the rows of running jobs whose owner fell silent, or is known to be dead.

    Args:
        database: Where.
        node: The machine that asks.
        dead: Owners on this machine whose processes are gone.
    """
    silent = or_(jobs.c.lease < time.time(), jobs.c.owner.in_(list(dead)))
    with database.read() as connection:
        wanted = select(jobs).where(jobs.c.state.in_(("running", "cancelling")), silent)
        return [dict(row) for row in connection.execute(wanted).mappings()]


def owners(database: Database, node: str) -> set[str]:
    """Return who watches running jobs on a machine."""
    with database.read() as connection:
        wanted = select(jobs.c.owner).where(
            jobs.c.state.in_(("running", "cancelling")), jobs.c.node == node
        )
        return {owner for owner in connection.scalars(wanted) if owner}


def take_over(
    database: Database, row: Mapping[str, Any], *, owner: str, node: str, lease: float
) -> Held | None:
    """Become a job's watcher; None: somebody else did, or it has ended, since it was looked at."""
    changes = {
        "owner": owner,
        "node": node,
        "lease": time.time() + lease,
        "fence": row["fence"] + 1,
    }
    with database.write() as connection:
        done = connection.execute(
            update(jobs)
            .where(
                jobs.c.number == row["number"],
                jobs.c.fence == row["fence"],
                jobs.c.state.in_(("running", "cancelling")),
            )
            .values(**changes)
        )
        if done.rowcount != 1:
            return None
        found = connection.execute(select(jobs).where(jobs.c.number == row["number"])).mappings()
        return _held(dict(found.one()))


def states(database: Database, held: Sequence[Held]) -> dict[int, str]:
    """Return the state of those jobs that are still under the fence they were got with."""
    numbers = [one.number for one in held]
    with database.read() as connection:
        wanted = select(jobs.c.number, jobs.c.fence, jobs.c.state).where(jobs.c.number.in_(numbers))
        found = {row.number: (row.fence, row.state) for row in connection.execute(wanted)}
    return {
        one.number: found[one.number][1]
        for one in held
        if found.get(one.number, (None, ""))[0] == one.fence
    }


def report(database: Database, held: Held, new: New, *, lease: float, **values: Any) -> bool:
    """Renew a lease, and write what the job's process said; False: the job is lost.

    Args:
        database: Where.
        held: The job.
        new: Its new events.
        lease: Seconds from now.
        values: Columns to change: progress, metrics, read.
    """
    with database.write() as connection:
        if not _guarded(connection, held, lease=time.time() + lease, **values):
            return False
        events.add(connection, held.number, new)
    return True


def finish(database: Database, held: Held, new: New, **values: Any) -> bool:
    """End a job, or put it back into the queue; its slot is free then. False: the job is lost.

    Args:
        database: Where.
        held: The job.
        new: Its last events; one that tells of the end is added.
        values: Columns to change; `state` says how it ended.
    """
    state = values["state"]
    over = {"finished": time.time()} if state in ENDED else {}
    with database.write() as connection:
        free = {"slot": None, "owner": None, "lease": None}
        if not _guarded(connection, held, **values, **over, **free):
            return False
        told = {"state": state, "verdict": values.get("verdict"), "error": values.get("error")}
        kind = "end" if state in ENDED else "state"
        events.add(connection, held.number, [*new, (kind, told)])
    return True


def let_go(database: Database, owner: str) -> None:
    """Let another server have one's jobs at once: their processes go on."""
    with database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.owner == owner).values(lease=0.0))


def _guarded(connection: Connection, held: Held, **values: Any) -> bool:
    mine = (jobs.c.number == held.number, jobs.c.fence == held.fence)
    return connection.execute(update(jobs).where(*mine).values(**values)).rowcount == 1


def _held(row: Mapping[str, Any]) -> Held:
    names = ("number", "id", "fence", "round", "slot", "state", "node")
    values = {name: row[name] for name in names}
    return Held(**values, row=row)
