"""The openai backend against a real server: `transformers serve` with a tiny random model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import tiny

from benchmark.backends.hf import HuggingFace
from benchmark.backends.openai import OpenAI
from benchmark.errors import CandidateError
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

QUESTIONS = ["Que dit l'article L4121-1 ?", "Résumez.", "Qui est l'employeur ? " * 5]
DECODING = Decoding(max_new_tokens=8, batch_size=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def url(folder, tmp_path_factory):
    """Start the server, and wait until it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", start, "serve", str(folder), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--device", "cpu", "--dtype", "float32"]
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1"}
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, env=os.environ | quiet, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except (URLError, OSError):
                time.sleep(0.1)
        else:
            pytest.fail(f"the server does not start: {log.read_text()}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def ask(style):
    return [
        Request(str(at), (Message(role="user", content=text),), Template(style=style))
        for at, text in enumerate(QUESTIONS)
    ]


def answers(backend, asked):
    found = {}
    with backend.open(Silent()) as model:
        for batch in model.batches(asked, DECODING):
            replies = model.generate([asked[at] for at in batch], DECODING, lambda *_, **__: None)
            found |= dict(zip(batch, replies, strict=True))
    return [found[at] for at in range(len(asked))]


@pytest.mark.parametrize(("endpoint", "style"), [("chat", "chat"), ("completions", "alpaca")])
def test_a_served_model_answers_as_it_does_here(url, folder, endpoint, style):
    served = OpenAI(base_url=url, model=str(folder), endpoint=endpoint, concurrency=2)
    there = answers(served, ask(style))
    here = answers(HuggingFace(model=str(folder), dtype="float32"), ask(style))
    assert [reply.text for reply in there] == [reply.text for reply in here]
    assert [reply.tokens_in for reply in there] == [reply.tokens_in for reply in here]
    assert any(reply.text for reply in there)
    assert {reply.finish for reply in there} <= {"stop", "length"}


def test_a_wrong_address_is_one_clear_line(url):
    with pytest.raises(CandidateError) as caught:
        answers(OpenAI(base_url=f"{url}/nowhere", model="m"), ask("chat"))
    assert "HTTP 404" in str(caught.value)
