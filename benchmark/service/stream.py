"""Server-sent events for many readers: one look at the database for all of them.

A reader that comes back says which event it saw last (`Last-Event-ID`) and misses nothing:
events are numbered by job, without gaps.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from benchmark.service import events
from benchmark.service.database import Database
from benchmark.service.events import Event

EVERY = 0.3
"""Seconds between two looks at the database, while anybody listens."""
HEARTBEAT = 15.0
"""Seconds of silence after which a comment says that the line is up."""
BUFFER = 500
"""Last events of a job that are kept for its readers."""


@dataclass
class _Topic:
    """One job that somebody listens to."""

    last: int
    readers: int = 0
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=BUFFER))
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Hub:
    """All streams of one server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: dict[int, _Topic] = {}
        self._task: asyncio.Task[None] | None = None
        self.open: Counter[str] = Counter()
        """Streams by caller."""

    async def listen(self, number: int, after: int) -> AsyncIterator[str]:
        """Yield a job's events after one of them as text of a stream, until the job has ended.

        Args:
            number: The job's.
            after: Number of the last event that the reader has.
        """
        topic = self._join(number)
        at = after
        try:
            yield "retry: 2000\n\n"
            heads = await to_thread.run_sync(lambda: events.heads(self._database, [number]))
            topic.last = max(topic.last, heads.get(number, 0))
            while True:
                changed = topic.changed
                for event in await self._since(number, at, topic):
                    at = event.seq
                    yield text_of(event)
                    if event.kind == "end" and at >= topic.last:
                        # A job that was resumed has events behind an end.
                        return
                if at < topic.last:
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._leave(number)

    async def _since(self, number: int, at: int, topic: _Topic) -> list[Event]:
        if topic.recent and topic.recent[0].seq <= at + 1:
            return [event for event in topic.recent if event.seq > at]
        return await self._read(number, at)

    async def _read(self, number: int, at: int) -> list[Event]:
        return await to_thread.run_sync(lambda: events.after(self._database, number, at))

    def _join(self, number: int) -> _Topic:
        topic = self._topics.setdefault(number, _Topic(last=0))
        topic.readers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        return topic

    def _leave(self, number: int) -> None:
        topic = self._topics[number]
        topic.readers -= 1
        if not topic.readers:
            del self._topics[number]

    async def _look(self) -> None:
        """Tell the readers what is new, as long as there are any."""
        while self._topics:
            try:
                await self._once()
            except SQLAlchemyError:
                await asyncio.sleep(2.0)  # it is down: the readers wait
            await asyncio.sleep(EVERY)

    async def _once(self) -> None:
        numbers = list(self._topics)
        heads = await to_thread.run_sync(lambda: events.heads(self._database, numbers))
        for number in numbers:
            topic = self._topics.get(number)
            head = heads.get(number)
            if topic is None or head == topic.last:
                continue
            if head is None:  # the job was deleted
                topic.recent.append(Event(topic.last + 1, "end", 0.0, {"state": "deleted"}))
                topic.last += 1
            elif topic.last:
                new = await self._read(number, topic.last)
                topic.recent.extend(new)
                topic.last = new[-1].seq if new else head
            else:
                topic.last = head
            before, topic.changed = topic.changed, asyncio.Event()
            before.set()


def text_of(event: Event) -> str:
    """Return an event as it stands in a stream."""
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {json.dumps(event.data)}\n\n"
