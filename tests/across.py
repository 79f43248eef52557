"""Real runs without a model: a suite that replays answers, run again and again with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmark import load_suite, make_plan, run
from benchmark.keys import sha256_of_rows

REFERENCES = {
    f"q{at}": f"L'article {at} du code des jardins dit que le jardinier arrose {what} le soir."
    for at, what in enumerate(
        ("les roses", "la haie", "le puits", "l'allée", "les outils", "la serre", "le verger",
         "les semis", "la pelouse", "le potager", "les fraises", "la treille")
    )
}  # fmt: skip
SUITE = """\
suite: {name}
dataset: {{use: jsonl, path: {rows}}}
split: {{train: 0, validation: 0, test: {test}}}
backend: {{use: replay, path: {base}}}
candidates:
  base:
  tuned: {{backend: {{use: replay, path: {tuned}}}}}
  oracle: {{backend: oracle}}
baseline: base
metrics: {{levenshtein: , exact_match: }}
reports: {{json: }}
resamples: 200
"""


def text_after(text: str, words: int) -> str:
    """Return the first words of a text: the fewer, the worse the answer."""
    return " ".join(text.split()[:words]) or "?"


def ran(
    folder: Path,
    answers: Mapping[str, str],
    *,
    finished: str = "2026-11-20T10:00:00+00:00",
    name: str = "jardin",
    test: int = 12,
    extra: str = "",
) -> Path:
    """Run the suite with these answers of `tuned`; return the run's folder.

    Args:
        folder: Where the suite and `reports/` are.
        answers: Example -> answer of the candidate `tuned`.
        finished: When the run says that it ended.
        name: The suite's.
        test: Examples on the test side.
        extra: More lines of the suite.
    """
    rows = [
        {
            "id": at,
            "prompt": f"Que dit l'article {at} ?",
            "reference": text,
            "meta": {"pile": at[-1]},
        }
        for at, text in REFERENCES.items()
    ]
    base = [{"id": at, "text": text_after(text, 4)} for at, text in REFERENCES.items()]
    tuned = [{"id": at, "text": text} for at, text in answers.items()]
    paths = {}
    for what, content in (("rows", rows), ("base", base), ("tuned", tuned)):
        lines = "".join(json.dumps(row) + "\n" for row in content)
        # A run is known by what its suite says: other answers need another name.
        paths[what] = folder / f"{what}-{sha256_of_rows([lines])[:8]}.jsonl"
        paths[what].write_text(lines, encoding="utf-8")
    suite = folder / "suite.yaml"
    suite.write_text(SUITE.format(name=name, test=test, **paths) + extra, encoding="utf-8")
    results = run(make_plan(load_suite(suite)), reports=folder / "reports")
    made = folder / "reports" / name / results.run_id
    change(made, finished=finished)
    return made


def change(made: Path, **fields: object) -> None:
    """Write other values into a run's `results.json`."""
    path = made / "results.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | fields), encoding="utf-8")


def answers(words: int, but: Mapping[str, int] | None = None) -> dict[str, str]:
    """Return answers that are the first words of the references, of some examples more or less."""
    return {
        at: text_after(text, (but or {}).get(at, words + place % 3))
        for place, (at, text) in enumerate(REFERENCES.items())
    }
