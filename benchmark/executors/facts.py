"""What must be the same on all machines for results to be the same."""

from __future__ import annotations

import platform
import socket
from functools import cache
from pathlib import Path

from benchmark import __version__
from benchmark.keys import sha256_of_file, sha256_of_rows

LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate")
NODE = "node"
"""The one fact that may differ."""


@cache
def facts() -> dict[str, str]:
    """Return versions, device and number formats of this process."""
    from importlib.metadata import PackageNotFoundError, version

    from benchmark.devices import placement

    found = {NODE: socket.gethostname(), "benchmark": f"{__version__} ({code()})"}
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    # Number formats are not asked for: who sends the work names them.
    found["device"] = placement("float32").device
    return found


@cache
def code() -> str:
    """Return a hash of all modules of this package: two checkouts may have the same version."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(root.rglob("*.py"))
    rows = (f"{path.relative_to(root).as_posix()} {sha256_of_file(path)}" for path in files)
    return sha256_of_rows(rows)[:12]


def skew(mine: dict[str, str], theirs: dict[str, str]) -> str:
    """Return one line that names what differs on both sides; "" where nothing does."""
    names = [name for name in mine if name != NODE and mine[name] != theirs.get(name)]
    if not names:
        return ""
    there = ", ".join(f"{name} {theirs.get(name)}" for name in names)
    here = ", ".join(f"{name} {mine[name]}" for name in names)
    return f"the worker on {theirs[NODE]} has {there}; this process has {here}"


def quiet() -> None:
    """Keep the libraries' warnings out of a worker's log."""
    import warnings

    warnings.filterwarnings("ignore")
