"""The pace of calls, by a clock that the test moves: nothing waits here, and nothing is random.

A server of the test counts calls as most do: so many at once, and then so many a second.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from types import SimpleNamespace

import anyio
import pytest
from loopback import Reply, answer, serve

from benchmark.backends import allowance, calls, pace
from benchmark.backends.allowance import Account, Need
from benchmark.backends.calls import Ask, Calls, Health, Patience
from benchmark.backends.openai import OpenAI
from benchmark.backends.pace import Pace
from benchmark.backends.refusals import Again
from benchmark.plugins import Reply as Said
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time goes on at once to where something happens."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        select = self._selector.select

        def at_once(timeout=None):
            found = select(0)
            if not found and timeout:
                self.now += timeout
            return found

        self._selector.select = at_once

    def time(self):
        return self.now


class Bucket:
    """Lets so many calls through at once, and then so many a second."""

    def __init__(self, rate, burst, clock):
        self.rate, self.burst, self.clock = rate, burst, clock
        self.room, self.at = burst, clock()
        self.passed, self.refused = [], 0

    def admits(self):
        now = self.clock()
        self.room = min(self.burst, self.room + (now - self.at) * self.rate)
        self.at = now
        if self.room < 1:
            self.refused += 1
            return False
        self.room -= 1
        self.passed.append(now)
        return True

    def used(self):
        """Return the share of what it allowed while there was work: the last calls wait."""
        busy = self.passed[: len(self.passed) * 9 // 10]
        return len(busy) / (self.burst + self.rate * (busy[-1] - busy[0]))


def simulate(monkeypatch, *, count, rate, burst, wait, faults=0.2):
    """Ask a simulated server everything; return it and the answers."""
    loop = Clock()
    clock = SimpleNamespace(monotonic=lambda: loop.now, time=time.time)
    for module in (pace, calls, allowance):
        monkeypatch.setattr(module, "time", clock)
    draw, bucket = random.Random(7), Bucket(rate, burst, lambda: loop.now)
    monkeypatch.setattr(pace, "random", draw)

    async def call():
        await anyio.sleep(draw.uniform(0.001, 0.005))
        if not bucket.admits():
            raise Again("HTTP 429", wait=wait, limited=True, free=True)
        await anyio.sleep(draw.uniform(0.1, 0.4))
        if draw.random() < faults:
            if draw.random() < 0.3:
                await anyio.sleep(60)
            raise Again("HTTP 503", free=True)
        return Said("yes")

    async def course():
        patience = Patience(64, 5.0, 600.0, 8)
        asked = Calls(patience, str, Pace(64, 600.0), Account(None, None))
        every = {str(at): Ask(call, Need(10, 10)) for at in range(count)}
        return await asked.all(every, lambda *_, **__: None)

    try:
        return bucket, loop.run_until_complete(course())
    finally:
        loop.close()


@pytest.mark.parametrize("wait", [None, 1.0])
@pytest.mark.parametrize(("rate", "burst"), [(40, 20), (5, 5), (100, 100)])
def test_a_limit_that_nobody_tells_is_found_used_and_not_stormed(monkeypatch, rate, burst, wait):
    bucket, replies = simulate(monkeypatch, count=20 * rate, rate=rate, burst=burst, wait=wait)
    assert all(reply.text == "yes" for reply in replies.values())
    assert bucket.used() > 0.75
    assert bucket.refused < 10 + 0.05 * len(bucket.passed)


def test_refusals_by_chance_do_not_stop_the_calls(monkeypatch):
    """Every third call is refused, however slowly it is asked: nothing can be learned of that."""
    turns = iter(range(10_000))
    monkeypatch.setattr(Bucket, "admits", lambda self: next(turns) % 3 > 0)
    _, replies = simulate(monkeypatch, count=60, rate=1, burst=1, wait=0.0, faults=0)
    assert all(reply.text == "yes" for reply in replies.values())


def test_a_real_server_s_limit_is_not_stormed():
    lock, bucket = threading.Lock(), Bucket(50, 10, time.monotonic)

    def script(call):
        with lock:
            admitted = bucket.admits()
        return answer("oui") if admitted else Reply({"error": {}}, 429, {"Retry-After": "0.2"})

    asked = [
        Request(str(at), (Message(role="user", content=f"Question {at} ?"),), Template())
        for at in range(120)
    ]
    with serve(script) as server:
        found = OpenAI(base_url=server.url, model="m", timeout=10, deadline=60, concurrency=64)
        with found.open(Silent()) as model:
            replies = model.generate(asked, Decoding(max_new_tokens=9), lambda *_, **__: None)
    assert all(reply.text == "oui" for reply in replies)
    # All 64 at once, again and again, would be hundreds.
    assert bucket.refused < 60


def test_calls_hang_only_by_comparison():
    health = Health()
    assert health.patient == float("inf") and not health.is_good
    for _ in range(30):
        health.good(2.0)
    assert health.patient == 6.0 and health.is_good
    for _ in range(30):
        health.bad()
    assert not health.is_good
    for _ in range(200):
        health.good(0.01)
    assert health.patient == 1.0
