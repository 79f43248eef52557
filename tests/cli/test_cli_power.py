"""`bench power`."""

from __future__ import annotations

import json
from pathlib import Path

from cli_helpers import Cli, add

GATES = """\
gates:
  hold: {score: exact_match, candidates: [echo], max_drop: 0.2}
"""


def test_without_a_run_it_says_what_to_do(cli: Cli, suite: Path) -> None:
    add(suite, GATES)
    done = cli("power", suite)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "6 test examples in 6 clusters"
    assert lines[1].startswith("at worst, a yes/no score shows a difference of ")
    assert "bench run jardin.yaml --limit 20" in lines[2]
    assert "worst case, no true drop" in done.out
    assert not Path("reports").exists()


def test_an_earlier_run_gives_each_numbers_own_figure(cli: Cli, ran: Path) -> None:
    add(ran, GATES)
    done = cli("power", ran, "-n", "60", "--power", "0.9", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["examples"], found["power"], found["numbers"]) == (60, 0.9, [])
    assert found["run"]
    named = cli("power", ran, "--run", "jardin", "--json")
    assert json.loads(named.out)["run"] == found["run"]


def test_a_run_that_is_not_there(cli: Cli, suite: Path) -> None:
    done = cli("power", suite, "--run", "nowhere")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "no finished run 'nowhere'" in done.err


def test_the_dry_run_says_what_can_be_shown(cli: Cli, suite: Path) -> None:
    first = cli("run", suite, "--dry-run").out.splitlines()[0]
    assert "6 test rows; can show a drop of " in first
