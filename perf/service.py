"""The service under many clients, and under kill -9: latencies, and whether a job is lost.

    python perf/service.py clients --seconds 60      200 clients create, list and read
    python perf/service.py kills --kills 50          servers and jobs killed at random moments

Both take --db (SQLite by default). Jobs are those of a suite that only waits.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import ssl
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "service"))

from service_helpers import ROWS, Server, canned, end, until  # noqa: E402

TLS = ssl.create_default_context()
"""Unused, and made once: each client would make its own, in the time that is measured."""
PLUGIN = ROOT / "tests" / "plugin_package"
SHARES = {"create": 1, "list": 4, "read": 5}
"""Out of ten requests of a client."""
OPEN = "rate: 1000000\nburst: 1000000\nmax_waiting: 1000000\nlease: 2\nmax_attempts: 1000\n"


def server_in(folder: Path, db: str, seconds: float, *more: str) -> Server:
    """Return a server with the suite that only waits, its limits out of the way."""
    from benchmark import __file__ as package

    canned(folder, seconds=seconds)
    (folder / "config.yaml").write_text(OPEN, encoding="utf-8")
    made = Server(folder, db or f"sqlite:///{folder / 'service.db'}", *more,
                  paths=(Path(package).parents[1], plugin_site(folder)))  # fmt: skip
    return made


def plugin_site(folder: Path) -> Path:
    """Install the example plugin as pip does, and return where."""
    import subprocess

    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(site), str(PLUGIN)]
    subprocess.run(command, check=True)
    return site


async def one_client(url: str, until_: float, taken: dict[str, list[float]], ids: set[str],
                     chance: random.Random, faults: Counter[str]) -> None:  # fmt: skip
    """Ask until the time is over."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    async with httpx2.AsyncClient(base_url=url, timeout=60, verify=TLS) as client:
        while time.monotonic() < until_:
            kind = chance.choice(kinds) if ids else "create"
            started = time.perf_counter()
            try:
                if kind == "create":
                    body = {"suite": "canned", "priority": chance.randrange(3)}
                    answer = await client.post("/api/v1/jobs", json=body)
                    if answer.status_code == 201:
                        ids.add(answer.json()["id"])
                elif kind == "list":
                    answer = await client.get("/api/v1/jobs", params={"limit": 20})
                else:
                    answer = await client.get(f"/api/v1/jobs/{chance.choice(tuple(ids)[:500])}")
            except httpx2.HTTPError as error:
                faults[type(error).__name__] += 1
                continue
            taken[kind].append(time.perf_counter() - started)
            if answer.status_code not in (200, 201):
                faults[f"{kind} {answer.status_code}"] += 1


def clients(options: argparse.Namespace) -> None:
    """Print latencies of many clients, and whether every job that was acknowledged is there."""
    with tempfile.TemporaryDirectory() as name:
        server = server_in(Path(name), options.db, 0.0, "--workers", "0").start()
        taken: dict[str, list[float]] = {kind: [] for kind in SHARES}
        ids: set[str] = set()
        faults: Counter[str] = Counter()

        async def everybody() -> None:
            over = time.monotonic() + options.seconds
            await asyncio.gather(
                *(
                    one_client(server.url, over, taken, ids, random.Random(at), faults)
                    for at in range(options.clients)
                )
            )

        try:
            started = time.monotonic()
            asyncio.run(everybody())
            seconds = time.monotonic() - started
            found, cursor = set(), None
            while True:
                more = {"cursor": cursor} if cursor else {}
                page = server.ask("GET", "jobs", params={"limit": 200, **more})
                found |= {job["id"] for job in page["jobs"]}
                cursor = page["next"]
                if cursor is None:
                    break
        finally:
            end(server)
    total = sum(map(len, taken.values()))
    print(f"{options.clients} clients, {seconds:.0f} s: {total:,} requests, "
          f"{total / seconds:,.0f} a second")  # fmt: skip
    print("| request | count | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
    for kind, times in taken.items():
        marks = [sorted(times)[min(len(times) - 1, int(len(times) * at))] * 1000
                 for at in (0.5, 0.95, 0.99, 1.0)]  # fmt: skip
        print(f"| {kind} | {len(times):,} | " + " | ".join(f"{mark:,.0f}" for mark in marks) + " |")
    print(f"errors: {dict(faults) or 'none'}; jobs acknowledged {len(ids):,}, lost "
          f"{len(ids - found)}")  # fmt: skip


def kills(options: argparse.Namespace) -> None:
    """Kill servers and jobs at random moments; print whether a job was lost or run twice."""
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = server_in(folder, options.db, options.wait, "--workers", "2").start()
        other = server_in_again(server).start()
        count, done, killed = 0, 0, Counter()
        jobs: list[str] = []
        try:
            while sum(killed.values()) < options.kills:
                for _ in range(2 if len(jobs) - done < 4 else 0):
                    count += 1
                    seed = f"generation.seed={count}"
                    jobs.append(ask_one(server, other).create(suite="canned", overrides=[seed]))
                time.sleep(chance.uniform(0, options.pause))
                what = chance.choice(["first server", "second server", "job"])
                if what == "job":
                    if not kill_job(folder / "home" / "jobs" / chance.choice(jobs[-4:])):
                        continue
                else:
                    one = server if what == "first server" else other
                    one.kill()
                    one.start()
                killed[what] += 1
                done = sum(server.ask("GET", f"jobs/{job}")["state"] == "succeeded" for job in jobs)
            ends = Counter(
                server.wait(job, "succeeded", "failed", "incomplete")["state"] for job in jobs
            )
            told = [[kind for _, kind, _ in server.events(job)].count("end") for job in jobs]
            asked = Counter((folder / "asked").read_text(encoding="utf-8").split())
        finally:
            end(server)
            end(other)
    again = sum(asked.values()) - ROWS * len(jobs)
    print(f"kill -9: {dict(killed)}; {len(jobs)} jobs: {dict(ends)}, ended more than once: "
          f"{sum(count != 1 for count in told)}")  # fmt: skip
    print(f"questions asked again: {again} (at most one for each job that was killed: "
          f"{killed['job']})")  # fmt: skip


def kill_job(folder: Path) -> bool:
    """Kill the process of a job, if it has one."""
    from benchmark.service import child

    pid = child.main_process(folder, folder.name)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def server_in_again(server: Server) -> Server:
    """Return a second server on the same database and folder."""
    return Server(server.folder, server.db, *server.more, paths=server.paths)


def ask_one(*servers: Server) -> Server:
    """Return a server that answers."""
    until(lambda: any(one.answers() for one in servers), lambda: "no server answers")
    return next(one for one in servers if one.answers())


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    what = parser.add_subparsers(required=True)
    many = what.add_parser("clients")
    many.add_argument("--clients", type=int, default=200)
    many.add_argument("--seconds", type=float, default=60)
    many.set_defaults(run=clients)
    hard = what.add_parser("kills")
    hard.add_argument("--kills", type=int, default=50)
    hard.add_argument("--pause", type=float, default=1.0, help="Most seconds between two.")
    hard.add_argument("--wait", type=float, default=0.2, help="Seconds of a question.")
    hard.add_argument("--seed", type=int, default=0)
    hard.set_defaults(run=kills)
    for one in (many, hard):
        one.add_argument("--db", default="", help="URL; default: SQLite.")
    options = parser.parse_args()
    os.environ["BENCH_CACHE"] = tempfile.mkdtemp(prefix="bench-perf-")
    options.run(options)


if __name__ == "__main__":
    main()
