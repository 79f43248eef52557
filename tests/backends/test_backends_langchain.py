"""The langchain backend on LangChain's own fake models, and on ones that fail."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import (
    FakeMessagesListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from benchmark.backends import pace
from benchmark.backends.langchain import LangChain
from benchmark.errors import CandidateError, MissingDependency
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

KEY = "canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)


class Scripted(BaseChatModel):
    """Answers through a function; real subclasses of BaseChatModel do just this."""

    script: Any
    stops: list[Any] = []  # noqa: RUF012 (pydantic copies it)

    @property
    def _llm_type(self):
        return "scripted"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise NotImplementedError

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        self.stops.append(stop)
        found = self.script(messages[-1].content)
        if asyncio.iscoroutine(found):
            found = await found
        message = found if isinstance(found, AIMessage) else AIMessage(content=found)
        return ChatResult(generations=[ChatGeneration(message=message)])


def ask(count=1, template=Template()):  # noqa: B008 - Template is immutable
    return [
        Request(str(at), (Message(role="user", content=f"Question {at} ?"),), template)
        for at in range(count)
    ]


@pytest.fixture
def answer(monkeypatch):
    """Return a function that lets a fake model answer through the backend."""

    def run(model, asked, decoding=Decoding(), **settings):  # noqa: B008 - immutable
        run.made = []

        def init(name, **given):
            run.made.append((name, given))
            return model

        monkeypatch.setattr("langchain.chat_models.init_chat_model", init)
        found = LangChain(model="google_genai:gemini-x", **{"deadline": 5, "timeout": 2} | settings)
        with found.open(Silent()) as opened, opened.adapted(None):
            return opened.generate(asked, decoding, lambda *_, **__: None)

    return run


def test_the_model_is_made_as_asked(answer):
    model = Scripted(script=lambda text: f"À {text}")
    decoding = Decoding(max_new_tokens=9, temperature=0.5, top_p=0.9, stop=("\n",))
    settings = {"parameters": {"top_k": 3, "max_retries": None}}
    (reply,) = answer(model, ask(template=Template(system="Sois bref.")), decoding, **settings)
    assert reply.text == "À Question 0 ?"
    name, given = answer.made[-1]
    assert (name, given) == (
        "gemini-x",
        {
            "model_provider": "google_genai",
            "timeout": 7,  # ours ends first
            "temperature": 0.5,
            "max_tokens": 9,
            "top_p": 0.9,
            "top_k": 3,
        },
    )
    assert model.stops == [["\n"]]


def test_samples_are_calls_of_their_own(answer):
    asked = [replace(one, sample=at) for one in ask(2) for at in range(3)]
    calls = []

    def script(text):
        calls.append(text)
        return f"{text} {len(calls)}"

    decoding = Decoding(temperature=0.8, samples=3)
    first = [reply.text for reply in answer(Scripted(script=script), asked, decoding)]
    assert len(set(first)) == 6
    again = [reply.text for reply in answer(Scripted(script=script), asked, decoding)]
    assert (again, len(calls)) == (first, 6)


def test_order_tokens_cost_and_cuts(answer):
    def script(text):
        return AIMessage(
            content=[{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": text}],
            usage_metadata={"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
            response_metadata={"finish_reason": "MAX_TOKENS"},
        )

    replies = answer(Scripted(script=script), ask(20), price={"input": 1, "output": 2})
    assert [reply.text for reply in replies] == [f"Question {at} ?" for at in range(20)]
    assert {reply.finish for reply in replies} == {"length"}
    assert {(reply.tokens_in, reply.tokens_out) for reply in replies} == {(3, 5)}
    assert replies[0].cost == pytest.approx(13e-6)


def test_langchain_s_own_fakes(answer):
    (reply,) = answer(
        GenericFakeChatModel(messages=iter(["bonjour STOP rien"])), ask(), Decoding(stop=("STOP",))
    )
    assert reply.text == "bonjour"
    (reply,) = answer(FakeMessagesListChatModel(responses=[AIMessage(content="")]), [ask(2)[1]])
    assert reply.text == ""


def test_what_was_answered_is_not_asked_again(answer):
    def never(text):
        raise AssertionError("asked again")

    answer(Scripted(script=lambda text: text), ask(3))
    assert [r.text for r in answer(Scripted(script=never), ask(3))][2] == "Question 2 ?"


class StatusError(Exception):
    def __init__(self, status, text="", headers=None):
        super().__init__(text)
        self.status_code = status
        self.response = type("Response", (), {"headers": headers or {}})()


class GoogleError(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class APIConnectionError(Exception):
    pass


class ResourceExhausted(Exception):
    pass


def failing_once(error):
    left = [error]

    def script(text):
        if left:
            raise left.pop()
        return text

    return Scripted(script=script)


@pytest.mark.parametrize(
    "error",
    [
        StatusError(429, headers={"retry-after": "0"}),
        GoogleError(429, "{'retryDelay': '0.01s'}"),
        StatusError(503),
        APIConnectionError("reset"),
        ResourceExhausted("quota a minute"),
        ConnectionResetError("peer"),
        TimeoutError(),
    ],
)
def test_what_passes_is_tried_again(answer, error):
    (reply,) = answer(failing_once(error), ask())
    assert reply.text == "Question 0 ?"


def test_a_wrapped_error_is_known_by_its_cause(answer):
    def script(text):
        try:
            raise GoogleError(500, "internal")
        except GoogleError as error:
            raise ValueError("Error calling model") from error

    (reply,) = answer(Scripted(script=script), ask(), max_retries=1)
    assert "HTTP 500: Error calling model (given up after 2 calls" in reply.error


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (AIMessage(content="x", response_metadata={"finish_reason": "SAFETY"}), "filter"),
        (AIMessage(content="", response_metadata={"stop_reason": "max_tokens"}), "token limit"),
        (AIMessage(content="", tool_calls=[{"name": "f", "args": {}, "id": "1"}]), "calls a tool"),
    ],
)
def test_what_is_no_answer_fails_with_its_reason(answer, message, reason):
    (reply,) = answer(Scripted(script=lambda text: message), ask())
    assert reply.text is None
    assert reason in reply.error


def test_a_plugin_s_own_mistake_fails_one_answer(answer):
    def script(text):
        if text == "Question 1 ?":
            raise KeyError("candidates")
        return text

    replies = answer(Scripted(script=script), ask(4))
    assert [reply.error is None for reply in replies] == [True, False, True, True]
    assert "KeyError: 'candidates'" in replies[1].error


def test_a_hanging_model_fails_alone_and_in_time(answer):
    def script(text):
        return asyncio.sleep(60) if text == "Question 0 ?" else text

    begun = time.monotonic()
    replies = answer(Scripted(script=script), ask(5), timeout=0.2, deadline=0.6)
    assert time.monotonic() - begun < 10
    assert [reply.error is None for reply in replies] == [False, True, True, True, True]


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_stops_and_is_not_repeated(answer, monkeypatch, status):
    monkeypatch.setenv("SOME_API_KEY", KEY)

    def script(text):
        raise StatusError(status, f"no: {KEY}")

    with pytest.raises(CandidateError) as caught:
        answer(Scripted(script=script), ask(9))
    assert KEY not in str(caught.value) + repr(caught.value.__cause__)


def test_google_calls_a_wrong_key_a_bad_request(answer):
    def script(text):
        raise GoogleError(400, "API key not valid. Please pass a valid API key.")

    with pytest.raises(CandidateError, match="refuses the key"):
        answer(Scripted(script=script), ask(9))


def test_a_missing_provider_is_named_with_the_line_that_installs_it():
    found = LangChain(model="fireworks:x")
    with pytest.raises(MissingDependency, match="python -m pip install langchain-fireworks"):
        found.prepare(Silent())


def test_missing_langchain_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain", None)
    with pytest.raises(MissingDependency, match=r"pip install 'benchmark\[langchain\]'"):
        LangChain(model="google_genai:x").prepare(Silent())


def test_an_unknown_provider_and_a_missing_key_are_one_line(monkeypatch):
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for model in ("nobody:x", "google_genai:gemini-2.5-flash"):
        found = LangChain(model=model)
        found.prepare(Silent())  # answers that are known need no key
        with pytest.raises(CandidateError, match="cannot be made") as caught:
            with found.open(Silent()):
                pass
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model": "gemini-2.5-flash"}, "names no provider"),
        ({"model": "openai:x", "parameters": {"api_key": KEY}}, "a secret"),
        ({"model": "openai:x", "parameters": {"google_api_key": KEY}}, "a secret"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        LangChain(**settings)
