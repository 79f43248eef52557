"""Any chat model that LangChain knows: `google_genai:gemini-2.5-flash`, `anthropic:...`, ...

LangChain brings the provider's client; waiting, repeating and keeping answers is `remote.py`'s.
The provider finds its key where its own package looks for it, in an environment variable.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from pydantic import JsonValue, field_validator

from benchmark.backends.openai_reply import cut
from benchmark.backends.pace import asked_wait
from benchmark.backends.refusals import (
    Again,
    Failed,
    hider,
    meaning,
    one_line,
    refuse_secrets,
    secrets_of_environment,
)
from benchmark.backends.remote import Remote, Session
from benchmark.errors import BenchError, CandidateError, MissingDependency
from benchmark.plugins import Reply, Request
from benchmark.progress import Progress
from benchmark.suite import Decoding

INSTALL = "python -m pip install 'benchmark[langchain]'"
LIMITED = re.compile(r"RateLimit|ResourceExhausted|TooManyRequests")
PASSING = re.compile(
    r"Connect|Timeout|Network|Protocol|Unavailable|InternalServer|Overloaded|JSONDecode|ReadError"
)
"""Parts of the names of exceptions that another try may not meet; clients share no base class."""
BROKEN = re.compile(r"ClientPayload|ContentLength|ServerDisconnected|IncompleteRead")
"""A connection that broke off; aiohttp gives these a status of its own making."""
NOISE = ("Inheritance class Aiohttp", "coroutine 'ClientResponse.json' was never awaited")
"""Warnings of Google's client about its own use of aiohttp, which a user can do nothing about."""
GRACE = 5.0
"""Seconds that a client waits longer than we do: two ends at one moment get in each other's way."""
VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""Provider -> where its package looks for the key, for messages."""
CUT = {"length", "max_tokens", "max_output_tokens"}
FILTERED = {"content_filter", "safety", "refusal", "recitation", "prohibited_content", "blocklist"}
"""What providers call an answer's end, in small letters."""


class LangChain(Remote):
    """A chat model through LangChain, by provider and name."""

    model: str
    """`provider:name`, as `init_chat_model` takes it."""
    parameters: dict[str, JsonValue] = {}  # noqa: RUF012 (pydantic copies it)
    """More parameters of the model's class; null takes one away: `{temperature: null}`."""

    @field_validator("model")
    @classmethod
    def _named(cls, value: str) -> str:
        if not re.fullmatch(r"[\w-]+:\S+", value):
            raise ValueError(
                "names no provider; write provider:name, google_genai:gemini-2.5-flash"
            )
        return value

    @field_validator("parameters")
    @classmethod
    def _no_secrets(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        refuse_secrets(value)
        return value

    def prepare(self, progress: Progress) -> None:
        """Say early which package is missing."""
        try:
            self._chat({})
        except MissingDependency:
            raise
        except BenchError:
            pass  # a missing key: it is not needed where all answers are known

    def describe(self) -> str:
        """Return provider and name."""
        return self.model

    def identity(self) -> dict[str, Any]:
        """Return the model and what it is made with."""
        made = {"parameters": self.parameters, "revision": self.revision}
        return {"langchain": self.model, **made}

    def body(self, request: Request, decoding: Decoding) -> dict[str, Any]:
        """Return the conversation, and the settings of the model that is to answer it."""
        turns = [(turn.role, turn.content) for turn in request.messages]
        if request.template.system and not any(role == "system" for role, _ in turns):
            turns.insert(0, ("system", request.template.system))
        settings: dict[str, Any] = {
            "temperature": decoding.temperature,
            "max_tokens": decoding.max_new_tokens,
        }
        if decoding.top_p < 1:
            settings["top_p"] = decoding.top_p
        return {"messages": turns, "settings": settings, "stop": list(decoding.stop)}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Make the model; once more for each way of answering."""
        for told in NOISE:
            warnings.filterwarnings("ignore", told)
        hide, made = hider(*secrets_of_environment()), {"{}": self._chat({})}

        async def call(body: dict[str, Any]) -> Any:
            name = str(body["settings"])
            if name not in made:
                made[name] = self._chat(body["settings"])
            try:
                said = await made[name].ainvoke(body["messages"], stop=body["stop"] or None)
            except Exception as error:
                # Without its cause: a client's exception may hold the request and its key.
                raise self._meaning(error, hide(one_line(error))) from None
            return _payload(said)

        try:
            yield Session(call, hide)
        finally:
            for model in made.values():
                await _close(model)

    def read(self, payload: Any, decoding: Decoding) -> Reply:
        """Return the answer in a message."""
        finish, text = payload["finish"].lower(), payload["text"].strip()
        if finish in FILTERED:
            raise Failed(f"the provider's filter cut the answer ({finish})")
        if not text and (finish in CUT or payload["calls"]):
            why = "the model calls a tool" if payload["calls"] else "the token limit was reached"
            raise Failed(f"no text: {why}")
        return Reply(
            cut(text, decoding.stop),
            finish="length" if finish in CUT else "stop",
            tokens_in=payload["tokens_in"],
            tokens_out=payload["tokens_out"],
        )

    def _chat(self, settings: dict[str, Any]) -> Any:
        """Return LangChain's model.

        Raises:
            MissingDependency: LangChain, or the provider's package, is not installed.
            CandidateError: The model cannot be made: no such provider, no key.
        """
        if find_spec("langchain") is None:
            raise MissingDependency("backend langchain needs LangChain", hint=INSTALL)
        from langchain.chat_models import init_chat_model

        # One try each: how long to wait, and how often to try again, is decided for all calls.
        asked = {"timeout": self.timeout + GRACE, "max_retries": 1, **settings, **self.parameters}
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        provider, _, name = self.model.partition(":")
        try:
            return init_chat_model(name, model_provider=provider, **given)
        except ImportError as error:
            text = one_line(error)
            wanted = re.search(r"pip install (?:-U )?([\w.-]+)", text)
            hint = f"python -m pip install {wanted[1]}" if wanted else INSTALL
            raise MissingDependency(f"{self.model}: {text}", hint=hint) from error
        except Exception as error:
            text = hider(*secrets_of_environment())(one_line(error))
            raise CandidateError(f"{self.model} cannot be made: {text}") from None

    def _meaning(self, error: Exception, text: str) -> Exception:
        """Return what a client's exception means, from its status or else its name."""
        names = " ".join(type(link).__name__ for link in _chain(error))
        told = f"{type(error).__name__}: {text}"
        if BROKEN.search(names):
            return Again(told)
        for link in _chain(error):
            if (status := _status(link)) is not None:
                response = getattr(link, "response", None)
                wait = asked_wait(getattr(response, "headers", None) or {})
                wait = _delay(text) if wait is None else wait
                return meaning(status, text, wait, self.model, self._variable())
        if LIMITED.search(names):
            return Again(told, wait=_delay(text), limited=True, free=True)
        passing = PASSING.search(names) or isinstance(error, OSError)
        return Again(told, free="Connect" in names) if passing else Failed(told)

    def _variable(self) -> str:
        """Return the name of the variable that the provider's package reads the key from."""
        provider = self.model.partition(":")[0]
        return VARIABLES.get(provider, "")


def _payload(said: Any) -> dict[str, Any]:
    """Return what is kept of a message: its text without the reasoning, its end, its tokens."""
    about = getattr(said, "response_metadata", None) or {}
    usage = getattr(said, "usage_metadata", None) or {}
    blocked = (about.get("prompt_feedback") or {}).get("block_reason")
    ends = ["blocklist" if blocked else None] + [
        about.get(name) for name in ("finish_reason", "stop_reason", "done_reason")
    ]
    return {
        "text": str(said.text),
        "finish": str(next((end for end in ends if end), "stop")),
        "calls": bool(getattr(said, "tool_calls", None)),
        "tokens_in": int(usage.get("input_tokens", 0)),
        "tokens_out": int(usage.get("output_tokens", 0)),
    }


async def _close(model: Any) -> None:
    """Close the connections of Google's client, which else does so when its loop is gone."""
    closing = getattr(getattr(getattr(model, "client", None), "aio", None), "aclose", None)
    if closing is not None:
        await closing()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def _status(error: BaseException) -> int | None:
    for name in ("status_code", "code"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 300 <= value < 600:
            return value
    return None


def _delay(text: str) -> float | None:
    """Return the wait that Google writes into the body of a refusal: `'retryDelay': '34s'`."""
    found = re.search(r"retry_?[dD]elay['\"]?:\s*['\"](\d+(?:\.\d+)?)s", text)
    return float(found[1]) if found else None
