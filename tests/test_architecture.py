"""The promises that the layout makes: layers, light start, small pieces, honest dependencies."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import benchmark

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "benchmark").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MAX_MODULE = 300
MAX_FUNCTION = 60

LIGHT = {"benchmark", "click"}
"""All that `bench --help` may import, besides the standard library."""

UNSEEN = {"gguf": "transformers imports it to read a GGUF file; no line of ours does"}
"""Declared, though nothing here imports it."""


def name_of(path: Path) -> str:
    """Return a file's path from the repository's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


# --- layers ---------------------------------------------------------------------------------


def test_layers_are_kept() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


def test_every_module_has_a_layer() -> None:
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    listed = [name.strip(" ()") for row in contract["layers"] for name in row.split("|")]
    for path in MODULES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        dotted = ".".join(part for part in parts if part != "__init__")
        if dotted in ("benchmark", "benchmark.__main__", "benchmark.core"):
            continue
        assert any(f"{dotted}.".startswith(f"{layer}.") for layer in listed), dotted


# --- start ----------------------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages, not of the standard library, that a program imports."""
    script = f"import sys; before = set(sys.modules)\n{code}\nimport json\n"
    script += "print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    names = {name.partition(".")[0] for name in json.loads(done.stderr)}
    return names - set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    "code",
    [
        "import benchmark",
        "import benchmark.cli",
        "from benchmark.cli import bench; bench(['--help'], standalone_mode=False)",
        "from benchmark.cli import bench; bench(['run', '--help'], standalone_mode=False)",
        "from benchmark.cli import bench; bench(['--version'], standalone_mode=False)",
    ],
)
def test_starts_light(code: str) -> None:
    # No test measures time: that --help stays under 200 ms is held by what it imports
    # (perf/startup.py prints the milliseconds).
    assert loaded_by(code) <= LIGHT


def test_the_library_door_is_light_and_complete() -> None:
    assert set(benchmark.__all__) >= {"__version__", "load_suite", "make_plan", "run"}
    for name in benchmark.__all__:
        assert getattr(benchmark, name) is not None
    assert callable(benchmark.load_suite)
    assert callable(benchmark.make_plan)
    assert callable(benchmark.run)
    with pytest.raises(AttributeError, match="no attribute 'lode_suite'"):
        benchmark.lode_suite  # noqa: B018


def test_loading_a_suite_needs_no_model_library() -> None:
    code = (
        "from benchmark import load_suite, make_plan\n"
        f"make_plan(load_suite({str(ROOT / 'suites' / 'legi.yaml')!r}))"
    )
    assert not loaded_by(code) & {"torch", "transformers", "peft", "trl", "datasets", "rich"}


# --- size and shape -------------------------------------------------------------------------


@each_module
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@each_module
def test_functions_are_short(path: Path) -> None:
    lengths = {
        node.name: (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
        for node in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION} == {}


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function's docstring takes."""
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return (first.end_lineno or 0) - first.lineno + 1


@each_module
def test_public_things_have_docstrings(path: Path) -> None:
    bare = [dotted for dotted, node in public(tree_of(path)) if ast.get_docstring(node) is None]
    assert bare == []


def public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the module, its public functions and classes, and the classes' public methods."""
    yield "module", tree
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            yield from methods(node) if isinstance(node, ast.ClassDef) else ()


def methods(owner: ast.ClassDef) -> Iterator[tuple[str, ast.AST]]:
    """Yield the public methods of a class; a protocol's may be told by their names alone."""
    bases = {base.id for base in owner.bases if isinstance(base, ast.Name)}
    for node in owner.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if "Protocol" not in bases:
                yield f"{owner.name}.{node.name}", node


@each_module
def test_only_reporters_and_commands_print(path: Path) -> None:
    if path.parent.name in ("cli", "reporters"):
        return
    calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    assert not [name for name in calls if isinstance(name, ast.Name) and name.id == "print"]


# --- dependencies ---------------------------------------------------------------------------


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level package of each import of a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def normal(name: str) -> str:
    """Return a distribution's name in the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(section: list[str]) -> set[str]:
    """Return the distributions that a list of requirements names."""
    return {normal(re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0]) for line in section}


def distributions(files: list[Path]) -> set[str]:
    """Return the distributions that files import."""
    homes = packages_distributions()
    names = {name for path in files for name in imports(path)} - set(sys.stdlib_module_names)
    return {normal(homes.get(name, [name])[0]) for name in names} - {"benchmark"}


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    wanted = declared(PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    optional = {name for extra in extras if extra != "test" for name in declared(extras[extra])}
    used = distributions(MODULES)
    assert used - wanted - optional == set(), "imported, but not declared"
    assert wanted - used == set(UNSEEN), "declared, but not imported"


def test_what_is_declared_is_pinned_for_the_checks() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    pinned = declared(lines)
    project = PROJECT["project"]
    assert declared(project["dependencies"]) <= pinned
    for extra in project["optional-dependencies"].values():
        assert declared(extra) <= pinned


# --- what must not be in the repository -----------------------------------------------------

# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a registry's host": re.compile(
        "|".join(
            [
                r"pypi\." + "org",
                "pythonhosted" + r"\.org",
                r"registry\.npmjs" + r"\.org",
                r"deb\.debian" + r"\.org",
                r"download\.pytorch" + r"\.org",
            ]
        )
    ),
    "a path of one machine": re.compile(
        r"(?<![\w./-])/(?:" + "|".join(["work", "root", "home"]) + r")/"
    ),
}


def kept_files() -> list[Path]:
    """Return the files that are in git, or would be with `git add .`."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_is_written_down(what: str) -> None:
    found = [
        f"{name_of(path)}: {hit.group()}"
        for path in kept_files()
        if (hit := FORBIDDEN[what].search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []


def test_no_weights_and_nothing_huge_is_kept() -> None:
    assert [name_of(path) for path in kept_files() if path.stat().st_size > 500_000] == []
    weights = {".safetensors", ".gguf", ".bin", ".pt", ".pkl", ".whl", ".tgz"}
    assert [name_of(path) for path in kept_files() if path.suffix in weights] == []
