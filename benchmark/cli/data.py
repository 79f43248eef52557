"""`bench data`: rows converted, checked, cleaned, augmented."""

from __future__ import annotations

from benchmark.cli import LazyGroup

TABLE = {
    "convert": "Write rows in another format, losslessly.",
    "check": "Say what is wrong with rows, with their numbers.",
    "clean": "Drop and repair rows by named rules; keep the reasons.",
    "augment": "Let a model paraphrase rows; check and keep what is new.",
}

command = LazyGroup(
    "data",
    TABLE,
    "benchmark.cli.data_",
    help="""Convert, check, clean and augment rows.

    Formats: alpaca, completion, chat, text; files: JSONL, JSON, CSV, Parquet, or a folder of
    them. The format is recognised by itself.
    """,
)
