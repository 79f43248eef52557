"""`bench adapters` and `bench merge` as a person types them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import tiny
import tiny_adapters
from cli_helpers import Cli

from benchmark.cli import adapters as listing
from benchmark.core.store import Cache
from benchmark.manifests import AdapterEvaluation

FIRST, SECOND = "1a2b" + "0" * 28, "5c3d" + "0" * 28


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_adapters.build(base, tmp_path_factory.mktemp("adapter"))


@pytest.fixture
def two(adapter: Path, base: Path, here: Path) -> None:
    """Put two described adapters into the cache, the first with an evaluation."""
    for key, changes in ((FIRST, {}), (SECOND, {"method": "dora", "dirty": False, "seed": 4})):
        folder = shutil.copytree(adapter, Cache().path("adapters", key))
        tiny_adapters.describe(folder, base, key, **changes)
    row = AdapterEvaluation(
        suite="jardin", run_id="r1", candidate="lora", finished="f", n=6, changed=0.0,
        scores={"rougeL": (0.5, 0.4, 0.6), "ter": (None, None, None)}, verdict="pass",
    )  # fmt: skip
    path = Cache().path("adapters", FIRST) / "evaluations.jsonl"
    path.write_text(row.model_dump_json() + "\n")


def one_line(done: object) -> str:
    """Return the one line of an error with exit code 2 and nothing on stdout."""
    assert (done.code, done.out) == (2, "")  # type: ignore[attr-defined]
    (line,) = done.lines  # type: ignore[attr-defined]
    assert line.startswith("bench: ")
    return str(line)


# --- the list -------------------------------------------------------------------------------


def test_the_list(cli: Cli, two: None) -> None:
    done = cli("adapters")
    assert (done.code, done.err) == (0, "")
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert head[:3] == ["key", "method", "base"]
    shown = {row[0]: row for row in rows}
    assert shown["1a2b0000"][1:5] == ["lora", "tiny", "12", "3.000"]
    assert (shown["1a2b0000"][-2:], shown["5c3d0000"][-2:]) == (["1", "dirty"], ["0", "clean"])


def test_the_list_keeps_its_keys_in_a_narrow_terminal(
    cli: Cli, two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    done = cli("adapters")
    assert "1a2b0000" in done.out and "5c3d0000" in done.out


def test_the_list_of_nothing(cli: Cli, here: Path) -> None:
    assert cli("adapters").out == "no adapter in the cache; `bench run` trains them\n"
    assert json.loads(cli("adapters", "--json").out) == []


def test_the_list_as_json(cli: Cli, two: None) -> None:
    found = {entry["key"]: entry for entry in json.loads(cli("adapters", "--json").out)}
    assert found[FIRST]["manifest"]["dirty"] is True
    assert found[FIRST]["evaluations"][0]["scores"]["rougeL"] == [0.5, 0.4, 0.6]
    assert found[SECOND]["evaluations"] == []


def test_text_of_others_cannot_command_the_terminal(
    cli: Cli, adapter: Path, base: Path, here: Path
) -> None:
    folder = shutil.copytree(adapter, Cache().path("adapters", FIRST))
    evil = "\x1b]0;title\x07[bold]base\u202e"
    tiny_adapters.describe(folder, base, FIRST, base=evil, method="\x1b[2Jx", versions={evil: evil})
    other = shutil.copytree(adapter, here / "foreign")
    config = json.loads((other / "adapter_config.json").read_text())
    config |= {"base_model_name_or_path": evil, "peft_type": "LORA"}
    (other / "adapter_config.json").write_text(json.dumps(config))
    (other / "\x1b[2J.py").touch()
    outputs = [cli("adapters", "import", "foreign"), cli("adapters"), cli("adapters", "show", "1a")]
    key = outputs[0].out[:8]
    outputs += [cli("adapters", "show", key), cli("adapters", "diff", "1a", key)]
    for done in outputs:
        assert done.code == 0, done.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", done.out + done.err)
    assert "[bold]base" in outputs[1].out  # shown, not obeyed


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (19_600_000, "19.6 MB"), (999_960, "1.0 MB"), (3e9, "3.0 GB")],
)
def test_sizes(value: float, text: str) -> None:
    assert listing.size_text(int(value)) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        ("2026-11-22T11:30:10+00:00", "29 min"),
        ("2026-11-22T09:00:00+00:00", "3 h"),
        ("2026-11-10T12:00:00+00:00", "12 d"),
        ("2026-11-22T12:00:05+00:00", "0 min"),
        ("2026-11-22T09:00:00", "–"),
        ("", "–"),
    ],
)
def test_ages(then: str, text: str) -> None:
    from datetime import UTC, datetime

    assert listing.age(then, datetime(2026, 11, 22, 12, tzinfo=UTC)) == text


# --- show and diff --------------------------------------------------------------------------


def test_show(cli: Cli, two: None, base: Path) -> None:
    done = cli("adapters", "show", "1a2b")
    assert (done.code, done.err) == (0, "")
    for line in (
        f"key              {FIRST}",
        f"base             {base}",
        "loss             4.000 at step 1, 2.500 at step 2",
        "git              0123456789abcdef dirty",
        "jardin:lora r1: pass, n=6, 0 % of answers differ from the baseline's",
        "  rougeL                   0.500 [0.400, 0.600]",
        "  ter                      –",
    ):
        assert line in done.out.splitlines()
    assert json.loads(cli("adapters", "show", "1a2b", "--json").out)["manifest"]["key"] == FIRST
    assert "no run has evaluated it yet" in cli("adapters", "show", "5c3d").out


def test_show_a_folder_of_which_nothing_is_known(cli: Cli, adapter: Path, here: Path) -> None:
    out = cli("adapters", "show", adapter).out
    assert "none: nothing is known of its training" in out


def test_show_what_is_not_there(cli: Cli, two: None) -> None:
    line = one_line(cli("adapters", "show", "1a2c"))
    assert line == "bench: no adapter '1a2c'; near: 1a2b0000"


def test_diff(cli: Cli, two: None) -> None:
    rows = [line.split() for line in cli("adapters", "diff", "1a2b", "5c3d").out.splitlines()]
    assert ["method", "lora", "dora"] in rows
    assert ["seed", "3", "4"] in rows
    assert ["scores.jardin.rougeL", "0.5", "–"] in rows
    assert cli("adapters", "diff", "1a2b", "1a2b").out == "no difference\n"


def test_an_unknown_subcommand(cli: Cli, here: Path) -> None:
    line = one_line(cli("adapters", "exprot"))
    assert line == "bench: no command 'exprot'; did you mean 'export'?"


# --- export and import ----------------------------------------------------------------------


def test_export_and_import(cli: Cli, two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    done = cli("adapters", "export", "1a2b", "copy.tar.gz")
    assert done.code == 0 and "adapter_model.safetensors, evaluations.jsonl" in done.out
    assert "copy.tar.gz is there already" in one_line(
        cli("adapters", "export", "1a2b", "copy.tar.gz")
    )

    monkeypatch.setenv("BENCH_CACHE", "other")
    assert cli("adapters", "import", "copy.tar.gz").out.startswith(f"{FIRST} imported; use it as")
    assert f"{FIRST} was in the cache already" in cli("adapters", "import", "copy.tar.gz").out
    assert cli("adapters").out.splitlines()[1].endswith("imported")


def test_import_refuses_in_one_line(cli: Cli, adapter: Path, base: Path, here: Path) -> None:
    folder = shutil.copytree(adapter, here / "bad")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert "only pickled weights" in one_line(cli("adapters", "import", "bad"))
    assert "is not there" in one_line(cli("adapters", "import", "absent"))
    config = json.loads((adapter / "adapter_config.json").read_text())
    other = shutil.copytree(adapter, here / "rank")
    (other / "adapter_config.json").write_text(json.dumps(config | {"r": 2}))
    assert "says r=2" in one_line(cli("adapters", "import", "rank"))


# --- merge ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("merge",), ("adapters", "merge")])
def test_merge(cli: Cli, two: None, command: tuple[str, ...]) -> None:
    Path("prompts.txt").write_text("Le salarié\n\nL'employeur\n", encoding="utf-8")
    options = ("--prompts", "prompts.txt", "--tokens", 6, "--dtype", "bfloat16")
    done = cli(*command, "1a2b", "merged", *options)
    assert done.code == 0, done.err
    first, proof, saved = done.out.splitlines()
    assert first == "merged: tiny + 1a2b0000 (lora) in bfloat16"
    assert "same 6 greedy tokens after all 2 prompts" in proof
    assert saved.startswith("  as saved (bfloat16): same tokens after ")
    made = json.loads(Path("merged", "merge.json").read_text())
    assert (made["prompts"], made["new_tokens"]) == (2, 6)
    assert "merged is there already" in one_line(cli(*command, "1a2b", "merged"))


def test_merge_refuses_in_one_line(cli: Cli, two: None, base: Path, here: Path) -> None:
    other = tiny.build(here / "other", seed=7)
    assert "was trained on" in one_line(cli("merge", "1a2b", "merged", "--base", other))
    Path("empty.txt").write_text("\n\n")
    line = one_line(cli("merge", "1a2b", "merged", "--prompts", "empty.txt"))
    assert line == "bench: empty.txt has no prompt; write one prompt a line"
    prefix = tiny_adapters.build(base, here / "prefix", "prefix")
    assert "prefix adapters cannot be merged" in one_line(cli("merge", prefix, "merged"))
    assert not Path("merged").exists()
