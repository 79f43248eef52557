"""Any server that speaks OpenAI's protocol: vLLM, SGLang, TGI, llama.cpp, transformers, hosts.

httpx2 (which huggingface_hub brings) is used, not the `openai` client: that one repeats calls by
itself, each call on its own and without an end to the whole, and takes an HTML page for an
answer; with its repetitions turned off, little is left that a plain POST does not do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
from pydantic import Field, JsonValue, field_validator

from benchmark.backends import openai_reply
from benchmark.backends.pace import asked_wait
from benchmark.backends.refusals import Again, hider, meaning, one_line, refuse_secrets, words
from benchmark.backends.remote import Remote, Session, drawn_by
from benchmark.errors import CandidateError
from benchmark.plugins import Reply, Request
from benchmark.progress import Progress
from benchmark.suite import Decoding

OURS = ("model", "messages", "prompt", "stream", "n")
"""Fields that `extra` may not change: the answer would be another one's, or unreadable."""
MOST_STOPS = 4
"""More stop texts are refused by OpenAI itself; answers are cut here all the same."""
LARGEST = 32_000_000
"""Bytes of an answer; no text of a model is that long."""


class OpenAI(Remote):
    """A model behind a server with OpenAI's protocol, asked by its name there."""

    base_url: str
    """Up to, and without, `/chat/completions`: `http://localhost:8000/v1`."""
    model: str = Field(min_length=1)
    """The server's name for the model; with vLLM's `--lora-modules`, the adapter's."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key. The key itself belongs in no file."""
    endpoint: Literal["chat", "completions"] = "chat"
    """chat: sends the conversation, and the server lays it out. completions: sends the text that
    the candidate's template makes of it."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the longest answer."""
    extra: dict[str, JsonValue] = {}  # noqa: RUF012 (pydantic copies it)
    """More fields of the body; null leaves one out that the server refuses: `{seed: null}`."""

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is no address; write http://host:port/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("holds more than an address; a key goes where `api_key_env` says")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", value):
            # The value is not repeated: it may be the key itself.
            raise ValueError("is no name of an environment variable; write MY_API_KEY, not the key")
        return value

    @field_validator("extra")
    @classmethod
    def _more(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        refuse_secrets(value)
        for name in OURS:
            if name in value:
                raise ValueError(f"sets {name!r}, which is set already; remove it")
        return value

    def prepare(self, progress: Progress) -> None:
        """Say early that the key is missing; answers that were had before need none."""
        if self.api_key_env and not os.environ.get(self.api_key_env):
            progress.say(f"{self.model}: {self.api_key_env} is not set: nothing new can be asked")

    def describe(self) -> str:
        """Return the server's name for the model."""
        return self.model

    def identity(self) -> dict[str, Any]:
        """Return the address that is asked; the body names the model."""
        sent = {"limit": self.limit_field, "extra": self.extra, "revision": self.revision}
        return {"url": self._url(), "model": self.model, **sent}

    def body(self, request: Request, decoding: Decoding) -> dict[str, Any]:
        """Return the JSON that asks for one answer."""
        body: dict[str, Any] = {
            "model": self.model,
            self.limit_field: decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": drawn_by(request, decoding),
        }
        if decoding.stop:
            body["stop"] = list(decoding.stop[:MOST_STOPS])
        body |= self.extra
        asked = _conversation(request) if self.endpoint == "chat" else _text(request)
        return {name: value for name, value in body.items() if value is not None} | asked

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Open the connections."""
        key = self._key()
        hide = hider(key)  # no other secret: an answer may hold an ordinary word that is one
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        places = httpx2.Limits(max_connections=self.concurrency)
        client = httpx2.AsyncClient(headers=headers, timeout=self.timeout, limits=places)

        async def call(body: dict[str, Any]) -> Any:
            # Written in ASCII: half a character in a question then reaches the server escaped.
            return await self._post(client, json.dumps(body).encode("ascii"), hide)

        async with client:
            yield Session(call, hide)

    def read(self, payload: Any, decoding: Decoding) -> Reply:
        """Return the answer in a body."""
        return openai_reply.read(payload, decoding)

    async def _post(
        self, client: httpx2.AsyncClient, body: bytes, hide: Callable[[str], str]
    ) -> Any:
        try:
            async with client.stream("POST", self._url(), content=body) as response:
                raw = bytearray()
                async for piece in response.aiter_bytes():
                    raw += piece
                    if len(raw) > LARGEST:
                        raise Again(f"an answer of more than {LARGEST:,} bytes")
        except httpx2.HTTPError as error:
            # Without its cause: an exception of the client holds the request and its headers.
            unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            told = hide(f"{type(error).__name__}: {one_line(error)}")
            raise Again(told, free=unsent) from None
        text = hide(bytes(raw).decode("utf-8", "replace"))
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if response.status_code != 200:
            told = one_line(words(said) or text, 200)
            wait, variable = asked_wait(response.headers), self.api_key_env or ""
            raise meaning(response.status_code, told, wait, self._who(), variable)
        if not isinstance(said, dict):
            raise Again(f"the server answers with something else than JSON: {one_line(text, 80)}")
        if "choices" not in said and "error" in said:
            raise Again(f"the server answers with an error: {one_line(words(said), 200)}")
        return said

    def _url(self) -> str:
        return f"{self.base_url}/{'chat/' if self.endpoint == 'chat' else ''}completions"

    def _who(self) -> str:
        return f"model {self.model!r} at {self.base_url}"

    def _key(self) -> str:
        """Return the key; "" where none is needed."""
        if self.api_key_env is None:
            return ""
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise CandidateError(
                f"{self._who()} needs a key, and {self.api_key_env} is not set",
                hint=f"export {self.api_key_env}=...",
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise CandidateError(
                f"{self.api_key_env} holds no key: it has spaces or odd characters"
            )
        return key


def _conversation(request: Request) -> dict[str, Any]:
    turns = [turn.model_dump() for turn in request.messages]
    system = request.template.system
    if system and not any(turn.role == "system" for turn in request.messages):
        turns.insert(0, {"role": "system", "content": system})
    return {"messages": turns}


def _text(request: Request) -> dict[str, Any]:
    try:
        return {"prompt": request.template.render(request.messages)}
    except ValueError as error:
        raise CandidateError(
            "template 'chat' is the server's own",
            hint="use `endpoint: chat`, or template alpaca, chatml or plain",
        ) from error
