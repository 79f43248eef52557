"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DATASETS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
}
"""Libraries that would write over the progress bars; a value that the user set stays."""


def quiet_libraries() -> None:
    """Ask the model libraries to be silent, before they are imported."""
    import logging
    import warnings

    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    for name in ("absl", "bitsandbytes"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Let a bad adapter end a command with exit code 2: no run is there to be incomplete."""
    from benchmark.errors import BenchError, CandidateError

    try:
        yield
    except CandidateError as error:
        raise BenchError(str(error)) from error


def debug_option(function: F) -> F:
    """Add `--debug`; `main` looks for it when an error passes."""
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )(function)


def candidates_option(function: F) -> F:
    """Add `--max-candidates N`."""
    return click.option(
        "--max-candidates",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Refuse a suite whose sweeps make more candidates than this.",
    )(function)


def reports_option(function: F) -> F:
    """Add `--reports DIR`."""
    return click.option(
        "--reports",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("reports"),
        show_default=True,
        envvar="BENCH_REPORTS",
        help="Folder of run folders.",
    )(function)
