"""Many calls at once: bounded in number and time, repeated where that helps, in no order.

Every call ends as an answer or as a failed one with its reason. Nothing here can go on for
ever: each answer has its deadline, and a server that has answered nobody for a whole deadline
is not asked for the rest.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import anyio

from benchmark.backends.allowance import Account, Need, used
from benchmark.backends.pace import Pace, backoff
from benchmark.backends.refusals import Again, Failed, one_line
from benchmark.errors import BenchError
from benchmark.plugins import Reply
from benchmark.progress import Tick

Call = Callable[[], Awaitable[Reply]]
"""Makes one call. Raises Again, Failed, or a BenchError that stops all calls."""


class Ask(NamedTuple):
    """One call to make, and the most that it can take."""

    call: Call
    need: Need


ENOUGH = 5
"""So many answers given up one after the other are no chance: the server is down."""


KNOWN, LONGER, SHORTEST = 20, 3.0, 1.0
"""Answers after which their times tell when a call hangs: when it takes so many times as long as
the longest of late, and so many seconds at least."""


class Patience(NamedTuple):
    """How long is waited, in seconds, and how often a call is repeated."""

    concurrency: int
    timeout: float
    deadline: float
    max_retries: int
    ends: float = float("inf")
    """When (monotonic seconds) nothing is asked for any more."""


@dataclass(slots=True)
class _Course:
    """One answer on its way."""

    tries: int = 0
    """Calls that ended in an error other than "too many"."""
    sent: int = 0
    until: float = float("inf")
    reason: str = ""


class Health:
    """How a server did of late: whether most calls succeed, and how long they take."""

    def __init__(self) -> None:
        self.share = 0.0
        self.lengths: deque[float] = deque(maxlen=200)

    def good(self, seconds: float) -> None:
        """Take note of an answer that took so long."""
        self.share += (1 - self.share) / 20
        self.lengths.append(seconds)

    def bad(self) -> None:
        """Take note of a call that failed, other than by a rate limit."""
        self.share -= self.share / 20

    @property
    def is_good(self) -> bool:
        """Return whether most calls succeed."""
        return self.share > 0.5

    @property
    def patient(self) -> float:
        """Return seconds after which a call probably hangs: far more than any answer took."""
        if len(self.lengths) < KNOWN:
            return float("inf")
        return max(SHORTEST, LONGER * max(self.lengths))


class Calls:
    """One set of calls to one server."""

    def __init__(
        self, patience: Patience, hide: Callable[[str], str], pace: Pace, account: Account
    ) -> None:
        self.patience = patience
        self.hide = hide
        self.pace = pace
        self.account = account
        self.health = Health()
        self.lost = 0
        """Answers given up since the last good one."""
        self.good_at = float("-inf")
        self.down = ""
        """Why nothing more is sent; empty while the server answers."""

    async def all(self, calls: Mapping[str, Ask], tick: Tick) -> dict[str, Reply]:
        """Make all calls, and return their answers by name.

        Raises:
            BenchError: The first call that says that no other can succeed either.
        """
        self.pace.restart()
        waiting = iter(calls.items())
        replies: dict[str, Reply] = {}
        stops: list[BenchError] = []
        async with anyio.create_task_group() as group:

            async def work(waiting: Iterator[tuple[str, Ask]]) -> None:
                try:
                    for name, call in waiting:
                        replies[name] = await self._answer(call)
                        tick(replies[name].tokens_out)
                except BenchError as error:
                    stops.append(error)
                    group.cancel_scope.cancel()

            for _ in range(min(self.patience.concurrency, len(calls))):
                group.start_soon(work, waiting)
        if stops:
            raise stops[0]
        return replies

    async def _answer(self, call: Ask) -> Reply:
        """Call until there is an answer, or no hope of one."""
        if self.down:
            return _failed(f"not sent, for the server is down: {self.down}")
        if time.monotonic() >= self.patience.ends:
            return _failed("not sent: the time of `run_deadline` is over")
        course = _Course()
        try:
            while (reply := await self._try(call, course)) is None:
                pass
        except BenchError:
            raise
        except Failed as error:
            self._good()  # the server is there: it is this request that it does not like
            return _failed(self.hide(one_line(error)))
        except TimeoutError:
            return self._given_up(course)
        except Exception as error:  # a client's or a plugin's own mistake
            return _failed(self.hide(f"{type(error).__name__}: {one_line(error)}"))
        self._good()
        return reply

    async def _try(self, ask: Ask, course: _Course) -> Reply | None:
        """Make one call; None asks for another. Raises TimeoutError when there is no time left."""
        await self.account.reserve(ask.need)
        took, guess = Need(0, 0), self.pace.meter.guess(ask.need)
        try:
            until = min(course.until, self.patience.ends)
            async with self.pace.turn(until, guess, again=course.sent > 0) as began:
                if not course.sent:
                    course.until = min(began + self.patience.deadline, self.patience.ends)
                left = course.until - began
                if left <= 0:
                    raise TimeoutError
                course.sent += 1
                took = ask.need  # from here on it may be charged, whatever comes back
                try:
                    reply = await _within(min(self._patient(course), left), ask.call)
                    took = used(ask.need, reply)
                    self.pace.good(began)
                    self.health.good(time.monotonic() - began)
                    return reply
                except Again as again:
                    error, took = again, Need(0, 0) if again.free else took
                    if not again.limited:
                        self.pace.passed(began)
                except Failed as failed:
                    took = Need(0, 0) if failed.free else took
                    self.pace.passed(began)
                    raise
        finally:
            self.account.settle(ask.need, took)
            self.pace.meter.booked(guess, ask.need, took)
        # The place is free again: others are asked for while this one waits.
        course.reason = self.hide(one_line(error))
        await self._wait(error, began, course)
        return None

    async def _wait(self, error: Again, began: float, course: _Course) -> None:
        """Wait before the next call. Raises TimeoutError when there is to be none."""
        if error.limited:
            self.pace.slow(began, error.wait)  # the pause is everybody's: `turn` waits
            return
        course.tries += 1
        self.health.bad()
        wait = error.wait
        if wait is None:  # one call that fails among many good ones has nothing to wait for
            wait = backoff(1) / 8 if self.health.is_good else backoff(course.tries)
        if course.tries > self.patience.max_retries or time.monotonic() + wait >= course.until:
            raise TimeoutError
        await anyio.sleep(wait)

    def _patient(self, course: _Course) -> float:
        """Return how long a call may take: a hanging one is given up early, but not the last."""
        if course.tries >= self.patience.max_retries:
            return self.patience.timeout
        # One that is slow and not hanging gets twice as long each time.
        return min(self.patience.timeout, self.health.patient * 2.0**course.tries)

    def _good(self) -> None:
        self.lost = 0
        self.good_at = time.monotonic()

    def _given_up(self, course: _Course) -> Reply:
        began = course.until - self.patience.deadline
        if time.monotonic() >= self.patience.ends:
            return _failed("given up: the time of `run_deadline` is over")
        spent = time.monotonic() - began if course.sent else 0.0
        reason = course.reason or "the server asks everybody to wait longer than `deadline`"
        self.lost += 1
        silent = time.monotonic() - self.good_at >= self.patience.deadline
        if silent and self.lost >= max(ENOUGH, self.patience.concurrency):
            self.down = reason
        return _failed(f"{reason} (given up after {course.sent} calls in {spent:.0f} s)")


async def _within(seconds: float, call: Call) -> Reply:
    """Make a call in a bounded time; bytes that drip in do not make it longer."""
    try:
        with anyio.fail_after(seconds):
            return await call()
    except TimeoutError:
        raise Again("no whole answer in time") from None
    except anyio.get_cancelled_exc_class():
        # Ours goes on; a client's own (aiohttp stops a call that way) would end all that is left.
        if anyio.current_effective_deadline() == float("-inf"):
            raise
        raise Again("the client gave the call up") from None


def _failed(reason: str) -> Reply:
    return Reply(None, error=reason, finish="error")
