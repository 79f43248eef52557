"""`bench cache`: sizes by kind, and taking out what is old, never by surprise."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from cli_helpers import Cli
from filelock import FileLock

from benchmark.references import cache_root

DAY = 86_400


def put(name: str, days: float, size: int = 1000) -> Path:
    path = cache_root() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def full() -> dict[str, Path]:
    """Fill a cache: key (kind and age in days) -> file."""
    files = {
        "new scores": put("scores/aa.json", 1),
        "old scores": put("scores/bb.json", 40, 5000),
        "old generations": put("generations/cc.jsonl", 50),
        "old lock": put("generations/cc.lock", 50, 0),
        "old adapter": put("adapters/dd/adapter_model.safetensors", 90, 20_000),
        "old answer": put("answers/ee/ee01.json", 90),
        "new answer": put("answers/ee/ee02.json", 2),
        "speeds": put("speeds.json", 90),
        "old vectors": put("vectors/ff/part.npy", 90),
        "new vectors": put("vectors/ff/other.npy", 3),
    }
    moment = time.time() - 90 * DAY
    os.utime(cache_root() / "adapters" / "dd", (moment, moment))
    return files


def there(files: dict[str, Path]) -> set[str]:
    return {name for name, path in files.items() if path.exists()}


def test_it_lists_kinds_with_their_sizes(cli: Cli, full: dict[str, Path]) -> None:
    done = cli("cache")
    assert done.code == 0
    root, *rows = done.out.replace("\u202f", " ").splitlines()
    assert root == str(cache_root())
    found = {row.split()[0]: row.split()[1:4] for row in rows}
    assert found["scores"] == ["2", "6.00", "kB"]
    assert found["answers"] == ["2", "2.00", "kB"]  # those below the first digits of their keys
    assert found["vectors"][0] == found["adapters"][0] == found["generations"][0] == "1"
    assert "1 days to 40 days old" not in done.out and "24 h to 40 days old" in done.out
    assert there(full) == set(full)


def test_nothing_goes_without_a_yes(cli: Cli, full: dict[str, Path]) -> None:
    done = cli("cache", "--prune", "--older-than", "30d")
    assert done.code == 0
    assert "would remove 2 artefacts, 6.00" in done.out.replace("\u202f", " ")
    assert there(full) == set(full)


def test_what_is_old_goes_and_what_cost_money_or_a_training_stays(
    cli: Cli, full: dict[str, Path]
) -> None:
    assert cli("cache", "--prune", "--older-than", "30d", "--yes").code == 0
    # Vectors of one folder are as old as the newest of them.
    assert set(full) - there(full) == {"old scores", "old generations"}
    assert cli("cache", "--prune", "--older-than", "5w", "--kind", "answers", "--yes").code == 0
    assert set(full) - there(full) == {"old scores", "old generations", "old answer"}
    done = cli("cache", "--prune", "--kind", "adapters", "--yes")
    assert "removed 1 artefact" in done.out
    assert "old adapter" not in there(full)


def test_what_another_process_uses_stays(cli: Cli, full: dict[str, Path]) -> None:
    with FileLock(full["old lock"]):
        done = cli("cache", "--prune", "--older-than", "30d", "--yes")
    assert "removed 1 artefact" in done.out
    assert str(full["old generations"]) in done.err
    assert "old generations" in there(full)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--prune"], "--prune needs --older-than AGE or --kind KIND"),
        (["--yes"], "--yes goes with --prune"),
        (["--older-than", "soon"], "is no age; write 12h, 30d or 8w"),
        (["--kind", "score"], "the cache has no 'score'; the cache has: adapters, answers"),
    ],
)
def test_bad_arguments_are_one_line(
    cli: Cli, full: dict[str, Path], arguments: list[str], says: str
) -> None:
    done = cli("cache", *arguments)
    assert done.code == 2
    (line,) = done.lines
    assert says in line


def test_an_empty_cache_is_no_mistake(cli: Cli) -> None:
    assert cli("cache").code == 0
    assert cli("cache", "--prune", "--older-than", "1h").code == 0
