"""How fast a server may be asked: fewer calls at once when it says "too many", then more again.

The bound on calls in flight is halved by a 429 and grows by one for every round of good answers
(additive increase, multiplicative decrease, as TCP does it), so that it finds by itself what a
server allows. Calls are also spaced in time, for most limits count calls a minute: by the mean
distance of the calls that got through before the 429, and after it by less and less. That begins
slowly, as the limit is near, and grows faster the longer there is no 429 (the idea of CUBIC, RFC
9438). A server that says how long to wait is believed, by all callers at once.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio

from benchmark.backends.allowance import Meter

FIRST_WAIT = 0.5
"""Seconds before the second try; each further wait is twice as long."""
LONGEST_WAIT = 60.0
FASTER = 1e-6
"""After n calls without a 429 the space between calls shrinks by this times n: by 4 % in 280."""
SETTLED, SLOWER, MUCH_SLOWER = 50, 1.04, 1.1
"""Factors on the space of a 429: after so many calls, and before."""


class Pace:
    """Bounds the calls in flight, for all that ask one server. Lives in one event loop.

    Args:
        most: The most calls at once.
        longest: Seconds of the longest pause that is worth waiting for.
        meter: Limits that are known.
    """

    def __init__(self, most: int, longest: float, meter: Meter | None = None) -> None:
        self.meter = meter or Meter(None)
        self.most = most
        self.longest = longest
        self.bound = float(most)
        self.limiter = anyio.CapacityLimiter(most)
        self.opens = 0.0
        self._begun = time.monotonic()
        self.space = 0.0
        """Seconds between two calls; at most the length of one, for a 429 may come by chance."""
        self.length = 0.0
        """Mean seconds of a good call, of late."""
        self._next = 0.0
        self.cuts = 0
        """Cuts since the last good answer."""
        self._cut_at = 0.0
        self._passed = 0
        """Calls since the last cut that were not refused as too many."""

    def restart(self) -> None:
        """Count answers from now on: nothing was asked for a while."""
        self._begun, self._passed = time.monotonic(), 0

    @asynccontextmanager
    async def turn(self, until: float, tokens: float = 0.0) -> AsyncIterator[float]:
        """Wait for a place and for the end of a pause; give the time at which the call begins.

        Args:
            until: When (monotonic seconds) the call is no longer wanted.
            tokens: About how many the call takes.

        Raises:
            TimeoutError: The pause goes beyond `until`, or is too long for anybody.
        """
        async with self.limiter:
            # Those who wait here keep their places: after the pause no crowd breaks in.
            begin = max(time.monotonic(), self._next, self.meter.begin(tokens))
            self._next = begin + self.space
            while (now := time.monotonic()) < max(self.opens, begin):
                if self.opens >= until or self.opens - now >= self.longest:
                    raise TimeoutError
                await anyio.sleep(max(self.opens, begin) - now)
            yield time.monotonic()

    def slow(self, began: float, wait: float | None) -> None:
        """Take note of a 429 on a call that began at `began`; `wait`: what the server asks for."""
        now = time.monotonic()
        if began >= self._cut_at:  # calls sent before the last cut tell nothing about the new bound
            # Few answers tell more of their own length than of the distance between them.
            passed, since = self._passed, now - max(self.opens, self._begun)
            known = since / passed if passed >= 5 else 0.0
            slower = SLOWER if passed >= SETTLED else MUCH_SLOWER
            self.space = min(self.length, max(self.space, known) * slower)
            self._cut_at, self._passed = now, 0
            self.cuts += 1
            # Fewer than the spacing itself lets in would keep the rate below what is allowed.
            is_settled = self.space and passed >= SETTLED
            needed = 1.5 * self.length / self.space if is_settled else 0.0
            self._set(max(self.bound / 2, min(self.bound, needed)))
        pause = backoff(self.cuts) / 4 if wait is None else wait
        self.opens = max(self.opens, now + pause)
        self._next = max(self._next, self.opens)

    def good(self, began: float) -> None:
        """Take note of an answer to a call that began at `began`."""
        length = time.monotonic() - began
        self.length += (length - self.length) / (10 if self.length else 1)
        self.cuts = 0
        self.passed()
        self._set(self.bound + 1 / self.bound)

    def passed(self) -> None:
        """Take note of a call that got through, whatever came of it: it was counted there too."""
        self._passed += 1
        self.space *= max(0.5, 1 - FASTER * self._passed)

    def _set(self, bound: float) -> None:
        self.bound = min(max(bound, 1.0), self.most)
        self.limiter.total_tokens = int(self.bound)


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
