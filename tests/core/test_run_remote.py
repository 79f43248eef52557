"""Whole runs of candidates that no weights are loaded for: a server's, and a file's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from loopback import Reply, answer, question, serve

from benchmark import load_suite, make_plan
from benchmark.errors import ConfigError
from benchmark.records import Generation
from benchmark.references import cache_root
from benchmark.results import Results

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-canary-0123456789abcdef"


def rows(count=24):
    for n in range(count):
        yield {
            "id": str(n),
            "prompt": f"Que dit l'article L{1000 + n}-1 ?",
            "completion": f"Article L{1000 + n}-1 : la durée est de {n} heures.",
        }


def good(call):
    """Answer as the reference does, but for the number."""
    number = question(call.body).split()[3]
    return answer(f"Article {number} : la durée est de 35 heures.")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the suite for a server's address."""
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    made = tmp_path / "elsewhere.jsonl"
    made.write_text(
        "".join(json.dumps({"id": row["id"], "answer": row["completion"]}) + "\n" for row in rows())
    )

    def suite(url, **candidates):
        remote = {
            "use": "openai",
            "base_url": url,
            "model": "m",
            "api_key_env": "CANARY_API_KEY",
            "concurrency": 3,
            "price": {"input": 1, "output": 2},
        }
        content = {
            "suite": "remote",
            "dataset": {"use": "jsonl", "path": str(data)},
            "split": {"train": 0.2, "validation": 0, "test": 0.8},
            "backend": remote,
            "generation": {"max_new_tokens": 16},
            "candidates": {
                "served": None,
                "elsewhere": {"backend": {"use": "replay", "path": str(made)}},
                "echo": {"backend": "echo"},
                **candidates,
            },
            "baseline": "served",
            "metrics": {"rouge": None, "levenshtein": None},
            "resamples": 200,
        }
        path = tmp_path / "remote.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return suite


def command(suite, tmp_path):
    return [
        *(sys.executable, "-m", "benchmark", "run", str(suite)),
        *("--reports", str(tmp_path / "reports")),
    ]


ENVIRONMENT = {"CANARY_API_KEY": KEY, "NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1"}


def bench(suite, tmp_path, **more):
    return subprocess.run(
        command(suite, tmp_path),
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | more,
        capture_output=True,
        text=True,
        check=False,
    )


def results(tmp_path):
    folder = (tmp_path / "reports" / "remote" / "latest").resolve()
    return Results.model_validate_json((folder / "results.json").read_bytes()), folder


def test_a_server_and_a_file_are_compared_like_any_two_models(write, tmp_path):
    with serve(good) as server:
        suite = write(server.url)
        done = bench(suite, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        found, folder = results(tmp_path)
        cards = {card.name: card for card in found.candidates}
        assert {name: card.failed for name, card in cards.items()} == dict.fromkeys(cards, 0)
        asked = len(server.calls)
        assert asked == cards["served"].answered == found.dataset.test
        assert found.score("elsewhere", "rougeL").value == pytest.approx(1)
        assert 0.5 < found.score("served", "rougeL").value < 1
        assert found.comparison("elsewhere", "rougeL").low > 0
        lines = (folder / "generations" / "served.jsonl").read_text().splitlines()
        answers = [Generation.model_validate_json(line) for line in lines]
        assert all(row.cost == pytest.approx((11 + 2 * 7) / 1e6) for row in answers)
        assert cards["served"].cost == pytest.approx(len(answers) * 25e-6)
        # The key is nowhere, and a second run sends nothing.
        shown = [done.stdout, done.stderr]
        for file in (*tmp_path.rglob("*"), *cache_root().rglob("*")):
            if file.is_file():
                shown.append(file.read_text(encoding="utf-8", errors="replace"))
        assert KEY not in "".join(shown)
        assert bench(suite, tmp_path, CANARY_API_KEY="").returncode == 0
        assert len(server.calls) == asked


def test_answers_of_a_run_folder_are_candidates_of_the_next(write, tmp_path):
    with serve(good) as server:
        assert bench(write(server.url), tmp_path).returncode == 0
        _, folder = results(tmp_path)
        again = {"use": "replay", "path": str(folder / "generations" / "served.jsonl")}
        assert bench(write(server.url, again={"backend": again}), tmp_path).returncode == 0
    found, _ = results(tmp_path)
    one, two = (found.score(name, "rougeL") for name in ("served", "again"))
    assert one.value == two.value
    (card,) = [card for card in found.candidates if card.name == "again"]
    assert (card.changed, card.tokens_out) == (0, 7 * found.dataset.test)


def test_what_a_server_never_answers_is_counted_and_the_rest_is_scored(write, tmp_path):
    def script(call):
        return Reply(status=400) if "L1003" in question(call.body) else good(call)

    with serve(script) as server:
        done = bench(write(server.url), tmp_path)
        failed = server.asked[next(text for text in server.asked if "L1003" in text)]
    found, _ = results(tmp_path)
    assert done.returncode == 4  # incomplete, and said so
    assert failed == 1
    cards = {card.name: card for card in found.candidates}
    assert (cards["served"].failed, cards["elsewhere"].failed) == (1, 0)
    assert found.score("served", "rougeL").n == found.dataset.test - 1


def test_a_refused_key_stops_one_candidate_and_no_other(write, tmp_path):
    with serve(lambda call: Reply({"error": {"message": KEY}}, status=401)) as server:
        done = bench(write(server.url), tmp_path)
        assert len(server.calls) <= 3
    found, _ = results(tmp_path)
    cards = {card.name: card for card in found.candidates}
    assert done.returncode == 4
    assert "refuses the key (HTTP 401: ***)" in cards["served"].error
    assert cards["elsewhere"].error is None
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_is_killed_pays_for_nothing_twice(write, tmp_path):
    stuck = threading.Event()

    def script(call):
        if len(server.calls) <= 9:
            return good(call)
        stuck.set()
        return Reply(good(call), delay=60)

    with serve(script) as server:
        suite = write(server.url)
        process = subprocess.Popen(
            command(suite, tmp_path),
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert stuck.wait(60)
            until = time.monotonic() + 20  # the last answers may still be on their way to disk
            while len(list((cache_root() / "answers").rglob("*.json"))) < 9:
                assert time.monotonic() < until
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        before = {question(call.body) for call in server.calls[:9]}
        server.script = good
        assert bench(suite, tmp_path).returncode == 0
        assert {server.asked[text] for text in before} == {1}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"train": {"r": 4}}, "this backend cannot be trained; use backend hf to train"),
        ({"adapter": "."}, "this backend puts on no adapter; use backend hf, or name a server's"),
        (
            {"backend": {"use": "replay", "path": "none.jsonl"}},
            "no file none.jsonl; name the file of answers",
        ),
        (
            {"backend": {"use": "openai", "base_url": "http://h/v1", "model": "m", "api_key": KEY}},
            "unknown key; did you mean 'api_key_env'?",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(write, spec, reason):
    with pytest.raises(ConfigError) as caught:
        make_plan(load_suite(write("http://localhost:9/v1", wrong=spec)))
    (problem,) = caught.value.problems
    assert reason in str(problem)
    assert "candidates.wrong" in str(problem)
    assert KEY not in str(problem)


def test_answers_that_were_kept_tell_no_speed(write, tmp_path):
    with serve(good) as server:
        suite = write(server.url)
        assert bench(suite, tmp_path).returncode == 0
        path = cache_root() / "speeds.json"
        known = json.loads(path.read_text())
        assert any(name.startswith("generate ") for name in known)
        calls = len(server.calls)
        # The answers are put together again from those that each call left.
        shutil.rmtree(cache_root() / "generations")
        assert bench(suite, tmp_path).returncode == 0
        assert len(server.calls) == calls
    card = next(card for card in results(tmp_path)[0].candidates if card.name == "served")
    assert card.tokens_out > 0
    speed = f"generate {card.fingerprint}"
    assert json.loads(path.read_text())[speed] == known[speed]
