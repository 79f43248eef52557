"""`bench judge`: people's labels, and how far judges agree with them."""

from __future__ import annotations

from benchmark.cli import LazyGroup

TABLE = {
    "label": "Label the answers of a run with the keyboard.",
    "calibrate": "Say how far judges agree with labels; write the calibration file.",
}

command = LazyGroup(
    "judge",
    TABLE,
    "benchmark.cli.judge_",
    help="""Label answers by hand, and say how far judges agree with people.

    Labels go to suites/calibration/SUITE.labels.jsonl and the calibration beside them; both hold
    no text and can be committed. The next run of the suite reads the calibration by itself.
    """,
)
