"""An evaluation suite for people who fine-tune language models.

::

    from benchmark import load_suite, make_plan, run

    results = run(make_plan(load_suite("suites/legi.yaml")))
    print(results.comparison("lora", "rougeL"))

`frame` gives a finished run as a data frame, `leaderboard` all of them::

    from benchmark import frame, leaderboard

    scores = frame("legi")  # one row for each candidate, example and score
    history = leaderboard(suite="legi")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.core.frame import frame, leaderboard
    from benchmark.core.plan import make_plan
    from benchmark.core.run import run
    from benchmark.suite_file import load_suite

__version__ = "0.1.0"
__all__ = ["__version__", "frame", "leaderboard", "load_suite", "make_plan", "run"]

_HOMES = {
    "frame": "benchmark.core.frame",
    "leaderboard": "benchmark.core.frame",
    "load_suite": "benchmark.suite_file",
    "make_plan": "benchmark.core.plan",
    "run": "benchmark.core.run",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `bench --help` imports this package and must stay light.
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
