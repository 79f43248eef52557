"""The openai backend against a server on this machine that does everything wrong."""

from __future__ import annotations

import email.utils
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Reply, answer, question, serve

from benchmark.backends import pace
from benchmark.backends.openai import OpenAI
from benchmark.errors import CandidateError
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.references import cache_root
from benchmark.samples import seed_of
from benchmark.suite import Decoding

KEY = "sk-canary-0123456789abcdef"
DECODING = Decoding(max_new_tokens=32)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Wait little between tries, and go through no proxy."""
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("CANARY_API_KEY", KEY)


def ask(count=1, template=Template()):  # noqa: B008 - Template is immutable
    return [
        Request(str(at), (Message(role="user", content=f"Question {at} ?"),), template)
        for at in range(count)
    ]


def backend(url, **more):
    settings = {"timeout": 5, "deadline": 20, "api_key_env": "CANARY_API_KEY"} | more
    return OpenAI(base_url=url, model="m", **settings)


def go(found, asked, decoding=DECODING):
    with found.open(Silent()) as model, model.adapted(None):
        (batch,) = model.batches(asked, decoding)
        assert batch == list(range(len(asked)))
        return model.generate(asked, decoding, lambda *_, **__: None)


def one(reply, **more):
    """Return the reply to one question that the server always answers like this."""
    settings = {"deadline": 3, "max_retries": 1} | more
    with serve(lambda call: reply) as server:
        return go(backend(server.url, **settings), ask())[0]


def echo(call):
    return answer(f"À {question(call.body)}")


def right(replies):
    return [reply.text for reply in replies] == [f"À Question {at} ?" for at in range(len(replies))]


# --- what is sent and what is read ----------------------------------------------------------


def test_everything_that_was_asked_is_sent():
    decoding = Decoding(
        max_new_tokens=9, temperature=0.5, top_p=0.9, seed=3, stop=("\n", "a", "b", "c", "d")
    )
    found = {"extra": {"top_k": 5}, "price": {"input": 2, "output": 10}}
    with serve(echo) as server:
        (reply,) = go(
            backend(server.url, **found), ask(template=Template(system="Sois bref.")), decoding
        )
        (call,) = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Sois bref."},
            {"role": "user", "content": "Question 0 ?"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": seed_of(3, "0", 0),
        "stop": ["\n", "a", "b", "c"],
        "top_k": 5,
    }
    assert (reply.tokens_in, reply.tokens_out) == (11, 7)
    assert reply.cost == pytest.approx((11 * 2 + 7 * 10) / 1e6)


def test_completions_send_the_template_s_text():
    def script(call):
        return {"choices": [{"text": " oui ", "finish_reason": "length"}]}

    with serve(script) as server:
        (reply,) = go(backend(server.url, endpoint="completions"), ask())
        (call,) = server.calls
    assert call.path == "/v1/completions"
    assert call.body["prompt"] == "### Instruction:\nQuestion 0 ?\n\n### Response:\n"
    assert (reply.text, reply.finish, reply.tokens_out) == ("oui", "length", 0)


def test_completions_cannot_write_the_server_s_own_template():
    with serve(echo) as server, pytest.raises(CandidateError, match="use `endpoint: chat`"):
        go(backend(server.url, endpoint="completions"), ask(template=Template(style="chat")))


def test_null_leaves_a_field_out_and_the_limit_has_two_names():
    settings = {"limit_field": "max_completion_tokens", "extra": {"temperature": None}}
    with serve(echo) as server:
        go(backend(server.url, **settings, api_key_env=None), ask())
        (call,) = server.calls
    assert call.body["max_completion_tokens"] == 32
    assert not {"temperature", "max_tokens"} & set(call.body)
    assert "authorization" not in call.headers


def test_a_server_that_knows_no_stop_texts_is_cut_here():
    with serve(lambda call: answer("un deux STOP trois")) as server:
        (reply,) = go(backend(server.url), ask(), Decoding(stop=("STOP",)))
    assert reply.text == "un deux"


def test_an_empty_answer_is_an_answer():
    assert one(answer("")).text == ""


def test_reasoning_is_no_part_of_the_answer():
    assert one(answer("oui", message={"reasoning_content": "hmm"})).text == "oui"
    parts = [{"type": "thinking", "thinking": "hmm"}, {"type": "text", "text": "oui"}]
    assert one(answer(parts)).text == "oui"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(None), "no text in the answer"),
        (answer(None, finish_reason="content_filter"), "content filter"),
        (answer("moitié", finish_reason="content_filter"), "content filter"),
        (answer(None, message={"refusal": "I can't help."}), "refuses: I can't help"),
        (answer(None, message={"tool_calls": [{"id": "1"}]}), "calls a tool"),
        (answer("", finish_reason="length"), "raise `max_new_tokens`"),
        (answer(None, finish_reason="length", message={"reasoning_content": "a"}), "reasoning"),
        ({"choices": []}, "no choices"),
        ({"choices": "x"}, "no choices"),
        ({"choices": [{"finish_reason": "stop"}]}, "no message"),
        ({}, "no choices"),
        ([], "something else than JSON"),
        ({"error": {"message": "upstream", "code": "x"}}, "upstream"),
        (Reply(b"<html><h1>Down</h1></html>", headers={"Content-Type": "text/html"}), "<h1>Down"),
        (Reply(b'{"choices": [{"mess'), "something else than JSON"),
        (Reply(b""), "something else than JSON"),
        (Reply(answer("x"), reset=True), "(ReadError|RemoteProtocolError)"),
        (Reply({"error": {"message": "boom"}}, status=500), "HTTP 500: boom"),
        (Reply(b"<html>502</html>", status=502), "HTTP 502: <html>"),
        (Reply({"detail": "prompt too long"}, status=400), "HTTP 400: prompt too long"),
        (Reply({"object": "error", "message": "bad"}, status=422), "HTTP 422: bad"),
    ],
)
def test_what_is_no_answer_is_a_failed_one_with_its_reason(reply, reason):
    found = one(reply)
    assert found.text is None
    assert found.finish == "error"
    assert re.search(reason, found.error), found.error
    assert "\n" not in found.error


# --- what passes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=429),
        Reply(status=429, headers={"Retry-After": "0"}),
        Reply(status=429, headers={"x-ratelimit-reset-requests": "20ms"}),
        Reply(status=500),
        Reply(status=503, headers={"Retry-After": "0"}),
        Reply(answer("x"), reset=True),
        Reply(b"<html>later</html>"),
        Reply(b'{"choi'),
        Reply({"choices": []}),
    ],
)
def test_every_third_call_fails_and_no_answer_is_lost(fault):
    turns = iter(range(10_000))

    def script(call):
        return fault if next(turns) % 3 == 0 else echo(call)

    with serve(script) as server:
        replies = go(backend(server.url, concurrency=4, max_retries=30), ask(24))
        assert right(replies)
        assert server.most <= 4


def test_a_storm_of_429_slows_all_down_and_loses_nothing():
    calm = time.monotonic() + 0.6

    def script(call):
        return Reply(status=429) if time.monotonic() < calm else echo(call)

    with serve(script) as server:
        # No repetitions: waiting for a rate limit is none.
        assert right(go(backend(server.url, concurrency=16, max_retries=0), ask(60)))
        assert server.most <= 16
        stormy = [call for call in server.calls if call.at < calm]
    assert len(stormy) < 60  # without a pause for all, thousands fit in


def test_retry_after_is_kept_by_everybody():
    begun = threading.Event()
    calls = []

    def script(call):
        calls.append(call.at)
        if not begun.is_set():
            begun.set()
            return Reply(status=429, headers={"Retry-After": "1"})
        return echo(call)

    with serve(script) as server:
        assert right(go(backend(server.url, concurrency=1), ask(5)))
    assert calls[1] - calls[0] >= 0.95


def test_never_more_calls_than_allowed():
    def script(call):
        time.sleep(0.01)
        return echo(call)

    with serve(script) as server:
        assert right(go(backend(server.url, concurrency=3), ask(30)))
        assert server.most == 3


def test_one_hanging_call_fails_alone():
    def script(call):
        return Reply(echo(call), delay=30) if question(call.body) == "Question 1 ?" else echo(call)

    begun = time.monotonic()
    with serve(script) as server:
        replies = go(backend(server.url, timeout=0.3, deadline=1, concurrency=2), ask(12))
        assert server.asked["Question 1 ?"] > 1
    assert time.monotonic() - begun < 10
    assert [reply.text is None for reply in replies] == [at == 1 for at in range(12)]
    assert "no whole answer in time (given up after" in replies[1].error


def test_dripping_bytes_do_not_stretch_the_deadline():
    begun = time.monotonic()
    reply = one(Reply(answer("x" * 400), drip=0.05), timeout=60, deadline=0.5)
    assert time.monotonic() - begun < 10
    assert "no whole answer" in reply.error


def test_a_wait_beyond_the_deadline_is_not_waited_for():
    begun = time.monotonic()
    with serve(lambda call: Reply(status=429, headers={"Retry-After": "3600"})) as server:
        replies = go(backend(server.url, deadline=2, concurrency=2), ask(8))
        assert len(server.calls) <= 4
    assert time.monotonic() - begun < 10
    assert {reply.text for reply in replies} == {None}
    assert "HTTP 429" in replies[0].error


def test_a_dead_server_is_not_asked_for_ever():
    with serve(echo) as server:
        url = server.url
    begun = time.monotonic()
    replies = go(backend(url, concurrency=4, deadline=1, max_retries=2), ask(500))
    assert time.monotonic() - begun < 30
    assert {reply.text for reply in replies} == {None}
    assert "ConnectError" in replies[0].error
    assert "not sent, for the server is down" in replies[-1].error


def test_a_name_that_does_not_resolve_fails_with_its_reason():
    found = backend("http://no-such-host.invalid/v1", deadline=1, max_retries=0)
    (reply,) = go(found, ask())
    assert "ConnectError" in reply.error


# --- what stops -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"error": {"message": f"Incorrect API key: {KEY}"}}, status=401), "refuses the key"),
        (Reply({"error": "no"}, status=403), "refuses the key"),
        (Reply({"error": {"message": "The model `m` does not exist"}}, status=404), "model 'm' at"),
        (Reply(status=308, headers={"Location": "https://elsewhere.invalid"}), "check `model`"),
        (
            Reply({"error": {"message": "quota", "code": "insufficient_quota"}}, status=429),
            "has no credit left",
        ),
    ],
)
def test_what_concerns_all_calls_stops_them_at_once(reply, reason):
    def script(call):
        return reply

    with serve(script) as server:
        with pytest.raises(CandidateError, match=reason) as caught:
            go(backend(server.url, concurrency=2), ask(50))
        assert len(server.calls) <= 2
    assert KEY not in str(caught.value)


def test_a_key_that_is_revoked_in_the_middle_costs_no_answer_that_was_there():
    def script(call):
        return Reply(status=401) if question(call.body) == "Question 20 ?" else echo(call)

    with serve(script) as server:
        with pytest.raises(CandidateError):
            go(backend(server.url, concurrency=1), ask(30))
        server.script = echo
        assert right(go(backend(server.url, concurrency=1), ask(30)))
        assert server.asked["Question 0 ?"] == 1
        assert server.asked["Question 20 ?"] == 2


def test_an_adapter_folder_cannot_be_sent(tmp_path):
    with serve(echo) as server, backend(server.url).open(Silent()) as model:
        with pytest.raises(CandidateError, match="name the server's LoRA module as `model`"):
            with model.adapted(tmp_path):
                pass


# --- nothing is paid for twice --------------------------------------------------------------


def test_what_was_answered_is_not_sent_again():
    asked = ask(10)
    with serve(
        lambda call: Reply(status=500) if "4" in question(call.body) else echo(call)
    ) as server:
        first = go(backend(server.url, max_retries=0), asked)
        assert [at for at, reply in enumerate(first) if reply.text is None] == [4]
        server.script = echo
        assert right(go(backend(server.url), asked))
        assert server.asked == {f"Question {at} ?": 1 + (at == 4) for at in range(10)}


def test_a_new_price_is_charged_without_a_new_call():
    with serve(echo) as server:
        cheap, dear = (backend(server.url, price={"input": p}) for p in (1, 100))
        assert go(cheap, ask())[0].cost == pytest.approx(11e-6)
        assert go(dear, ask())[0].cost == pytest.approx(11e-4)
        assert len(server.calls) == 1
        assert cheap.fingerprint(Silent()) != dear.fingerprint(Silent())


def test_equal_questions_are_sent_once():
    with serve(echo) as server:
        replies = go(backend(server.url), ask(1) * 5)
        assert len(server.calls) == 1
    assert len(replies) == 5
    assert len({reply.text for reply in replies}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"model": "n"},
        {"extra": {"top_k": 1}},
        {"endpoint": "completions"},
        {"revision": "retrained"},
    ],
)
def test_another_model_is_another_answer(other):
    def script(call):
        return answer("x") | {"choices": [{"text": "x", "message": {"content": "x"}}]}

    with serve(script) as server:
        mine = OpenAI(base_url=server.url, model="m")
        changed = OpenAI(**(mine.model_dump() | other))
        go(mine, ask())
        go(changed, ask())
        assert len(server.calls) == 2
        assert mine.fingerprint(Silent()) != changed.fingerprint(Silent())


def test_other_decoding_is_another_answer_and_patience_is_not():
    with serve(echo) as server:
        go(backend(server.url), ask())
        go(backend(server.url), ask(), Decoding(max_new_tokens=33))
        go(backend(server.url, extra={"seed": None}), ask(), Decoding(temperature=1, seed=1))
        go(backend(server.url, extra={"seed": None}), ask(), Decoding(temperature=1, seed=2))
        assert len(server.calls) == 4
        patient = backend(server.url, timeout=9, deadline=99, max_retries=1, concurrency=1)
        go(patient, ask())
        assert len(server.calls) == 4
        assert patient.fingerprint(Silent()) == backend(server.url).fingerprint(Silent())


@pytest.mark.parametrize("extra", [{}, {"seed": None}])
def test_samples_are_calls_of_their_own_and_each_is_kept(extra):
    asked = [replace(one, sample=at) for one in ask(2) for at in range(3)]
    drawn = Decoding(max_new_tokens=32, temperature=0.8, seed=4, samples=3)

    def count(call):
        return answer(f"{question(call.body)} {len(server.calls)}")

    with serve(count) as server:
        mine = backend(server.url, extra=extra)
        first = [reply.text for reply in go(mine, asked, drawn)]
        assert len(set(first)) == 6 == len(server.calls)
        seeds = {call.body.get("seed") for call in server.calls}
        assert len(seeds) == (1 if extra else 6)
        assert [reply.text for reply in go(mine, asked, drawn)] == first  # nothing is paid twice
        fewer = [at for at, one in enumerate(asked) if one.sample < 2]
        again = go(mine, [asked[at] for at in fewer], drawn)
        assert [reply.text for reply in again] == [first[at] for at in fewer]
        assert len(server.calls) == 6


class Saying(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.said = []

    def say(self, line):
        self.said.append(line)


@pytest.mark.parametrize("damage", ['{"choices": [', '{"said": {}, "seconds": 1}'])
def test_a_damaged_answer_on_disk_is_asked_for_again_and_told(damage):
    shown = Saying()
    with serve(echo) as server:
        go(backend(server.url), ask(2))
        for file in (cache_root() / "answers").rglob("*.json"):
            file.write_text(damage)
        with backend(server.url).open(shown) as model:
            assert right(model.generate(ask(2), DECODING, lambda *_, **__: None))
        assert len(server.calls) == 4
    (line,) = shown.said
    assert "2 kept answers could not be read: asked for again" in line


def test_a_full_disk_costs_no_answer(monkeypatch, tmp_path):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the cache would be")
    monkeypatch.setenv("BENCH_CACHE", str(blocked))
    shown = Saying()
    with serve(echo) as server, backend(server.url).open(shown) as model:
        assert right(model.generate(ask(3), DECODING, lambda *_, **__: None))
    (line,) = shown.said
    assert "answers cannot be kept" in line


KILLED = """
import sys
from benchmark.backends.openai import OpenAI
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

asked = [
    Request(str(at), (Message(role="user", content=f"Question {at} ?"),), Template())
    for at in range(20)
]
backend = OpenAI(base_url=sys.argv[1], model="m", concurrency=2, timeout=60, deadline=60)
with backend.open(Silent()) as model:
    model.generate(asked, Decoding(max_new_tokens=32), lambda *_, **__: None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_pays_for_no_answer_twice(how):
    stuck = threading.Event()

    def script(call):
        if int(question(call.body).split()[1]) < 12:
            return echo(call)
        stuck.set()
        return Reply(echo(call), delay=60)

    with serve(script) as server:
        command = [sys.executable, "-c", KILLED, server.url]
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen(
            command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stderr=subprocess.PIPE
        )
        try:
            assert stuck.wait(60)
            deadline = time.monotonic() + 20  # the eleventh answer may still be on its way to disk
            while len(list((cache_root() / "answers").rglob("*.json"))) < 12:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(how)
            process.communicate(timeout=30)  # an interrupt does not hang on what is in flight
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        server.script = echo
        settings = {"concurrency": 2, "api_key_env": None}
        assert right(go(backend(server.url, **settings), ask(20)))
        assert [server.asked[f"Question {at} ?"] for at in range(12)] == [1] * 12


# --- secrets --------------------------------------------------------------------------------


def test_the_key_is_nowhere(caplog):
    caplog.set_level(logging.DEBUG)

    def script(call):
        key = call.headers["authorization"]
        number = int(question(call.body).split()[1])
        if number == 0:
            return answer(f"you sent {key}")
        if number == 1:
            return Reply({"error": {"message": f"bad {key}"}}, status=400)
        if number == 2:
            return Reply(f"<html>{key}</html>".encode())
        return Reply({"error": key}, status=500)

    with serve(script) as server:
        found = backend(server.url, max_retries=0)
        replies = go(found, ask(4))
        server.script = lambda call: Reply({"error": call.headers["authorization"]}, status=401)
        with pytest.raises(CandidateError) as caught:
            go(found, [*ask(6)][5:])
    files = [file.read_bytes() for file in cache_root().rglob("*") if file.is_file()]
    assert files
    error = caught.value
    seen = [repr(replies), str(error), repr(error.__cause__), repr(error.__context__)]
    seen += [caplog.text, repr(found), found.signature, found.describe(), found.model_dump_json()]
    assert KEY not in "".join(seen)
    assert not any(KEY.encode() in content for content in files)
    assert replies[0].text == "you sent Bearer ***"


def test_a_key_that_is_missing_or_no_key_is_one_clear_line(monkeypatch):
    found = backend("http://127.0.0.1:9/v1")
    monkeypatch.setenv("CANARY_API_KEY", "")
    with pytest.raises(CandidateError, match="CANARY_API_KEY is not set; export CANARY_API_KEY="):
        go(found, ask())
    monkeypatch.setenv("CANARY_API_KEY", f"{KEY}\nX-Evil: 1")
    with pytest.raises(CandidateError, match="holds no key") as caught:
        go(found, ask())
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "ftp://host/v1"}, "is no address"),
        ({"base_url": "http://me:secret@host/v1"}, "holds more than an address"),
        ({"base_url": "http://host/v1?key=secret"}, "holds more than an address"),
        ({"api_key_env": "sk-secret"}, "not the key"),
        ({"api_key_env": "AIzaSecret"}, "not the key"),
        ({"extra": {"api_key": "secret"}}, "a secret"),
        ({"extra": {"stream": True}}, "sets 'stream'"),
        ({"concurrency": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_a_secret(settings, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        OpenAI(**({"base_url": "http://host/v1", "model": "m"} | settings))
    told = "".join(
        str(error["ctx"]["error"])
        for error in caught.value.errors()
        if "ctx" in error and "error" in error["ctx"]
    )
    assert "secret" not in told.lower().replace("a secret", "")


# --- the pace -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-reset-tokens": "6ms"}, 90),
        ({"x-ratelimit-reset": "3"}, 3),
        (
            {
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "120",
            },
            2,
        ),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_waits_are_read(headers, seconds):
    assert pace.asked_wait(headers) == seconds


def test_a_date_to_wait_for():
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 27 < pace.asked_wait({"retry-after": date}) < 31
    assert pace.asked_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for moment in (time.time() + 30, int(time.time() + 30) * 1000):
        assert 27 < pace.asked_wait({"x-ratelimit-reset": str(moment)}) < 31


def test_inside_a_running_loop_as_in_a_notebook():
    import anyio

    async def cell():
        with serve(echo) as server:
            return go(backend(server.url), ask(2))

    assert right(anyio.run(cell))


def test_answers_hold_what_the_server_said():
    with serve(echo) as server:
        go(backend(server.url), ask())
    (file,) = (cache_root() / "answers").rglob("*.json")
    kept = json.loads(file.read_text())
    assert kept["said"]["choices"][0]["message"]["content"] == "À Question 0 ?"
    assert kept["seconds"] > 0


def test_an_answer_s_time_is_its_call_s_and_outlives_the_run():
    with serve(lambda call: Reply(echo(call), delay=0.1)) as server:
        first = go(backend(server.url, concurrency=1), ask(2))
        assert go(backend(server.url), ask(2)) == first
    assert all(0.1 <= reply.seconds < 5 for reply in first)


def test_a_word_of_the_environment_is_not_taken_out_of_answers(monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "employeur")
    assert one(answer("L'employeur doit")).text == "L'employeur doit"
