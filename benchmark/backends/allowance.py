"""What a run may ask of a server: so many calls and tokens a minute, and so much in all.

A budget is a hard cap. Before a call is sent, the most that it can cost is set aside; when its
answer is there, what it did cost is booked, and the rest is free again. So calls in flight can
never overshoot the cap together. A call whose answer was lost may have been charged, and counts
in full.
"""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import anyio
from pydantic import Field, model_validator

from benchmark.backends.refusals import Failed
from benchmark.plugins import Reply
from benchmark.suite_base import Spec

FRAMING = 64
"""Tokens that a server may add to a conversation for its own layout."""
BYTES_A_TOKEN = 4
"""For guessing a call's size before it was sent; its real size is booked afterwards."""
CATCH_UP = 0.25
"""Seconds of lost time that are made up for: a busy machine starts calls late."""


class Price(Spec):
    """What a million tokens cost, in the currency in which the report is to count."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Return the price of one answer."""
        return (self.input * tokens_in + self.output * tokens_out) / 1e6


class Limits(Spec):
    """What a server allows in a minute, where that is known: calls are then sent evenly."""

    requests: float | None = Field(default=None, gt=0)
    tokens: float | None = Field(default=None, gt=0)
    """Of questions and answers together."""


class Budget(Spec):
    """The most that one run may spend on a backend: for each judge, and for all candidates."""

    money: float | None = Field(default=None, ge=0)
    """In the currency of `price`."""
    tokens: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.money is None and self.tokens is None:
            raise ValueError("sets no bound; give `money` or `tokens`")
        return self


class Need(NamedTuple):
    """The most tokens that one call can take."""

    tokens_in: int
    tokens_out: int

    @classmethod
    def of(cls, body: dict[str, Any], most_out: int) -> Need:
        """Return a bound for a body: no tokenizer makes more tokens than there are bytes."""
        text = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return cls(len(text) + FRAMING, most_out)


class Account:
    """What was spent of a budget, and what is set aside for calls in flight."""

    def __init__(self, budget: Budget | None, price: Price | None) -> None:
        self.budget, self.price = budget, price or Price()
        self.spent_tokens, self.spent_money = 0, 0.0
        self.held_tokens, self.held_money = 0, 0.0
        self._flying = 0
        self._changed = anyio.Event()

    async def reserve(self, need: Need) -> None:
        """Set a call's most aside; waits for calls in flight where only they stand in the way.

        Raises:
            Failed: Nothing is in flight, and the call could still go over the budget.
        """
        while not self._fits(need):
            if not self._flying:
                raise Failed(f"not sent: it could go over the budget ({self.told()})", free=True)
            await self._changed.wait()
        self._flying += 1
        self.held_tokens += sum(need)
        self.held_money += self.price.of(*need)

    def settle(self, need: Need, used: Need) -> None:
        """Book what a call took, and free the rest of what was set aside for it."""
        self._flying -= 1
        self.held_tokens -= sum(need)
        self.held_money = self.held_money - self.price.of(*need) if self._flying else 0.0
        self.spent_tokens += sum(used)
        self.spent_money += self.price.of(*used)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def told(self) -> str:
        """Return what was spent of what, for a person."""
        if self.budget is None:
            return "no budget"
        parts = []
        if self.budget.tokens is not None:
            parts.append(f"{self.spent_tokens:,} of {self.budget.tokens:,} tokens spent")
        if self.budget.money is not None:
            parts.append(f"{self.spent_money:.4f} of {self.budget.money:g} spent")
        return ", ".join(parts)

    def _fits(self, need: Need) -> bool:
        if self.budget is None:
            return True
        tokens = self.spent_tokens + self.held_tokens + sum(need)
        money = self.spent_money + self.held_money + self.price.of(*need)
        return (self.budget.tokens is None or tokens <= self.budget.tokens) and (
            self.budget.money is None or money <= self.budget.money
        )


def used(need: Need, reply: Reply) -> Need:
    """Return what an answer took; all that was set aside where the server does not say."""
    if not reply.tokens_in:
        return need
    return Need(reply.tokens_in, reply.tokens_out)


class Meter:
    """When the next call may begin, by limits that are known.

    Virtual scheduling (the "generic cell rate algorithm" of ITU-T I.371): each limit has a time
    from which on it has room, and each call moves that time on by what it takes of a minute.
    """

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits or Limits()
        self._requests = self._tokens = float("-inf")
        self._share = 1.0
        """Of the guessed tokens, how many calls really took, of late."""

    def guess(self, need: Need) -> float:
        """Return about how many tokens a call will take."""
        return self._plain(need) * self._share

    def begin(self, tokens: float) -> float:
        """Return the moment (monotonic seconds) at which a call may begin, and count the call."""
        late = time.monotonic() - CATCH_UP
        start = late
        if self.limits.requests:
            start = self._requests = max(late, self._requests)
            self._requests += 60 / self.limits.requests
        if self.limits.tokens:
            self._tokens = max(late, self._tokens)
            start = max(start, self._tokens)
            self._tokens += tokens * 60 / self.limits.tokens
        return start

    def booked(self, tokens: float, need: Need, took: Need) -> None:
        """Put a guess right; a call that took nothing was refused."""
        if self.limits.tokens:
            self._tokens += (sum(took) - tokens) * 60 / self.limits.tokens
            if sum(took):
                real = sum(took) / self._plain(need)
                self._share += (min(4.0, max(0.05, real)) - self._share) / 20

    @staticmethod
    def _plain(need: Need) -> float:
        return need.tokens_in / BYTES_A_TOKEN + need.tokens_out / 2
