"""`bench ls`: every plugin, its origin, its parameters."""

from __future__ import annotations

import pytest
from cli_helpers import Cli

from benchmark.plugins import REGISTRIES


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_plugin_has_one_line(cli: Cli, kind: str) -> None:
    done = cli("ls", kind)
    assert done.code == 0
    title, *rows = done.out.splitlines()
    assert title == kind
    assert [row.split()[0] for row in rows] == list(REGISTRIES[kind].builtin)
    assert all(" built in " in row and len(row.split()) > 4 for row in rows)


def test_all_kinds(cli: Cli) -> None:
    titles = [line for line in cli("ls").out.splitlines() if not line.startswith(" ")]
    assert titles == list(REGISTRIES)


def test_parameters_of_one(cli: Cli) -> None:
    done = cli("ls", "datasets", "jsonl")
    assert done.code == 0
    rows = done.out.partition("\nType and default:\n")[2].splitlines()
    assert [row.split()[0] for row in rows] == ["path", "validation_path", "test_path"]
    assert rows[0].endswith("required")
    assert rows[1].endswith("default None")


def test_unknown_name(cli: Cli) -> None:
    done = cli("ls", "metrics", "rogue")
    assert (done.code, done.out) == (2, "")
    assert done.err == "bench: unknown metric 'rogue'; did you mean 'rouge'?\n"
