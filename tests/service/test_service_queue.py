"""The queue: nobody's job twice, in order, one a slot, and nothing from one who lost it."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmark.service import events, jobs, queue
from benchmark.service.database import Database
from benchmark.service.queue import Held


def put(database: Database, priority: int = 0, name: str = "") -> str:
    """Put a job into the queue and return its id."""
    return jobs.create(
        database, name=name, suite="s", text="suite: s", priority=priority, most=1000
    ).id


def take(database: Database, owner: str = "a", slots: tuple[str, ...] = ("here/0",)) -> Held | None:
    """Claim a job."""
    return queue.claim(database, owner=owner, node="here", slots=slots, lease=30)


def test_many_claimers_get_each_job_once(database: Database) -> None:
    ids = {put(database) for _ in range(40)}

    def work(number: int) -> list[str]:
        mine = []
        while True:
            held = take(database, f"owner-{number}", (f"here/{number}",))
            if held is None:
                return mine
            mine.append(held.id)
            assert queue.finish(database, held, [], state="succeeded")

    with ThreadPoolExecutor(8) as pool:
        done = Counter(job for some in pool.map(work, range(8)) for job in some)
    assert set(done) == ids
    assert set(done.values()) == {1}
    assert jobs.counts(database) == {"succeeded": 40}


def test_one_slot_holds_one_job_whoever_asks(database: Database) -> None:
    for _ in range(10):
        put(database)
    with ThreadPoolExecutor(8) as pool:
        held = [one for one in pool.map(lambda n: take(database, f"o{n}"), range(8)) if one]
    assert len(held) == 1
    assert jobs.counts(database) == {"queued": 9, "running": 1}
    assert queue.finish(database, held[0], [], state="cancelled")
    assert take(database) is not None


def test_priority_first_then_age(database: Database) -> None:
    names = [put(database, priority) for priority in (0, 5, 0, 5, -1)]
    order = []
    while held := take(database):
        order.append(held.id)
        queue.finish(database, held, [], state="succeeded")
    assert order == [names[1], names[3], names[0], names[2], names[4]]


def test_who_lost_a_job_writes_nothing_more(database: Database) -> None:
    put(database)
    first = take(database)
    assert first is not None
    row = jobs.row_of(database, first.id)
    second = queue.take_over(database, row, owner="b", node="here", lease=30)
    assert second is not None and second.fence == first.fence + 1
    assert queue.take_over(database, row, owner="c", node="here", lease=30) is None
    before = len(events.after(database, first.number, 0))
    assert not queue.report(database, first, [("log", {"line": "late"})], lease=30)
    assert not queue.finish(database, first, [], state="failed")
    assert queue.states(database, [first]) == {}
    assert len(events.after(database, first.number, 0)) == before
    assert queue.finish(database, second, [], state="succeeded")


def test_silent_owners_are_noticed_and_no_others(database: Database) -> None:
    put(database)
    held = queue.claim(database, owner="a", node="here", slots=["here/0"], lease=0.1)
    assert held is not None
    put(database)
    assert take(database, "b", ("here/1",)) is not None
    time.sleep(0.2)  # a lease is a time: nothing else can let it run out
    assert [row["owner"] for row in queue.abandoned(database, node="here")] == ["a"]
    assert {row["owner"] for row in queue.abandoned(database, node="here", dead=["b"])} == {
        "a",
        "b",
    }
    queue.let_go(database, "b")
    assert {row["owner"] for row in queue.abandoned(database, node="here")} == {"a", "b"}


def test_cancel_resume_delete(database: Database) -> None:
    job = put(database)
    assert jobs.cancel(database, job).state == "cancelled"
    with pytest.raises(jobs.Conflict, match="has ended"):
        jobs.cancel(database, job)
    assert jobs.resume(database, job, 10).state == "queued"
    held = take(database)
    assert held is not None and held.id == job and held.round == 2
    with pytest.raises(jobs.Conflict, match="cancel it first"):
        jobs.remove(database, job)
    assert jobs.cancel(database, job).state == "cancelling"
    assert jobs.cancel(database, job).state == "cancelling"  # asking twice is no mistake
    assert queue.finish(database, held, [], state="cancelled")
    jobs.remove(database, job)
    with pytest.raises(jobs.NotFound):
        jobs.get(database, job)


def test_events_have_no_gaps_whoever_writes(database: Database) -> None:
    put(database)
    held = take(database)
    assert held is not None

    def write(number: int) -> None:
        for at in range(10):
            queue.report(database, held, [("log", {"line": f"{number} {at}"})] * 2, lease=30)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    found = events.after(database, held.number, 0, limit=1000)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert len(found) == 2 + 6 * 10 * 2  # "queued" and "running" came first


@pytest.mark.parametrize(
    "line", ["\x00", "\ud800", "é\u2028'; DROP TABLE bench_jobs; --", "😀" * 50]
)
def test_any_text_can_be_said(database: Database, line: str) -> None:
    put(database)
    held = take(database)
    assert held is not None
    assert queue.report(database, held, [("log", {"line": line})], lease=30)
    assert events.after(database, held.number, 2)[0].data == {"line": line}


def test_paging_and_filters(database: Database) -> None:
    ids = [put(database, name=f"job {at} 50% d'Été") for at in range(7)]
    jobs.cancel(database, ids[3])
    seen, cursor = [], None
    while True:
        found, cursor = jobs.page(database, limit=3, before=cursor)
        seen += [job.id for job in found]
        if cursor is None:
            break
    assert seen == ids[::-1]
    assert [job.id for job in jobs.page(database, states=("cancelled",))[0]] == [ids[3]]
    assert [job.id for job in jobs.page(database, q="JOB 5")[0]] == [ids[5]]
    assert len(jobs.page(database, q="50%")[0]) == 7
    assert jobs.page(database, q="5_%")[0] == []  # no wildcards
    assert jobs.page(database, suite="other")[0] == []


def test_a_full_queue_says_so(database: Database) -> None:
    put(database)
    with pytest.raises(jobs.TooMany):
        jobs.create(database, name="", suite="s", text="", priority=0, most=1)
