"""How fast a server may be asked: found out from what it refuses, where nobody says it.

Most servers count calls in time: they let some through at once, and then so many a second (a
"token bucket"). A 429 says that the bucket is empty at that moment. So the calls that got
through between two refusals, over the time between them, are the server's own rate; calls are
then sent evenly, a little slower than that. From there the pace grows, slowly at first, as the
limit is near, and faster the longer there is no 429 (the idea of CUBIC, RFC 9438). A server that
says how long to wait is believed, by all callers at once; what it saved up meanwhile is then
sent at once. Calls in flight are bounded by what that pace needs.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio

from benchmark.backends.allowance import Meter

FIRST_WAIT = 0.5
"""Seconds before the second try; each further wait is twice as long."""
LONGEST_WAIT = 60.0
WARM_UP = 0.5
"""Seconds over which the first calls are spread: one too many is then refused, and not fifty."""
SEARCHING = 0.04
"""By so much the space between calls shrinks with each, until the limit is known; and by more
where there are less than 25 a second."""
SETTLED = 30
"""Calls between two refusals from which on they tell the rate."""
SLOWER = ((250, 1.005), (60, 1.03), (0, 1.1))
"""Factors on the space at a 429, by how many calls there were at least since the one before."""
MEMORY = 4096
"""Calls whose beginnings are remembered."""
BELIEVED = 10.0
"""Seconds between two refusals from which on calls are spaced by more than the length of one."""
SAVED = 0.8
"""Of the calls that a server lets through at once, how many are sent at once after a pause."""
SOONEST, LATEST, WORTH = 300, 600, 20
"""Calls after which the limit is met again, for a rate that was found too low must grow; and
seconds of that for one of a pause, between the two."""
ROOM = 2.0
"""Calls in flight, of those that the pace needs on average."""


class Pace:
    """Bounds calls in number and time, for all that ask one server. Lives in one event loop.

    Args:
        most: The most calls at once.
        longest: Seconds of the longest pause that is worth waiting for.
        meter: Limits that are known.
    """

    def __init__(self, most: int, longest: float, meter: Meter | None = None) -> None:
        self.meter = meter or Meter(None)
        self.most = most
        self.longest = longest
        self.limiter = anyio.CapacityLimiter(most)
        self.opens = 0.0
        self.space = 0.0
        """Seconds between two calls; 0 until there is a 429."""
        self.length = 0.0
        """Mean seconds of a call, of late, failed ones too."""
        self.cuts = 0
        """Cuts since the last good answer."""
        self._warm = most
        """Calls that are still spread over the warm-up."""
        self._next = 0.0
        self._cut_at = 0.0
        self._times: deque[float] = deque(maxlen=MEMORY)
        """When those calls began since then that were not refused, as far as is known."""
        self._passed = 0
        """How many they are."""
        self._first: tuple[int, float] | None = None
        """What got through before the first 429: so many calls in so many seconds."""
        self._saved = 0.0
        """Calls that the server lets through at once when it was asked nothing for a while."""
        self._ceiling = math.inf
        """Calls a second that are taken for too many: below, the pace grows fast."""
        self._growth = 0.0
        # A repetition goes before what is new: of that only one call stands at the gate.
        self._new, self._gate = anyio.Lock(), anyio.Lock()

    def restart(self) -> None:
        """Count calls from now on: nothing was asked for a while."""
        self._passed, self._cut_at = 0, 0.0
        self._times.clear()

    @asynccontextmanager
    async def turn(
        self, until: float, tokens: float = 0.0, *, again: bool = False
    ) -> AsyncIterator[float]:
        """Wait for a place and for the end of a pause; give the time at which the call begins.

        Args:
            until: When (monotonic seconds) the call is no longer wanted.
            tokens: About how many the call takes.
            again: Whether it is a repetition.

        Raises:
            TimeoutError: The pause goes beyond `until`, or is too long for anybody.
        """
        with anyio.fail_after(until - time.monotonic()):
            async with nullcontext() if again else self._new, self._gate:
                await self.limiter.acquire()
                try:
                    began = await self._slot(until, tokens)
                except BaseException:
                    self.limiter.release()
                    raise
        try:
            yield began
        finally:
            self.limiter.release()

    async def _slot(self, until: float, tokens: float) -> float:
        """Wait until one more call may begin, and count it. One caller at a time."""
        begin = self.meter.begin(tokens)
        while (now := time.monotonic()) < (opens := max(self.opens, self._next, begin)):
            if self.opens >= until or self.opens - now >= self.longest:
                raise TimeoutError
            await anyio.sleep(opens - now)
        self._passed += 1
        self._times.append(now)
        if self.space:
            # What the server saved up, in a pause or while this machine was late, is made up for.
            late = self.space * max(0.0, SAVED * self._saved - 1)
            self._next = max(self._next, now - late) + self.space
            least = 1 / self._ceiling
            if self.space > least:
                self.space = max(least, self.space * (1 - min(0.3, max(SEARCHING, self.space))))
            self.space *= 1 - min(0.5, self._growth * self._passed**2)
            self._bound()
        elif self._warm > 0:
            self._next = now + WARM_UP / self.most
        self._warm -= 1
        return now

    def slow(self, began: float, wait: float | None) -> None:
        """Take note of a 429 on a call that began at `began`; `wait`: what the server asks for."""
        now = time.monotonic()
        pause = backoff(self.cuts + 1) / 4 if wait is None else wait
        if began in self._times:
            self._times.remove(began)
            self._passed -= 1
        if began >= self._cut_at:  # calls sent before the last cut tell nothing about the new pace
            self._cut(now, pause)
        self.opens = max(self.opens, now + pause)

    def _cut(self, now: float, pause: float) -> None:
        """Find the server's rate, and keep to it: at this moment it has nothing saved up."""
        passed = self._passed
        rate = 1 / self.space if self.space else 0.0
        active = now - max(self.opens, self._times[0] if self._times else now)
        if self._first is None:
            self._first, rate = (passed, active), max(passed, 1) / (active + 1)
        elif passed <= SAVED * self._saved or not passed:
            # It had saved less, or is still refusing all: this tells nothing of its rate.
            self._saved = SAVED * passed
        else:
            if passed >= SETTLED and active > 0:
                rate = min(rate, 2 * passed / active)  # the calls at once may have bounded it
            found, known = self._found(now)
            found = max(found, rate / 100)
            slower = next(factor for least, factor in SLOWER if passed >= least)
            if known:
                rate = min(found, rate / slower)
                self._saved = max(0.0, self._first[0] - found * self._first[1])
                self._ceiling = found if passed >= SETTLED else found * (1 + 1 / max(passed, 1))
            elif passed < SETTLED:  # too few to tell: slower for a while, and up again
                self._ceiling = min(self._ceiling, 0.9 * rate)
                rate = max(found, rate / 2)
            elif rate < self._ceiling:  # still searching: now between the two
                self._ceiling = min(self._ceiling, math.sqrt(found * rate))
                rate = max(found, min(rate, passed / active if active else rate) / 2)
            else:
                many = passed >= SLOWER[0][0]
                rate = max(found, rate / slower if many else math.sqrt(found * rate))
                self._ceiling = rate
        # A refusal may come by chance: only what was seen for long makes calls wait for long.
        is_new = now - self._cut_at < BELIEVED or not self._cut_at
        longest = self.length or 1.0 if is_new else LONGEST_WAIT
        self.space = 1 / max(rate, 1 / longest)
        self._ceiling = max(self._ceiling, 1 / self.space)
        # The longer the pause that the next refusal will cost, the later it should come: with
        # room for so many calls at once, a pace that grows like this meets it after `calls`.
        calls = min(LATEST, max(SOONEST, WORTH * pause / self.space))
        self._growth = 12 * max(self._saved, 5.0) / calls**4
        self._next = now + self.space
        self._cut_at = now
        self._passed = 0
        self._times.clear()
        self.cuts += 1
        self._bound()

    def _found(self, now: float) -> tuple[float, bool]:
        """Return calls a second, from what got through since the last refusal; whether it is sure.

        In all this time, what the server made room for got through, unless it could not save all
        of that in a pause; and since any moment, that and what it had saved by then, which is as
        much as before the first refusal at most. So each of these is at most the true rate, and
        the greatest is the one that holds.
        """
        assert self._first is not None
        burst, seconds = self._first
        rate = self._passed / (now - self._cut_at) if self._cut_at else 0.0
        paused = self.opens - self._cut_at
        known = 0 < paused * rate <= burst - rate * seconds and paused < 0.3 * (now - self._cut_at)
        for calls, began in enumerate(reversed(self._times), 1):
            if calls >= burst + max(8, burst / 2) and now - began > 2 * seconds:
                known = True
                rate = max(rate, (calls - burst) / (now - began - seconds))
        return rate, known

    def good(self, began: float) -> None:
        """Take note of an answer to a call that began at `began`."""
        self.cuts = 0
        self.passed(began)

    def passed(self, began: float) -> None:
        """Take note of a call that got through, whatever came of it: it took a place there too."""
        length = time.monotonic() - began
        self.length += (length - self.length) / (10 if self.length else 1)
        self._bound()

    def _bound(self) -> None:
        """Let as many calls be in flight as the pace needs."""
        needed = ROOM * self.length / self.space if self.space else math.inf
        self.limiter.total_tokens = max(1, math.ceil(min(self.most, needed or math.inf)))


def backoff(tries: int) -> float:
    """Return seconds to wait after so many tries: doubling, and never the same for two callers."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 20))
    return longest * random.uniform(0.5, 1.0)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a refusal's headers ask to wait; None where they say nothing.

    `retry-after` holds seconds or a date (RFC 9110, 10.2.3). Some hosts write milliseconds
    beside it, or the time until each of their limits is whole again; of those that are used up,
    the longest one counts.
    """
    if (wait := _number(headers.get("retry-after-ms"))) is not None:
        return wait / 1000
    if (text := headers.get("retry-after")) is not None:
        return _number(text) if _number(text) is not None else _until(text)
    resets = [
        _duration(headers.get(f"x-ratelimit-reset{kind}"))
        for kind in ("", "-requests", "-tokens")
        if not _number(headers.get(f"x-ratelimit-remaining{kind}"))
    ]
    return max((wait for wait in resets if wait is not None), default=None)


def _number(text: str | None) -> float | None:
    match = re.fullmatch(r"\s*(\d{1,13}(?:\.\d+)?)\s*", text or "")
    return float(match[1]) if match else None


def _until(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _duration(text: str | None) -> float | None:
    """Read "6m0s", "17ms", seconds, or a moment in seconds or milliseconds since 1970."""
    if (number := _number(text)) is not None:
        moment = number / 1000 if number > 1e11 else number
        return max(0.0, moment - time.time()) if moment > 1e8 else number
    if not text or not re.fullmatch(r"(\d+(?:\.\d+)?(?:ms|s|m|h|d))+", text.strip()):
        return None
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    return sum(float(value) * units[unit] for value, unit in parts)
