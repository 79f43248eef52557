"""Ctrl-C: one line, exit code 130, nothing half-written, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmark.results import Results

SLOW = """\
extends: jardin.yaml
suite: lent
backend: {{use: canned, answer: oui, seconds: {seconds}, log: asked.txt}}
candidates: {{canned: , echo: false}}
"""


def start(site: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def asked() -> list[str]:
    """Return the questions that the backend was asked so far."""
    path = Path("asked.txt")
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def wait_until_asked(count: int, process: subprocess.Popen[str]) -> None:
    """Wait until the backend has seen so many questions; it sleeps at each."""
    for _ in range(600):
        if len(asked()) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"only {len(asked())} questions in a minute")


def test_ctrl_c_and_go_on(plugin_site: Path, suite: Path) -> None:
    # A second a question: long enough to be in the middle of one, short enough to run all six.
    Path("lent.yaml").write_text(SLOW.format(seconds=1.0), encoding="utf-8")
    process = start(plugin_site, "run", "lent.yaml", "--json")
    wait_until_asked(3, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "bench: interrupted; the same command goes on from here"
    assert "Traceback" not in err
    assert list(Path("reports").rglob("results.json")) == []
    before = asked()
    assert 3 <= len(before) < 6

    process = start(plugin_site, "run", "lent.yaml", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    # Only the question that was cut off is asked twice.
    assert len(asked()) == 6 + 1
    assert set(before[:-1]) & set(asked()[len(before) :]) == set()
    found = Results.model_validate_json(out)
    assert (found.status, found.score("canned", "exact_match").n) == ("complete", 6)


def test_a_second_process_in_the_same_run_is_told(plugin_site: Path, suite: Path) -> None:
    Path("lent.yaml").write_text(SLOW.format(seconds=30.0), encoding="utf-8")
    first = start(plugin_site, "run", "lent.yaml")
    try:
        wait_until_asked(1, first)
        second = start(plugin_site, "run", "lent.yaml")
        out, err = second.communicate(timeout=60)
        assert (second.returncode, out) == (2, "")
        assert "bench: another bench is running in reports/lent/" in err
    finally:
        os.killpg(first.pid, signal.SIGINT)
        first.communicate(timeout=60)
    assert first.returncode == 130
