"""Servers and jobs that are killed, and servers that share a database: no job lost, none twice."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from service_helpers import ROWS, Server, until

from benchmark.results import Results
from benchmark.service import child


def asked(folder: Path) -> Counter[str]:
    """Return how often the backend was asked each question."""
    file = folder / "asked"
    return Counter(file.read_text(encoding="utf-8").split()) if file.is_file() else Counter()


def test_kills_lose_nothing_and_run_nothing_twice(server: Server) -> None:
    chance = random.Random(os.environ.get("BENCH_TEST_SEED", "kills"))
    server.more = ("--workers", "2")
    server.start()
    # Its own question texts: the cache would answer for a second job of the same suite.
    ids = [
        server.create(suite="canned", overrides=[f"generation.seed={at}"], name=str(at))
        for at in range(2)
    ]
    deaths = 0
    for at in range(4):
        folder = server.folder / "home" / "jobs" / ids[chance.randrange(2)]
        wanted = 4 * at + chance.randrange(4)
        until(lambda wanted=wanted: asked(server.folder).total() >= wanted, server.log)
        if at % 2:
            pid = child.main_process(folder, folder.name)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    deaths += 1
        else:
            server.kill()
            server.start()
    for job in ids:
        found = server.wait(job, "succeeded", "failed")
        assert found["state"] == "succeeded", found
        results = Results.model_validate(server.ask("GET", f"jobs/{job}/results"))
        assert results.score("canned", "exact_match").n == ROWS
        kinds = [kind for _, kind, _ in server.events(job)]
        assert kinds.count("end") == 1 and kinds[-1] == "end"
    # A question that a killed process was at is asked again; nothing else is.
    again = asked(server.folder).total() - 2 * ROWS
    assert 0 <= again <= deaths


def test_two_servers_share_a_database(server: Server, plugin_site: Path) -> None:
    server.start()
    other = Server(server.folder, server.db, paths=(plugin_site,)).start()
    try:
        ids = [
            (server, other)[at % 2].create(suite="canned", overrides=[f"limit={at + 2}"])
            for at in range(3)
        ]
        other.kill()  # whatever it ran is the first one's now
        for job in ids:
            assert server.wait(job, "succeeded", "failed")["state"] == "succeeded"
            assert server.ask("GET", f"jobs/{job}")["attempts"] == 1
    finally:
        if other.process and other.process.poll() is None:
            other.kill()


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_job_that_keeps_dying_is_given_up(server: Server) -> None:
    (server.folder / "config.yaml").write_text("lease: 2\nmax_attempts: 2\n", encoding="utf-8")
    server.start()
    job = server.create(suite="canned")
    folder = server.folder / "home" / "jobs" / job
    for _ in range(2):
        before = asked(server.folder).total()
        until(lambda before=before: asked(server.folder).total() > before, server.log)
        pid = child.main_process(folder, job)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: child.main_process(folder, job) != pid, server.log)
    found = server.wait(job, "failed", "succeeded")
    assert (found["state"], found["attempts"]) == ("failed", 2)
    assert "SIGKILL" in found["error"]["what"]
    assert server.ask("POST", f"jobs/{job}/resume")["state"] == "queued"
    assert server.wait(job, "succeeded", "failed")["state"] == "succeeded"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_server_that_stops_leaves_its_jobs_running(server: Server) -> None:
    server.start()
    job = server.create(suite="canned")
    until(lambda: asked(server.folder).total() > 1, server.log)
    server.kill(signal.SIGTERM)
    assert "1 jobs go on" in server.log()
    server.start()
    found = server.wait(job, "succeeded", "failed")
    assert (found["state"], found["attempts"]) == ("succeeded", 1)
    assert set(asked(server.folder).values()) == {1}
