"""Models that are asked over a network: many calls at once, none of them lost or paid for twice.

A backend here says what to send and how to read what comes back; this module bounds the calls
in flight, repeats those that may succeed later, keeps each answer as it arrives, and ends.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import Field, model_validator

from benchmark.backends.allowance import Account, Budget, Limits, Meter, Need, Price
from benchmark.backends.calls import Ask, Calls, Patience
from benchmark.backends.pace import Pace
from benchmark.backends.paid import Paid
from benchmark.errors import CandidateError
from benchmark.keys import code_version, key
from benchmark.plugins import Plugin, Reply, Request
from benchmark.progress import Progress, Tick, spend
from benchmark.suite import Decoding

LENGTHS = ("n", "candidate_count", "max_tokens", "max_completion_tokens", "max_output_tokens")
"""Settings that decide how much one call can cost."""


class Session(NamedTuple):
    """An open connection."""

    call: Callable[[dict[str, Any]], Awaitable[Any]]
    """Sends one body; returns what came back, as JSON. Raises Again, Failed, CandidateError."""
    hide: Callable[[str], str]
    """Takes secrets out of a text."""


class Remote(Plugin, ABC):
    """Base of what is asked over a network; see the subclasses."""

    is_control: ClassVar[bool] = False
    trainable: ClassVar[bool] = False

    concurrency: int = Field(default=8, ge=1, le=1000)
    """Most calls in flight at once; a server that says "too many" gets fewer."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that one call may take, its whole answer included."""
    deadline: float = Field(default=600.0, gt=0)
    """Seconds that one answer may take, from its first call on, with all waits and repetitions."""
    max_retries: int = Field(default=6, ge=0)
    """Repetitions after an error; waiting for a rate limit does not count."""
    run_deadline: float | None = Field(default=None, gt=0)
    """Seconds that all answers may take together, from the first on; what is missing then fails."""
    limits: Limits | None = None
    """Calls and tokens that the server allows in a minute; without them it is found out."""
    price: Price | None = None
    budget: Budget | None = None
    """The most that may be spent: no call is sent that could go over it."""
    revision: str = ""
    """Any word; write another one when the model changes behind its name, as no answer shows it."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.budget is None:
            return self
        if self.budget.money is not None and self.price is None:
            raise ValueError("`budget.money` needs a `price`")
        for name in ("extra", "parameters"):
            for field in {*getattr(self, name, {})} & set(LENGTHS):
                raise ValueError(f"`{name}.{field}` undoes the bound that `budget` relies on")
        return self

    @abstractmethod
    def describe(self) -> str:
        """Return what answers, for a person."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what is asked, and where: part of the key of each answer."""

    @abstractmethod
    def body(self, request: Request, decoding: Decoding) -> dict[str, Any]:
        """Return what is sent. Raises CandidateError if it cannot be put into words."""

    @abstractmethod
    def session(self) -> AbstractAsyncContextManager[Session]:
        """Open a connection. Raises CandidateError, MissingDependency."""

    @abstractmethod
    def read(self, payload: Any, decoding: Decoding) -> Reply:
        """Return the answer in what came back. Raises Again, Failed."""

    def fingerprint(self, progress: Progress) -> str:
        """Return a hash of what is asked and where; weights behind a server cannot be hashed."""
        # With the price, for an answer carries its cost; a new price sends nothing again.
        price = self.price.model_dump() if self.price else None
        code = code_version(type(self).__module__)
        return key(identity=self.identity(), price=price, code=code)

    @contextmanager
    def open(self, progress: Progress) -> Iterator[Asked]:
        """Connect. Calls run in an event loop of their own, beside whatever loop the caller has."""
        with start_blocking_portal() as portal:
            with portal.wrap_async_context_manager(self.session()) as session:
                yield Asked(self, session, portal, progress)


class Asked:
    """An open connection to a model."""

    def __init__(
        self, backend: Remote, session: Session, portal: BlockingPortal, progress: Progress
    ) -> None:
        self.backend = backend
        self.session = session
        self.portal = portal
        self.progress = progress
        self.paid = Paid()
        self.pace = Pace(backend.concurrency, backend.deadline, Meter(backend.limits))
        self.account = Account(backend.budget, backend.price)
        self.ends = float("inf")

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Refuse an adapter: its folder is here, and the model is there."""
        if adapter is not None:
            raise CandidateError(
                f"{self.backend.describe()} runs on a server, and {adapter.name} is a folder here",
                hint="load it there, and name the server's LoRA module as `model`",
            )
        yield

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return one batch, so that no call waits for the slowest of a smaller one.

        Nothing is lost by that: answers are kept one by one as they arrive.
        """
        return [list(range(len(requests)))] if requests else []

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Answer all requests. Equal requests are sent once."""
        bodies = [self.backend.body(request, decoding) for request in batch]
        # A server that is told no seed still answers another seed with another sample.
        about = [self.backend.identity(), decoding.seed if decoding.temperature else 0]
        names = [key(about=about, body=body) for body in bodies]
        found: dict[str, Reply] = {}
        calls: dict[str, Ask] = {}
        for name, body in zip(names, bodies, strict=True):
            if name in found or name in calls:
                continue
            reply = self._known(name, decoding)
            if reply is None:
                calls[name] = self._call(name, body, decoding)
            else:
                found[name] = reply
                tick(reply.tokens_out)
        if calls:
            if self.ends == float("inf") and self.backend.run_deadline is not None:
                self.ends = time.monotonic() + self.backend.run_deadline
            asked = Calls(self._patience(), self.session.hide, self.pace, self.account)
            found |= self.portal.call(asked.all, calls, tick)
        if self.paid.unreadable:
            again = f"{self.paid.unreadable} kept answers could not be read: asked for again"
            self.progress.say(f"{self.backend.describe()}: {again}")
        if self.paid.fault:
            self.progress.say(f"answers cannot be kept: {self.paid.fault}")
        return [self._priced(found[name]) for name in names]

    def _patience(self) -> Patience:
        mine = self.backend
        return Patience(mine.concurrency, mine.timeout, mine.deadline, mine.max_retries, self.ends)

    def _known(self, name: str, decoding: Decoding) -> Reply | None:
        kept = self.paid.get(name)
        if kept is None:
            return None
        try:
            return self.backend.read(kept["said"], decoding)._replace(seconds=kept["seconds"])
        except Exception:
            # Damaged, or read more strictly than when it was kept: asked again, counted and told.
            self.paid.unreadable += 1
            return None

    def _call(self, name: str, body: dict[str, Any], decoding: Decoding) -> Ask:
        async def call() -> Reply:
            began = time.perf_counter()
            said = await self.session.call(body)
            seconds = round(time.perf_counter() - began, 4)
            reply = self.backend.read(said, decoding)
            # In a thread: waiting for the disk would hold all other calls up.
            kept = {"said": said, "seconds": seconds}
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.paid.put, name, kept)
            spend(self.progress, self._priced(reply).cost)
            return reply._replace(seconds=seconds)

        return Ask(call, Need.of(body, decoding.max_new_tokens))

    def _priced(self, reply: Reply) -> Reply:
        price = self.backend.price
        if price is None or reply.text is None:
            return reply
        return reply._replace(cost=price.of(reply.tokens_in, reply.tokens_out))
