"""`bench serve` as a command: what it refuses, tokens, and the process of one job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from service_helpers import ROOT, Server, canned, until

from benchmark.cli.events import Events
from benchmark.errors import ConfigError, ExitCode
from benchmark.progress import Part
from benchmark.service import child, tail
from benchmark.service.config import ServerConfig, load_config
from benchmark.service.ending import End, outcome
from benchmark.service.machine import slots_of


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `bench ARGUMENTS`."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BENCH_SERVICE_HOME": str(folder / "h"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 can be reached from elsewhere, callers need tokens"),
        (["--auth"], "--auth: callers need tokens, and there is none; bench serve token create"),
        (["--db", "mysql://x/y"], "--db: mysql is not supported"),
        (["--db", "nonsense"], "--db: is no URL of a database"),
        (["--db", "sqlite://"], "--db: a database in memory forgets its jobs"),
        (["--suites", "nowhere"], "--suites: no file or folder nowhere"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = bench(tmp_path, "serve", *arguments)
    assert done.returncode == ExitCode.USAGE
    line = done.stderr.splitlines()[-1]
    assert line.startswith("bench: ") and words in line
    assert "Traceback" not in done.stderr


def test_tokens_are_made_listed_revoked(tmp_path: Path) -> None:
    made = bench(tmp_path, "serve", "token", "create", "--scope", "run", "--name", "CI")
    secret = made.stdout.strip()
    assert made.returncode == 0 and secret.startswith("bench_") and len(secret) > 40
    listed = bench(tmp_path, "serve", "token", "list").stdout
    assert "run" in listed and "valid" in listed and "CI" in listed and secret not in listed
    revoked = bench(tmp_path, "serve", "token", "revoke", listed.split()[0])
    assert revoked.returncode == 0
    assert "revoked" in bench(tmp_path, "serve", "token", "list").stdout
    assert "no token" in bench(tmp_path, "serve", "token", "revoke", "none").stderr
    kept = (tmp_path / "h" / "service.db").read_bytes()
    assert secret.encode() not in kept


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_runs_too_long_is_stopped(server: Server) -> None:
    (server.folder / "config.yaml").write_text("max_seconds: 1\ngrace: 2\n", encoding="utf-8")
    server.start()
    found = server.wait(server.create(suite="canned"), "failed", "succeeded")
    assert found["state"] == "failed" and "too long" in found["error"]["what"]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_job_that_cannot_run_says_why(server: Server) -> None:
    server.start()
    job = server.create(suite="canned")
    until(lambda: server.ask("GET", f"jobs/{job}")["state"] == "running", server.log)
    server.ask("POST", f"jobs/{job}/cancel")
    assert server.wait(job, "cancelled", "succeeded")["state"] == "cancelled"
    (server.folder / "rows.jsonl").unlink()
    server.ask("POST", f"jobs/{job}/resume")
    found = server.wait(job, "failed", "succeeded")
    assert (found["state"], found["exit_code"]) == ("failed", 2)
    assert "rows.jsonl" in found["error"]["what"]
    assert any(
        "rows.jsonl" in one["line"] for one in server.ask("GET", f"jobs/{job}/logs")["lines"]
    )


def test_only_one_process_runs_a_job(tmp_path: Path) -> None:
    canned(tmp_path)
    child.prepare(tmp_path / "job", "suite: nothing\n")
    from filelock import FileLock

    run = [sys.executable, "-m", child.MODULE, str(tmp_path / "job"), "5", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), child.MARK: "j"}
    assert not child.is_held(tmp_path / "job")
    with FileLock(tmp_path / "job" / child.LOCK):
        assert child.is_held(tmp_path / "job")
        done = subprocess.run(run, env=environment, check=False)
        assert done.returncode == child.BUSY
    done = subprocess.run(run, env=environment, check=False, capture_output=True)
    assert done.returncode == ExitCode.USAGE  # the suite is none
    assert child.end_of(tmp_path / "job", 1) == ExitCode.USAGE
    assert child.end_of(tmp_path / "job", 2) is None  # of another round
    # One that was started before, and comes late, does nothing.
    late = [*run[:-2], "4", "1"]
    assert subprocess.run(late, env=environment, check=False).returncode == child.BUSY


def test_progress_is_written_as_events(tmp_path: Path) -> None:
    with Events(tmp_path / child.EVENTS) as shown:
        shown.stage("train", ("train", "generate"), (Part("train", "lora", 10.0),))
        with shown.step("lora: train", total=4, unit="steps", estimate=10.0) as tick:
            tick(2, note="loss 1.250")
            tick(0, note="validation loss 0.500")
        shown.spent(0.25)
        shown.say("two\nlines \x1b[31m")
    found = tail.news(tmp_path, {}, ["lines"], ended=True)
    kinds = [kind for kind, _ in found.events]
    assert kinds[0] == "progress" and kinds[-1] == "log"
    assert found.events[-1][1]["line"].startswith("two ***")
    assert found.metrics == {"loss": 1.25, "validation_loss": 0.5}
    assert found.progress is not None
    where = {name: found.progress[name] for name in ("stage", "item", "done", "total", "unit")}
    assert where == {"stage": "train", "item": "lora: train", "done": 2, "total": 4,
                     "unit": "steps"}  # fmt: skip
    assert 0 <= found.progress["fraction"] <= 1 and found.progress["eta_seconds"] > 5


def test_files_are_read_bit_by_bit(tmp_path: Path) -> None:
    file = tmp_path / child.OUTPUT
    file.write_bytes(b"one\nbench: broken; mend it\nhal")
    first = tail.news(tmp_path, {}, [], ended=False)
    assert [data["line"] for _, data in first.events] == ["one", "bench: broken; mend it"]
    assert first.errors == ["broken; mend it"]
    with file.open("ab") as more:
        more.write(b"f\n\xff\xfe")
    (tmp_path / child.EVENTS).write_text('{"kind": "log", "data": {"line": "x"}}\n{"kind": "lo')
    rest = tail.news(tmp_path, first.read, [], ended=True)
    assert [data["line"] for _, data in rest.events] == ["x", "half", "\ufffd\ufffd"]
    assert tail.news(tmp_path, rest.read, [], ended=True).events == []


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ({"code": 2}, "failed"), ({"code": 4}, "incomplete"), ({"code": None}, "queued"),
        ({"code": None, "cancelled": True}, "cancelled"), ({"code": 130}, "queued"),
        ({"code": 130, "cancelled": True}, "cancelled"), ({"code": 130, "late": True}, "failed"),
        ({"code": 0}, "failed"),  # it says that it is well, and left nothing
    ],
)  # fmt: skip
def test_how_jobs_end(end: dict[str, object], state: str) -> None:
    usual = {"died": -9, "cancelled": False, "late": False, "errors": (), "results": None}
    assert outcome(End(**{**usual, **end}), 0, 3)["state"] == state  # type: ignore[arg-type]
    if state == "queued":
        assert outcome(End(**{**usual, **end}), 2, 3)["state"] == "failed"  # type: ignore[arg-type]


def test_slots() -> None:
    assert slots_of("n", 4, ["0", "3"]) == {
        "n/gpu-0": {"CUDA_VISIBLE_DEVICES": "0"},
        "n/gpu-3": {"CUDA_VISIBLE_DEVICES": "3"},
    }
    assert slots_of("n", 1, []) == {"n/cpu-0": {}}
    assert list(slots_of("n", 2, [])) == ["n/cpu-0", "n/cpu-1"]


def test_configurations(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("models: [hub:a/b]\nlease: 5\n", encoding="utf-8")
    assert load_config(file).models == ("hub:a/b",)
    assert load_config(None) == ServerConfig()
    for text, words in (("lease: 0", "lease"), ("other: 1", "other"), ("[1]", "c.yaml")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=words):
            load_config(file)
