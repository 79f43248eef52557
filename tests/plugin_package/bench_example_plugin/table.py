"""A reporter as small as one can be."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmark.plugins import Plugin, Report


class Csv(Plugin):
    """Writes the leaderboard as a table for spreadsheets."""

    name: str = "leaderboard.csv"

    def write(self, report: Report) -> Path:
        """Write one row a number and return the file."""
        path = report.folder / self.name
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["candidate", "score", "value", "low", "high", "n"])
            for row in report.results.scores:
                table.writerow([row.candidate, row.score, row.value, row.low, row.high, row.n])
        return path
