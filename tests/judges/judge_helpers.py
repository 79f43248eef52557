"""What the tests of judges share: items, and servers that answer as a judge's model does."""

from __future__ import annotations

import json

from loopback import answer, gemini, question

from benchmark.plugins import JUDGES, JudgeItem
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Message

KEY = "sk-canary-0123456789abcdef"


def item(at, *answers, reference="Onze heures de repos."):
    """Return what a judge looks at: example `at` with one answer, or two."""
    example = Example(
        id=str(at),
        prompt=(Message(role="user", content=f"Question {at} : quel repos quotidien ?"),),
        references=() if reference is None else (reference,),
    )
    rows = [
        Generation(example_id=str(at), candidate=f"c{side}", text=text)
        for side, text in enumerate(answers)
    ]
    return JudgeItem(example, tuple(rows))


def items(count):
    return [item(at, f"Réponse {at} : onze heures.") for at in range(count)]


def verdict(mark, reason="parce que"):
    """Return what a good model writes."""
    return json.dumps({"raison": reason, "verdict": mark}, ensure_ascii=False)


def says(text):
    """Return a script of an OpenAI server: `text`, or what it makes of the prompt."""
    return lambda call: answer(text(question(call.body)) if callable(text) else text)


def gemini_says(text):
    """Return the same of a server with Gemini's protocol."""
    return lambda call: gemini(text(question(call.body)) if callable(text) else text)


def openai(server, **more):
    """Return a backend's settings for a server on this machine."""
    quick = {"timeout": 2, "deadline": 6, "max_retries": 2, "concurrency": 16}
    return {"use": "openai", "base_url": server.url, "model": "m"} | quick | more


def google(server, **more):
    address = server.url.removesuffix("/v1")
    quick = {"timeout": 2, "deadline": 6, "max_retries": 2, "concurrency": 16}
    settings = {"use": "langchain", "model": "google_genai:gemini-x"} | quick | more
    return settings | {"parameters": {"base_url": address} | more.get("parameters", {})}


def judge(use, asked, progress=None, **settings):
    return JUDGES.load(use)(**settings).judge(asked, progress or Silent())
