"""The tables, in SQLite or PostgreSQL, and the two ways to talk to them: read, and write.

Imports SQLAlchemy: imported itself only by the service.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from benchmark.errors import ConfigError, MissingDependency, StoreError

VERSION = 1
"""Of the tables; another version's are refused."""
BUSY = 60.0
"""Seconds that a writer waits for the others."""
_LOCK = 5_021_477_113
"""Of PostgreSQL's advisory locks: two servers that start at once make the tables in turn."""


class Json(TypeDecorator[Any]):
    """JSON as text: alike in both databases, and ASCII, so that no text is one they refuse."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Return the text of a value."""
        return None if value is None else json.dumps(value, ensure_ascii=True)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """Return the value of a text."""
        return None if value is None else json.loads(value)


_Number = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData()

about = Table("bench_about", metadata, Column("version", Integer, primary_key=True))

jobs = Table(
    "bench_jobs",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("suite", Text, nullable=False),
    Column("text", Text, nullable=False),  # the whole suite, as YAML
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, default=0),  # since it was queued
    Column("verdict", String(32)),
    Column("exit_code", Integer),
    Column("run_id", Text),
    Column("progress", Json),
    Column("metrics", Json),
    Column("error", Json),
    Column("board", Json),
    Column("owner", Text),  # the server that watches it
    Column("node", Text),  # the machine that its process runs on
    Column("lease", Float),  # until when the owner is believed to live
    Column("fence", BigInteger, nullable=False, default=0),  # raised at each change of owner
    Column("round", Integer, nullable=False, default=1),  # raised each time it is queued anew
    Column("slot", Text, unique=True),  # the GPU, or place on the CPU: one job each
    Column("read", Json),  # how much of the process' files is among the events
    Column("last_event", BigInteger, nullable=False, default=0),
    Index("bench_jobs_waiting", "state", "priority", "number"),
)

events = Table(
    "bench_events",
    metadata,
    Column("job", _Number, primary_key=True, autoincrement=False),
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("data", Json, nullable=False),
)

tokens = Table(
    "bench_tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", String(8), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created", Float, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)

uploads = Table(
    "bench_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("created", Float, nullable=False),
)


class _Turns:
    """A lock that is given in the order in which it was asked for: nobody waits for ever."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # let go by the one before

    def __exit__(self, *error: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Database:
    """The connection pool; all statements are the same for both databases.

    Args:
        url: SQLAlchemy's URL.

    Raises:
        ConfigError: The URL is of no database that is supported.
        StoreError: The database cannot be opened, or is another version's.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.kind = self.engine.dialect.name
        # Writers of one server queue here: SQLite's own waiting is by sleeping and trying again.
        self._turn = _Turns()
        try:
            with self.write() as connection:
                if self.kind == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                metadata.create_all(connection)
                found = connection.execute(about.select()).scalar()
                if found is None:
                    connection.execute(about.insert().values(version=VERSION))
        except SQLAlchemyError as error:
            raise StoreError(f"the database cannot be opened: {_reason(error)}") from None
        if found not in (None, VERSION):
            raise StoreError(
                f"the database was made by another version of bench (tables {found}, not {VERSION})"
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are all kept when the `with` ends well, or none."""
        if self.kind != "sqlite":
            with self.engine.begin() as connection:
                yield connection
            return
        with self._turn, self.engine.connect() as connection:
            with connection.execution_options(bench_write=True).begin():
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def default_url(home: Path) -> str:
    """Return the URL of the SQLite file in a folder."""
    return f"sqlite:///{home / 'service.db'}"


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        # Plain `postgresql://` would be psycopg2.
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        kind = parsed.get_backend_name()
        if kind == "sqlite":
            return _sqlite(parsed)
        if kind == "postgresql":
            # 15 seconds to connect: a database that is down must not hold a request for minutes.
            return create_engine(
                parsed,
                pool_size=8,
                max_overflow=16,
                pool_pre_ping=True,
                connect_args={"connect_timeout": 15},
            )
    except ArgumentError:
        raise ConfigError(
            "is no URL of a database", where="--db", hint="sqlite:///FILE or postgresql://..."
        ) from None
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"this database needs the package {error.name!r}",
            hint="python -m pip install 'benchmark[service]'",
        ) from None
    raise ConfigError(
        f"{kind} is not supported", where="--db", hint="sqlite:///FILE or postgresql://..."
    )


def _sqlite(url: Any) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("a database in memory forgets its jobs", where="--db", hint="name a file")
    # No transactions but those that are begun below: the driver's own begin too late.
    how = {"timeout": BUSY, "isolation_level": None}
    engine = create_engine(url, pool_size=8, max_overflow=40, connect_args=how)

    @event.listens_for(engine, "connect")
    def _opened(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        # FULL: a job that was acknowledged is on the disk, whatever happens to the machine.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A writer says so at once: a reader that becomes one may fail where others wrote between.
        write = connection.get_execution_options().get("bench_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _reason(error: SQLAlchemyError) -> str:
    """Return what went wrong in one line, without SQL and without the URL's password."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
