"""The parts of README.md that are made from the code: `python tests/readme_blocks.py` writes them.

Each stands between `<!-- NAME -->` and `<!-- /NAME -->`; test_readme.py holds them to the truth.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

ABOUT = {
    ".ci/run": "what CI runs: the README's test command, then the default suite end to end",
    ".github/workflows/ci.yml": "the same, on GitHub",
    "CHANGELOG.md": "what changed for those who use it",
    "LICENSE": "Apache-2.0",
    "README.md": "this file; the parts made from the code are checked",
    "benchmark/py.typed": "tells type checkers that the package is typed",
    "benchmark/reporters/templates": "the HTML report's page, styles and script",
    "benchmark/service/web": "the service's page: plain HTML, styles and JavaScript modules",
    "constraints.txt": "exact versions of the checked environment",
    "pyproject.toml": "the package, its dependencies, and the settings of every checker",
    "tox.ini": "the commands: legi, tests, lint, types, layers, docs, e2e",
    "perf": "scripts that measure speed and quality, with their tables",
    "reports": "what runs write: `<suite>/<run-id>/`; only baselines/ is in git",
    "reports/baselines": "what `bench baseline accept` wrote, and gates compare with",
    "suites": "suite files; the first lines are the commands that run and check them",
    "suites/ci": "gates in CI: a workflow for GitHub, and how it works",
    "suites/rubrics": "what judges are told",
    "suites/templates": "questions of one's own for the legi data set",
    "tests": "mirrors the package",
    "tests/contracts": "one suite of tests for each plugin kind, run over all its plugins",
    "tests/e2e": "the embedded default, run as a person does",
    "tests/plugin_package": "a real package of somebody else, with plugins; the tests install it",
}
"""What cannot say for itself what it is."""

ORDER = ("suites", "benchmark", "tests", "perf", "reports", ".ci", ".github")
ONE_LINE = (
    "tests/",
    "benchmark/reporters/templates/",
    "benchmark/service/web/",
    "suites/ci/",
    "suites/rubrics/",
    "suites/templates/",
    "reports/baselines/",
)
"""Folders that take one line, with all that is in them; for tests/, each folder in it."""
HIDDEN = ("__init__.py", ".gitignore", ".gitkeep")


def kept_files() -> list[str]:
    """Return the paths that are in git, or would be with `git add .`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted({name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


def lines_of(path: str) -> Iterator[str]:
    """Yield the lines of the tree that a file appears on: its folders, then itself."""
    parts = path.split("/")
    for size in range(1, len(parts)):
        folder = "/".join(parts[:size]) + "/"
        if not folder.startswith("."):
            yield folder
        if folder.startswith(ONE_LINE) and folder != "tests/":
            return
    if parts[-1] not in HIDDEN and not path.startswith("tests/"):
        yield path


def tree() -> str:
    """Return the tree of the repository, one line a file or folder, with what it is."""
    lines = {line for path in kept_files() for line in lines_of(path)}
    ordered = sorted(lines, key=rank)
    names = ["  " * depth(line) + label(line) for line in ordered]
    width = max(map(len, names)) + 2
    rows = [
        f"{name:<{width}}{about(line)}".rstrip() for name, line in zip(names, ordered, strict=True)
    ]
    return "\n".join(["```", *rows, "```"])


def rank(line: str) -> tuple[int, list[tuple[bool, str]]]:
    """Order the tree: known folders first; a folder, then its files, then its folders."""
    parts = line.rstrip("/").split("/")
    place = ORDER.index(parts[0]) if parts[0] in ORDER else len(ORDER)
    last = len(parts) - 1
    return place, [(at < last or line.endswith("/"), part) for at, part in enumerate(parts)]


def depth(line: str) -> int:
    """Return how far a line is indented."""
    return 0 if line.startswith(".") else line.rstrip("/").count("/")


def label(line: str) -> str:
    """Return the last part of a path, or all of it for files in hidden folders."""
    if line.startswith("."):
        return line
    return line.rstrip("/").split("/")[-1] + ("/" if line.endswith("/") else "")


def about(line: str) -> str:
    """Return what a file or folder is: from the table, or its own first words."""
    name = line.rstrip("/")
    if name in ABOUT:
        return ABOUT[name]
    path = ROOT / name
    if path.is_dir():
        path = path / "__init__.py"
    if path.suffix == ".py" and path.is_file():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        return text.split("\n")[0].rstrip(".")
    if path.suffix == ".yaml":
        found = re.search(r"^description: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        return found[1] if found else ""
    return ""


def help_text(*arguments: str) -> str:
    """Return what `bench ARGUMENTS --help` prints."""
    script = "import sys; from benchmark.cli import bench; bench(prog_name='bench')"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )
    return f"```\n$ {' '.join(['bench', *arguments, '--help'])}\n{done.stdout.strip()}\n```"


def blocks() -> dict[str, str]:
    """Return the parts that are made from the code, by name."""
    return {"help": help_text(), "help run": help_text("run"), "tree": tree()}


def pattern(name: str) -> re.Pattern[str]:
    """Return what finds a part with its marks."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=\n<!-- /{name} -->)", re.DOTALL)


def main() -> None:
    """Write the parts into README.md."""
    text = README.read_text(encoding="utf-8")
    for name, block in blocks().items():
        text = pattern(name).sub(lambda _, block=block: block, text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
