"""`bench data ...` and `bench init`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
from cli_helpers import Cli

CHAT = [
    {
        "messages": [
            {"role": "user", "content": f"Que dit l'article L{n} sur le repos ?"},
            {
                "role": "assistant",
                "content": f"L'article L{n} accorde {n + 11} heures de repos au salarié de la "
                f"section {n * 37}, sauf accord contraire numéro {n * 7919} de la branche {n}.",
            },
        ]
    }
    for n in range(40)
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_convert_there_and_back(cli: Cli, tmp_path: Path) -> None:
    source = write(tmp_path / "chat.jsonl", CHAT)
    there = cli("data", "convert", source, tmp_path / "a.csv", "--to", "alpaca")
    assert (there.code, there.err) == (0, "")
    assert there.out == f"{tmp_path / 'a.csv'}: 40 rows as alpaca\n"
    back = cli("data", "convert", tmp_path / "a.csv", tmp_path / "b.jsonl", "--to", "chat")
    assert back.code == 0
    assert read(tmp_path / "b.jsonl") == CHAT
    again = cli("data", "convert", source, tmp_path / "a.csv", "--to", "alpaca")
    assert again.code == 2
    assert "overwrite" in again.err


def test_a_broken_row_has_its_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"\n', encoding="utf-8")
    done = cli("data", "check", path)
    assert done.code == 2
    assert f"{path}:2" in done.err and "Traceback" not in done.err


def test_check_says_what_is_wrong_and_where(cli: Cli, tmp_path: Path) -> None:
    rows = [*CHAT, {"messages": [{"role": "user", "content": "Et alors ?"}]}]
    path = write(tmp_path / "rows.jsonl", rows)
    done = cli("data", "check", path)
    assert done.code == 1
    assert f"{path}:41" in done.out
    found = json.loads(cli("data", "check", path, "--json").out)
    assert any(item["severity"] == "error" and 40 in item["rows"] for item in found["findings"])
    assert cli("data", "check", path, "--off", "roles", "--off", "empty").code == 0
    assert cli("data", "check", path, "--off", "rolls").code == 2


def test_clean_keeps_the_reasons(cli: Cli, tmp_path: Path) -> None:
    short = {"messages": [*CHAT[0]["messages"][:1], {"role": "assistant", "content": "Oui."}]}
    path = write(tmp_path / "rows.jsonl", [*CHAT, CHAT[3], short])
    done = cli("data", "clean", path, tmp_path / "good.jsonl")
    assert done.code == 0, done.err
    kept = read(tmp_path / "good.jsonl")
    lost = read(tmp_path / "good.dropped.jsonl")
    assert (len(kept), len(lost)) == (40, 2)
    assert {row["dropped"]["rule"] for row in lost} == {"exact_duplicate", "short_answer"}
    wrong = cli("data", "clean", path, tmp_path / "x.jsonl", "--off", "short_anser")
    assert wrong.err == "bench: no rule 'short_anser'; did you mean 'short_answer'?\n"


def test_from_ones_own_rows_to_a_suite_that_passes_its_check(cli: Cli, tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", CHAT)
    suite = tmp_path / "mine.yaml"
    made = cli("init", "mine", "--data", path, "--out", suite)
    assert (made.code, made.err) == (0, "")
    assert made.out.splitlines()[0] == f"wrote {suite}: 32 train, 4 validation and 4 test rows"
    assert cli("check", suite).code == 0
    # It runs as it is; here without the model, which is 100 MB.
    done = cli("run", suite, "--reports", tmp_path / "r", "backend=echo",
               "candidates.lora=false", "gates=null", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads(done.out)["dataset"]["test"] == 4
    again = cli("init", "mine", "--data", path, "--out", suite)
    assert again.code == 2 and "exists" in again.err


def test_init_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", "mine", "--data", tmp_path / "none.jsonl")
    assert done.code == 2
    assert "none.jsonl" in done.err and "Traceback" not in done.err


def test_commands_of_data_are_suggested(cli: Cli) -> None:
    assert cli("data", "chek").err == "bench: no command 'chek'; did you mean 'check'?\n"


def test_augment_keeps_the_old_rows_and_counts_what_became_of_the_new(
    cli: Cli, tmp_path: Path
) -> None:
    """A tiny random model writes nonsense: nothing of it may become a row about another law."""
    model = tiny.build(tmp_path / "model")
    path = write(tmp_path / "rows.jsonl", [*CHAT[:3], {**CHAT[4], "split": "test"}])
    backend = f"{{use: hf, model: {model}, dtype: float32}}"
    command = ["data", "augment", path, tmp_path / "more.jsonl", "-n", "1", "--backend", backend]
    done = cli(*command, "--template", "chatml")
    assert done.code == 0, done.err
    assert "1 rows left alone" in done.out
    rows = read(tmp_path / "more.jsonl")
    assert rows[:3] == CHAT[:3]
    new = [row for row in rows if "augmented" in row]
    assert f"4 rows and {len(new)} new ones" in done.out
    assert all(row["split"] == "train" for row in new)
    poor = cli(*command[:3], tmp_path / "poor.jsonl", *command[4:], "--budget", "1",
               "--template", "chat")  # fmt: skip
    assert poor.code == 4
    assert "3 questions not asked" in poor.out
