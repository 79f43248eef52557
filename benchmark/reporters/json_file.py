"""`results.json`: everything about a run, for machines."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from benchmark.plugins import Plugin, Report
from benchmark.records import Record
from benchmark.reporters.files import write_text
from benchmark.results import Results

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonFile(Plugin):
    """Writes `results.json`, which `Results.model_validate_json` reads back."""

    def write(self, report: Report) -> Path:
        """Write the results and return the file. Raises StoreError."""
        return write_text(report.folder / "results.json", text_of(report.results))


def text_of(results: Results) -> str:
    """Return the content of `results.json`: strict JSON, whatever a model wrote."""
    return text_of_record(results)


def text_of_record(record: Record) -> str:
    """Return any record as strict JSON, whatever a model wrote."""
    # Not model_dump_json: it fails on the lone surrogates that a tokenizer can produce.
    return (
        json.dumps(
            portable(record.model_dump(mode="json")), ensure_ascii=False, indent=2, allow_nan=False
        )
        + "\n"
    )


def portable(value: Any) -> Any:
    """Return `value` as what strict JSON in UTF-8 can hold.

    Numbers that are not finite (the loss of a training that diverged) become "NaN",
    "Infinity" or "-Infinity", which the records read back as the same numbers.
    """
    if isinstance(value, dict):
        return {portable(name): portable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item) for item in value]
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
