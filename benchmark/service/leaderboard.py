"""The latest finished runs of each suite, as rows."""

from __future__ import annotations

from sqlalchemy import select

from benchmark.results import Results
from benchmark.service.database import Database, jobs
from benchmark.service.jobs import iso
from benchmark.service.schemas import Board, BoardRow

LOOK = 2000
"""Latest finished jobs that are looked through."""


def boards(database: Database, *, suite: str = "", runs: int = 5) -> list[Board]:
    """Return one board for each suite, its latest run first.

    Args:
        database: Where.
        suite: Only this one; empty: all.
        runs: Runs of each suite.
    """
    wanted = select(
        jobs.c.id, jobs.c.suite, jobs.c.verdict, jobs.c.finished, jobs.c.run_id, jobs.c.board
    ).where(jobs.c.board.is_not(None))
    if suite:
        wanted = wanted.where(jobs.c.suite == suite)
    found: dict[str, Board] = {}
    seen: dict[str, int] = {}
    with database.read() as connection:
        rows = connection.execute(wanted.order_by(jobs.c.finished.desc()).limit(LOOK)).mappings()
        for row in rows:
            name, kept = row["suite"], row["board"]
            if not kept or seen.get(name, 0) >= runs:
                continue
            seen[name] = seen.get(name, 0) + 1
            board = found.setdefault(
                name,
                Board(
                    suite=name,
                    primary=kept["primary"],
                    higher_is_better=kept["higher_is_better"],
                    rows=[],
                ),
            )
            about = {
                "run_id": row["run_id"] or "",
                "job": row["id"],
                "verdict": row["verdict"],
                "finished": iso(row["finished"]),
            }
            board.rows.extend(BoardRow(**line, **about) for line in kept["rows"])
    return sorted(found.values(), key=lambda board: board.suite)


def kept_of(results: Results) -> dict[str, object]:
    """Return what the table keeps of a run for its leaderboard: its primary number."""
    kinds = {candidate.name: candidate.kind for candidate in results.candidates}
    scores = [row for row in results.scores if row.score == results.primary]
    way = next((row.higher_is_better for row in scores), None)
    known = [row for row in scores if row.value is not None]
    ranked = sorted(known, key=lambda row: (row.value or 0.0) * (1 if way is False else -1))
    return {
        "primary": results.primary,
        "higher_is_better": way,
        "rows": [
            {
                "candidate": row.candidate,
                "kind": kinds.get(row.candidate, "model"),
                "score": row.score,
                "value": row.value,
                "low": row.low,
                "high": row.high,
                "n": row.n,
            }
            for row in [*ranked, *(row for row in scores if row.value is None)]
        ],
    }
