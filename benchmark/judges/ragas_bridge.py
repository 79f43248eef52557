"""Between ragas' coroutines and a backend: questions gathered, asked together, handed back."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmark.errors import BenchError
from benchmark.judges.asking import generate_all, kind_of
from benchmark.plugins import Model, Reply, Request
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

ROLES = {"system": "system", "ai": "assistant"}
QUIET = 0.02
"""Seconds without a new question after which those that are there are asked."""


@dataclass(slots=True)
class Asked:
    """What one verdict took, and why it may have failed."""

    error: str = ""
    kind: str = ""
    """Label of the failure."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class Desk:
    """Collects questions until nobody has more to ask, and asks them all at once."""

    model: Model
    decoding: Decoding
    template: Template
    waiting: list[tuple[Request, asyncio.Future[Reply]]] = field(default_factory=list)
    refused: str = ""
    """Why the model answers nobody any more."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve while the `with` lasts."""
        serving = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            serving.cancel()

    async def ask(self, example: str, messages: tuple[Message, ...]) -> Reply:
        """Return the answer to one conversation."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.waiting.append((Request(example, messages, self.template), future))
        self.arrived.set()
        return await future

    async def _serve(self) -> None:
        while True:
            await self.arrived.wait()
            seen = -1
            while seen != len(self.waiting):
                seen = len(self.waiting)
                await asyncio.sleep(QUIET)
            batch, self.waiting = self.waiting, []
            self.arrived.clear()
            replies = await asyncio.to_thread(self._answers, [request for request, _ in batch])
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    def _answers(self, requests: Sequence[Request]) -> list[Reply]:
        why = self.refused
        try:
            if not why:
                return generate_all(self.model, requests, self.decoding)
        except BenchError as error:
            why = self.refused = str(error)
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return [Reply(None, error=why, finish="error")] * len(requests)


def bridge(desk: Desk, example: str) -> tuple[Any, Asked]:
    """Return ragas' wrapper around a chat model of LangChain that asks at the desk.

    Returns:
        The wrapper, and what is known of its questions afterwards.
    """
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from ragas.llms import LangchainLLMWrapper
    from ragas.run_config import RunConfig

    asked = Asked()

    class AtDesk(BaseChatModel):
        """A chat model whose answers come from a backend of ours."""

        @property
        def _llm_type(self) -> str:
            return "bench"

        def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
            raise NotImplementedError("ragas is used through its coroutines")

        async def _agenerate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
            turns = tuple(
                Message.model_validate(
                    {"role": ROLES.get(turn.type, "user"), "content": str(turn.text)}
                )
                for turn in messages
            )
            reply = await desk.ask(example, turns)
            asked.tokens_in += reply.tokens_in
            asked.tokens_out += reply.tokens_out
            asked.cost += reply.cost
            if reply.text is None:
                asked.error = reply.error or "no reply"
                asked.kind = kind_of(asked.error)
                raise RuntimeError(asked.error)
            message = AIMessage(content=reply.text, response_metadata={"finish_reason": "stop"})
            return ChatResult(generations=[ChatGeneration(message=message)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the wrapper that ragas 0.4 deprecates
        # One try: what to ask again, and when, is the backend's business.
        return LangchainLLMWrapper(AtDesk(), run_config=RunConfig(max_retries=1)), asked
