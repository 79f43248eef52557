"""The real command line on a suite of controls: no model, no network, a second or two."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import pytest
from cli_helpers import QUESTIONS, SUITE, Cli, Done


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs `bench ARGUMENTS` as the installed script does."""
    from benchmark.cli import main

    def bench(*arguments: object) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        # Without it click calls the program "python -m pytest".
        monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
        environment = dict(os.environ)
        code = 0
        with warnings.catch_warnings():
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            finally:
                for name in set(os.environ) - set(environment):
                    del os.environ[name]
        return Done(code, *capsys.readouterr())

    return bench


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the working folder too."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def suite(here: Path) -> Path:
    """Return `jardin.yaml`: six questions, three controls, two metrics."""
    rows = [
        json.dumps({"prompt": question, "reference": answer}, ensure_ascii=False)
        for question, answer in QUESTIONS.items()
    ]
    (here / "rows.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = here / "jardin.yaml"
    path.write_text(SUITE.format(rows="rows.jsonl"), encoding="utf-8")
    return Path("jardin.yaml")


@pytest.fixture
def ran(cli: Cli, suite: Path) -> Path:
    """Return the suite after one run of it."""
    done = cli("run", suite)
    assert done.code == 0, done.err
    return suite
