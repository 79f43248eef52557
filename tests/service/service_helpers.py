"""Real servers in processes of their own, and a small client."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
ROWS = 12
CANNED = """\
suite: canned
dataset: {{use: jsonl, path: {rows}}}
split: {{train: 0, validation: 0, test: 1.0}}
backend: {{use: canned, answer: oui, seconds: {seconds}, log: {log}}}
candidates: {{canned: , echo: {{backend: echo}}}}
baseline: echo
primary: exact_match
metrics: {{exact_match: }}
reports: {{json: }}
"""
CONFIG = "lease: 2\ngrace: 3\nmax_attempts: 9\n"


def rows(path: Path, count: int = ROWS) -> Path:
    """Write questions with answers."""
    lines = [
        json.dumps({"prompt": f"Que dit l'article {at} ?", "reference": f"La règle numéro {at}."})
        for at in range(count)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def canned(folder: Path, seconds: float = 0.2) -> Path:
    """Write a suite whose backend only waits, and notes what it was asked."""
    (folder / "suites").mkdir(parents=True)
    file = folder / "suites" / "canned.yaml"
    text = CANNED.format(rows=rows(folder / "rows.jsonl"), seconds=seconds, log=folder / "asked")
    file.write_text(text, encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return file


class Server:
    """`bench serve` in a process of its own."""

    def __init__(self, folder: Path, db: str, *more: str, paths: tuple[Path, ...] = ()) -> None:
        self.folder, self.db, self.more, self.paths = folder, db, more, paths
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Server:
        """Start it, and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "benchmark", "serve", "--port", str(port)]
        command += ["--home", str(self.folder / "home"), "--suites", str(self.folder / "suites")]
        command += ["--config", str(self.folder / "config.yaml"), "--gpus", "none"]
        command += ["--db", self.db, *self.more]
        python = os.pathsep.join(map(str, (ROOT, *self.paths)))
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": python}, stdout=log, stderr=log,
                cwd=self.folder,
            )  # fmt: skip
        until(self.answers, self.log)
        return self

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return httpx2.get(f"{self.url}/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, the hard way unless told otherwise."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask the API; return the JSON of a good answer."""
        answer = httpx2.request(method, f"{self.url}/api/v1/{path}", timeout=30, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def create(self, **request: Any) -> str:
        """Create a job and return its id."""
        return str(self.ask("POST", "jobs", json=request)["id"])

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until a job is in one of these states."""
        until(lambda: self.ask("GET", f"jobs/{job}")["state"] in states,
              lambda: f"{self.ask('GET', f'jobs/{job}')} {self.log()}")  # fmt: skip
        return dict(self.ask("GET", f"jobs/{job}"))

    def events(self, job: str, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
        """Read the stream of a job that has ended, or as far as it goes in a second."""
        found: list[tuple[int, str, dict[str, Any]]] = []
        seq, kind = 0, ""
        headers = {"Last-Event-ID": str(after)}
        url = f"{self.url}/api/v1/jobs/{job}/events"
        with httpx2.stream("GET", url, headers=headers, timeout=20) as stream:
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    seq = int(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    found.append((seq, kind, json.loads(value)))
                    if kind == "end":
                        break
        return found


def until(check: Callable[[], bool], told: Callable[[], object], seconds: float = 100) -> None:
    """Wait for something; says what it saw if that does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(f"it did not come in {seconds} s: {told()}")


def end(server: Server) -> None:
    """Stop a server and all that it started."""
    import psutil

    if server.process is not None and server.process.poll() is None:
        server.kill()
    for process in psutil.process_iter():
        try:
            if str(server.folder) in " ".join(process.cmdline()):
                process.kill()
        except psutil.Error:
            continue
