"""Puts a server together and runs it: uvicorn in front, the worker beside it."""

from __future__ import annotations

import logging
import platform
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import ConfigError
from benchmark.service import tokens
from benchmark.service.app import create_app
from benchmark.service.config import load_config
from benchmark.service.database import Database, default_url
from benchmark.service.machine import gpus_here, slots_of
from benchmark.service.requests import Allowed
from benchmark.service.security import is_loopback
from benchmark.service.state import Service
from benchmark.service.worker import Worker

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
GOODBYE = 3
"""Seconds that open requests get when the server stops."""


class Options(NamedTuple):
    """What the command line says."""

    host: str = "127.0.0.1"
    port: int = 8765
    db: str = ""
    home: Path = Path("service")
    suites: tuple[Path, ...] = ()
    config: Path | None = None
    workers: int = 1
    gpus: str = "auto"
    auth: bool = False
    names: tuple[str, ...] = ()
    node: str = ""
    certificate: Path | None = None
    key: Path | None = None


def open_database(db: str, home: Path) -> Database:
    """Open the database of a server. Raises ConfigError, StoreError, MissingDependency."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{home}: {error.strerror}", where="--home") from None
    return Database(db or default_url(home))


def serve(options: Options) -> int:
    """Serve until somebody stops it; return how many jobs go on without it.

    Raises:
        BenchError: It cannot, or must not, start so.
    """
    import uvicorn

    if sys.platform == "win32":
        raise ConfigError("`bench serve` needs Linux or macOS", hint="use WSL")
    home = options.home.absolute()
    database = open_database(options.db, home)
    auth = options.auth or not is_loopback(options.host)
    if auth and not any(not token.revoked for token in tokens.every(database)):
        why = "" if is_loopback(options.host) else f"{options.host} can be reached from elsewhere, "
        raise ConfigError(
            f"{why}callers need tokens, and there is none",
            where="--host" if why else "--auth",
            hint="bench serve token create --scope run",
        )
    config = load_config(options.config)
    own = frozenset(name.lower() for name in options.names)
    service = Service(
        database=database,
        home=home,
        config=config,
        allowed=Allowed.load(options.suites, config),
        hosts=LOOPBACK | own if is_loopback(options.host) else own,
        auth=auth,
    )
    node = options.node or platform.node() or "here"
    gpus = {"auto": gpus_here, "none": list}.get(options.gpus, lambda: options.gpus.split(","))()
    worker = Worker(service, node, slots_of(node, options.workers, gpus)) if options.workers \
        else None  # fmt: skip
    if worker:
        worker.start()
    # uvicorn sends itself the signal that ended it, once all is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.run(create_app(service), **_settings(options))
    finally:
        left = worker.stop() if worker else 0
        database.close()
    return left


def _settings(options: Options) -> dict[str, Any]:
    tls: dict[str, Any] = {}
    if options.certificate:
        tls = {"ssl_certfile": str(options.certificate), "ssl_keyfile": options.key and
               str(options.key)}  # fmt: skip
    logging.getLogger("bench.service").setLevel(logging.INFO)
    return {
        "host": options.host,
        "port": options.port,
        "log_level": "warning",
        "access_log": False,  # paths are enough in the figures; who asked is nobody's business
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": GOODBYE,
        "timeout_keep_alive": 30,
        "backlog": 2048,
        **tls,
    }
