"""Budgets that are never overshot, limits that are kept, and an end to a whole run."""

from __future__ import annotations

import time

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Reply, answer, question, serve
from pydantic import ValidationError

from benchmark.backends import allowance, pace
from benchmark.backends.allowance import Account, Budget, Limits, Meter, Need, Price
from benchmark.backends.openai import OpenAI
from benchmark.backends.refusals import Failed
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def go(url, count, **settings):
    asked = [
        Request(str(at), (Message(role="user", content=f"Question {at} ?"),), Template())
        for at in range(count)
    ]
    quick = {"timeout": 2, "deadline": 5, "max_retries": 1, "concurrency": 8}
    found = OpenAI(base_url=url, **({"model": "m"} | quick | settings))
    with found.open(Silent()) as model:
        return model.generate(asked, Decoding(max_new_tokens=50), lambda *_, **__: None)


needs = st.tuples(st.integers(0, 300), st.integers(0, 300))


@given(st.lists(st.tuples(needs, st.floats(0, 1)), max_size=40), st.integers(0, 3000))
def test_whatever_is_asked_the_budget_holds(calls, cap):
    """Calls take up to what was set aside for them; several are in flight at once."""

    async def course():
        account = Account(Budget(tokens=cap, money=cap / 1e6), Price(input=1, output=1))

        async def one(need, share):
            try:
                await account.reserve(Need(*need))
            except Failed:
                return
            assert account.spent_tokens + account.held_tokens <= cap
            await anyio.sleep(0)
            account.settle(Need(*need), Need(int(need[0] * share), int(need[1] * share)))

        async with anyio.create_task_group() as group:
            for need, share in calls:
                group.start_soon(one, need, share)
        assert account.spent_tokens <= cap and account.held_tokens == 0
        assert account.spent_money <= cap / 1e6 and account.held_money == 0

    anyio.run(course)


@pytest.mark.parametrize("budget", [{"tokens": 1500}, {"money": 0.0015}])
def test_no_call_is_sent_that_could_go_over(budget):
    with serve(lambda call: answer("oui")) as server:
        replies = go(server.url, 120, budget=budget, price={"input": 1, "output": 1})
        served = len(server.calls)
    good = [reply for reply in replies if reply.text is not None]
    assert len(good) == served and 18 * served <= 1500
    # As close to it as one call's bound: about 200 bytes and 50 tokens.
    assert 18 * served > 1500 - 600
    over = [reply.error for reply in replies if reply.text is None]
    assert over and all(error.startswith("not sent: it could go over the budget") for error in over)


def test_what_is_certainly_free_is_not_booked_and_what_may_be_charged_is():
    refused = Reply({"error": {"message": "busy"}}, status=503)
    with serve(lambda call: refused if call.number == 1 else answer("oui")) as server:
        replies = go(server.url, 8, budget={"tokens": 1500}, concurrency=1)
        assert all(reply.text == "oui" for reply in replies)
    with serve(lambda call: Reply(answer("oui"), reset=True)) as server:
        replies = go(server.url, 30, budget={"tokens": 1500}, concurrency=1, model="n")
        assert len(server.calls) * 250 < 1500 + 250  # each may have been charged in full
    assert "over the budget" in replies[-1].error


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"budget": {}}, "sets no bound"),
        ({"budget": {"money": 1}}, "needs a `price`"),
        ({"budget": {"tokens": 9}, "extra": {"max_tokens": None}}, "extra.max_tokens"),
        ({"budget": {"tokens": 9}, "extra": {"n": 3}}, "'n'"),
        ({"limits": {"requests": 0}}, "greater than 0"),
    ],
)
def test_what_undoes_a_budget_is_refused(settings, told):
    with pytest.raises(ValidationError, match=told):
        OpenAI(base_url="http://127.0.0.1:9/v1", model="m", **settings)


def test_calls_and_tokens_are_kept_to_a_minute(monkeypatch):
    """By the clock that the meter reads; nothing waits here."""
    clock = [1000.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: clock[0])
    meter = Meter(Limits(requests=60))
    starts = [meter.begin(0) for _ in range(5)]
    assert starts == pytest.approx([999.75 + at for at in range(5)])
    meter = Meter(Limits(tokens=6000))
    need = Need(400, 0)  # guessed as 100 tokens
    guess = meter.guess(need)
    assert (guess, meter.begin(guess), meter.begin(guess)) == (100, 999.75, 1000.75)
    meter.booked(guess, need, Need(0, 0))  # refused: its tokens are there again
    assert meter.begin(guess) == pytest.approx(1000.75)
    meter.booked(guess, need, Need(300, 0))  # three times what was guessed
    assert meter.begin(guess) == pytest.approx(1000.75 + 3)
    assert meter.guess(need) > 100
    clock[0] = 2000.0
    assert meter.begin(guess) == 1999.75  # what was not used is gone, but for a moment's


def test_known_limits_are_kept_without_a_refusal():
    times = []

    def script(call):
        times.append(call.at)
        return answer("oui")

    with serve(script) as server:
        replies = go(server.url, 30, limits={"requests": 60 * 50}, concurrency=30)
    assert all(reply.text for reply in replies)
    # 50 a second: 30 calls take at least 0.58 s, less a quarter of a second to catch up.
    assert max(times) - min(times) > 0.3


def test_a_run_ends_in_time_and_says_what_it_left():
    began = time.monotonic()
    with serve(lambda call: Reply(answer("oui"), delay=0.2)) as server:
        replies = go(server.url, 60, run_deadline=0.5, concurrency=4)
    assert time.monotonic() - began < 5
    late = [reply.error for reply in replies if reply.text is None]
    assert 0 < len(late) < 60 and all("run_deadline" in error for error in late)
    assert {question(call.body) for call in server.calls} < {f"Question {at} ?" for at in range(60)}


def test_a_client_that_cancels_its_own_call_ends_no_other(monkeypatch):
    import asyncio

    original = OpenAI._post

    async def post(self, client, body, hide):
        if b"Question 3" in body:
            raise asyncio.CancelledError
        return await original(self, client, body, hide)

    monkeypatch.setattr(OpenAI, "_post", post)
    with serve(lambda call: answer("oui")) as server:
        replies = go(server.url, 8)
    assert [reply.text for reply in replies] == ["oui"] * 3 + [None] + ["oui"] * 4
    assert "gave the call up" in replies[3].error
