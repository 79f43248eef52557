"""Schemathesis asks what nobody would: no answer may be the server's fault."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from service_helpers import Server

EXAMPLES = 8
"""Of each operation, with good values and with bad ones."""
SKIPPED = "/events"
"""A stream of a job that waits never ends; it has tests of its own."""


@pytest.mark.filterwarnings("ignore")  # of what it is written with, not of ours
def test_nothing_that_is_asked_is_our_fault(server: Server) -> None:
    config = "rate: 1000000\nburst: 1000000\n"
    (server.folder / "config.yaml").write_text(config, encoding="utf-8")
    server.more = ("--workers", "0")
    server.start()
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    seen: Counter[int] = Counter()

    def ask(case: Case, real: bool) -> None:
        if real and "job" in (case.path_parameters or {}):
            case.path_parameters["job"] = server.create(suite="canned")
        answer = case.call(timeout=30)
        seen[answer.status_code // 100] += 1
        assert answer.status_code < 500, (answer.text, case.as_curl_command(), server.log())

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith(SKIPPED):
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            cases = operation.as_strategy(generation_mode=mode)
            run = settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            # An operation without parameters has nothing that could be bad.
            with suppress(Unsatisfiable):
                run(given(case=cases, real=st.booleans())(ask))()
    assert seen[2] > 20 and seen[4] > 20, seen
