"""`bench baseline`: what later runs are compared with."""

from __future__ import annotations

from benchmark.cli import LazyGroup

TABLE = {
    "accept": "Make a run the baseline of its suite.",
    "show": "Say what is accepted, and from which run and commit.",
}

command = LazyGroup(
    "baseline",
    TABLE,
    "benchmark.cli.baseline_",
    help="""Accept a run as a suite's baseline, and show it.

    It is one file, reports/baselines/SUITE.json, to be reviewed and committed. Gates that say
    `against: accepted` compare with it, example by example.
    """,
)
