"""How a judge does against servers that fail: `python perf/judges.py [items]`.

Two servers on this machine, each a process of its own, speak OpenAI's and Gemini's protocol. They
allow so many calls a second, refuse the others (with and without Retry-After), and one call in
five goes wrong in some other way: bursts of 503, connections that break, hang or drip, pages with
status 200, replies without a verdict or without anything. One judge grades 1,000 answers there,
with the limits known and with the limits to be found out. Prints a Markdown table.

Utilisation is the share of the calls that the limit allowed, from the first to the last call,
that were used. At the end a few calls wait for nothing but their own repetitions; "while there
was work" leaves out the time after the last answer was first asked for.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from loopback import Call, Reply, answer, gemini, question, serve

from benchmark.plugins import JUDGES, JudgeItem
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Message

ITEMS = 1000
RATE = 40.0
"""Calls that a server allows in a second."""
BURST = 20.0
"""Calls that it takes at once."""
FAULTS = 0.2
LATENCY = (0.1, 0.4)
"""Seconds of a good call."""
GOOD = json.dumps({"raison": "Les faits sont les mêmes.", "verdict": "oui"})
TOKENS = 18
"""Of each good answer, as `loopback` counts them."""


class Limited:
    """The script of one server: a token bucket, and faults drawn by the question."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.good = gemini if protocol == "gemini" else answer
        self.room, self.at = BURST, time.monotonic()
        self.lock = threading.Lock()
        self.admitted: list[float] = []
        self.first: list[float] = []
        self.kinds: Counter[str] = Counter()
        self.paid = 0

    def __call__(self, call: Call) -> Reply | dict[str, Any]:
        """Answer one call, or fail to."""
        with self.lock:
            now = time.monotonic()
            self.room = min(BURST, self.room + (now - self.at) * RATE)
            self.at = now
            if self.room < 1:
                self.kinds["429"] += 1
                told = self.kinds["429"] % 2 == 0
                return self.refusal(429, {"Retry-After": "1"} if told else {})
            self.room -= 1
            self.admitted.append(now)
            turns = call.body.get("contents") or call.body["messages"][1:]
            if call.number == 1 and len(turns) == 1:
                self.first.append(now)
        draw = random.Random(f"{question(call.body)} {call.number}")
        time.sleep(draw.uniform(*LATENCY))
        kind = draw.choice(KINDS) if draw.random() < FAULTS else "good"
        with self.lock:
            self.kinds[kind] += 1
            if kind in ("good", "rubbish", "empty"):
                self.paid += TOKENS
        return self.reply(kind)

    def reply(self, kind: str) -> Reply | dict[str, Any]:
        """Return what a call gets."""
        text = {"rubbish": "Je ne sais pas.", "empty": None}.get(kind, GOOD)
        made = Reply(self.good(text))
        if kind == "503":
            return self.refusal(503, {})
        if kind == "page":
            return Reply(b"<html>down</html>", headers={"Content-Type": "text/html"})
        made.reset, made.delay = kind == "broken", 5.0 if kind == "hanging" else 0.0
        made.drip = 0.05 if kind == "dripping" else 0.0
        return made

    def refusal(self, status: int, headers: dict[str, str]) -> Reply:
        """Return an error as the protocol words it."""
        body = {"error": {"code": status, "status": "UNAVAILABLE", "message": "later"}}
        return Reply(body, status, headers)


KINDS = ("503", "503", "broken", "hanging", "dripping", "page", "rubbish", "empty")


def server(protocol: str, pipe: Any) -> None:
    """Run one server until it is told to stop; then send what it saw."""
    script = Limited(protocol)
    with serve(script) as running:
        pipe.send(running.url)
        pipe.recv()
    pipe.send((script.admitted, script.first, script.kinds, script.paid))


def items(count: int) -> list[JudgeItem]:
    """Return answers to judge."""
    return [
        JudgeItem(
            Example(
                id=str(at),
                prompt=(Message(role="user", content=f"Que dit l'article {at} ?"),),
                references=("Le repos dure onze heures.",),
            ),
            (Generation(example_id=str(at), candidate="c", text=f"Réponse {at} : onze heures."),),
        )
        for at in range(count)
    ]


def measure(protocol: str, count: int, **more: Any) -> str:
    """Return one row of the table."""
    os.environ["BENCH_CACHE"] = tempfile.mkdtemp()
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=server, args=(protocol, theirs))
    process.start()
    url = mine.recv()
    settings: dict[str, Any] = {"timeout": 2, "deadline": 300, "max_retries": 8, "concurrency": 64}
    if protocol == "gemini":
        settings |= {"use": "langchain", "model": "google_genai:gemini-x"}
        settings["parameters"] = {"base_url": url.removesuffix("/v1")}
    else:
        settings |= {"use": "openai", "base_url": url, "model": "m"}
    judge = JUDGES.load("same_facts")(backend=settings | more, max_new_tokens=64)
    began = time.monotonic()
    verdicts = judge.judge(items(count), Silent())
    seconds = time.monotonic() - began
    mine.send("stop")
    admitted, first, kinds, paid = mine.recv()
    process.join()
    labels = Counter(row.label for row in verdicts)
    if len(labels) == 1:
        print(verdicts[0].error, file=sys.stderr)
    lost = count - sum(row.value is not None or bool(row.error) for row in verdicts)
    whole = used(admitted)
    busy = used([at for at in admitted if at <= max(first)])
    budget = more.get("budget", {}).get("tokens")
    over = max(0, paid - budget) if budget else 0
    told = ", ".join(f"{number} {label}" for label, number in labels.most_common())
    faults = sum(number for kind, number in kinds.items() if kind not in ("good", "429"))
    how = "known" if more.get("limits") else "found out"
    what = f"| {protocol} | {how}{', budget' if budget else ''} | {seconds:.0f} | {busy:.2f} |"
    return f"{what} {whole:.2f} | {kinds['429']} | {faults} | {told} | {lost} | {over} |"


def used(admitted: list[float]) -> float:
    """Return the share of what the limit allowed between the first and the last call."""
    span = max(admitted) - min(admitted)
    return len(admitted) / (BURST + RATE * span)


def main() -> None:
    """Print the table."""
    logging.disable(logging.WARNING)
    os.environ |= {"NO_PROXY": "127.0.0.1", "GOOGLE_API_KEY": "no-key"}
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    print(f"| server | limits | seconds | utilisation of {RATE:.0f} calls/s while there was work "
          "| to the end | 429 | other faults | verdicts | lost | budget overshot |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    known = {"limits": {"requests": RATE * 60}}
    for protocol in ("openai", "gemini"):
        print(measure(protocol, count, **known), flush=True)
        print(measure(protocol, count), flush=True)
    cap = {"budget": {"tokens": 150 * count}}
    print(measure("openai", count, **known, **cap), flush=True)


if __name__ == "__main__":
    main()
