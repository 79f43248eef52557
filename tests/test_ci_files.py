"""The files of `suites/ci/` are true: their commands, options and keys exist."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

from benchmark.cli import COMMANDS
from benchmark.errors import ExitCode
from benchmark.suite import GateSpec

ROOT = Path(__file__).resolve().parents[1]
HOW = (ROOT / "suites" / "ci" / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / "suites" / "ci" / "github.yml").read_text(encoding="utf-8")


def command(words: list[str]) -> click.Command:
    """Return the command that the words after `bench` name."""
    found: click.Command = import_module(f"benchmark.cli.{words[0]}").command
    if isinstance(found, click.Group):
        with click.Context(found) as context:
            inner = found.get_command(context, words[1])
        assert inner is not None, words
        return inner
    return found


def bench_lines(text: str) -> list[list[str]]:
    lines = re.findall(r"(?:^|run: |`)bench ([^`\n#]+)", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("text", [HOW, WORKFLOW], ids=["README.md", "github.yml"])
def test_commands_and_options_exist(text: str) -> None:
    lines = bench_lines(text)
    assert len(lines) >= 2
    for words in lines:
        assert words[0] in COMMANDS
        known = {name for option in command(words).params for name in option.opts}
        assert {word for word in words if word.startswith("-")} <= known


def test_the_workflow_keeps_its_reports_whatever_the_exit_code() -> None:
    steps = yaml.safe_load(WORKFLOW)["jobs"]["gates"]["steps"]
    upload = next(step for step in steps if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "always()"
    checkout = next(step for step in steps if "checkout" in step.get("uses", ""))
    assert checkout["with"]["fetch-depth"] == 0
    # A value of the event is never pasted into a shell line.
    assert not [step for step in steps if "${{" in step.get("run", "")]


def test_keys_of_gates_are_the_real_ones() -> None:
    rows = re.findall(r"^\| `(\w+):", HOW, re.MULTILINE)
    listed = re.findall(r"^- `(\w+):", HOW, re.MULTILINE)
    assert {*rows, *listed, "slice"} <= set(GateSpec.model_fields)
    left_out = set(GateSpec.model_fields) - {*rows, *listed, "slice"}
    assert left_out == {"score", "candidates"}
    example = re.search(r"```yaml\n(gates:.*?)```", HOW, re.DOTALL)
    assert example
    for gate in yaml.safe_load(example[1])["gates"].values():
        GateSpec.model_validate({**gate, "candidates": tuple(gate["candidates"])})


def test_exit_codes_are_the_real_ones() -> None:
    found = {int(code) for code in re.findall(r"\b([0-4]) (?:pass|a gate|wrong|incon|incom)", HOW)}
    assert found == {int(code) for code in ExitCode if code is not ExitCode.INTERRUPTED}
