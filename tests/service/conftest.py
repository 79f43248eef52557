"""Both databases: a file, and a PostgreSQL cluster of our own on a socket in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from service_helpers import Server, canned, end

from benchmark.service.database import Database


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: Debian keeps them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    return debian[-1].parent if debian else (Path(found).resolve().parent if found else None)


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Start a cluster and return its URL without a database."""
    place = programs()
    if place is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    # It refuses to run as root. A short path: a socket's may have 107 characters.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user, user)
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}

    def run(*command: str) -> None:
        done = subprocess.run(
            [str(place / command[0]), *command[1:]],
            capture_output=True, text=True, check=False, cwd=folder, **as_user,
        )  # fmt: skip
        if done.returncode:
            pytest.fail(f"{command[0]}: {done.stdout} {done.stderr}")

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync")
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
    log = str(folder / "log")
    run("pg_ctl", "-D", data, "-w", "-l", log, "-o", settings, "start")
    try:
        yield f"postgresql://bench@/{{name}}?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    import psycopg

    cluster: str = request.getfixturevalue("cluster")
    name = f"t{uuid4().hex}"
    with psycopg.connect(cluster.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return cluster.format(name=name)


@pytest.fixture
def database(db: str) -> Iterator[Database]:
    """Return the database, with its tables."""
    found = Database(db)
    yield found
    found.close()


@pytest.fixture
def server(tmp_path: Path, db: str, plugin_site: Path) -> Iterator[Server]:
    """Return a server that is not started yet, with the suite that only waits."""
    canned(tmp_path)
    made = Server(tmp_path, db, paths=(plugin_site,))
    yield made
    end(made)
