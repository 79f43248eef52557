"""What all routes of one server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmark.service.config import ServerConfig
from benchmark.service.database import Database
from benchmark.service.requests import Allowed


@dataclass
class Service:
    """One server's state; what lasts is in the database and below `home`.

    Attributes:
        database: Jobs, events, tokens.
        home: Folder of the jobs' folders and of uploads.
        config: Allow-lists and bounds.
        allowed: The suites that may be run by name, and what they use.
        hosts: Names by which the server may be called; empty: any.
        auth: Whether a token is needed.
        web: Folder of the page.
    """

    database: Database
    home: Path
    config: ServerConfig
    allowed: Allowed
    hosts: frozenset[str] = frozenset()
    auth: bool = False
    web: Path = field(default_factory=lambda: Path(__file__).parent / "web")

    def folder(self, job: str) -> Path:
        """Return the folder of a job."""
        return self.home / "jobs" / job
