"""A suite of controls, and what a command leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

QUESTIONS = {
    "Que dit l'article L1-1 du code des jardins ?": "Le jardinier arrose les fleurs le soir.",
    "Que dit l'article L1-2 du code des jardins ?": "La haie est taillée avant le premier mai.",
    "Que dit l'article L2-1 du code des jardins ?": "Nul ne marche sur les plates-bandes.",
    "Que dit l'article L2-2 du code des jardins ?": "Les outils sont rendus propres à la remise.",
    "Que dit l'article R3-1 du code des jardins ?": "Le puits est fermé à clé chaque nuit.",
    "Que dit l'article R3-2 du code des jardins ?": "L'arrosage est suspendu en cas de sécheresse.",
}

SUITE = """\
suite: jardin
dataset: {{use: jsonl, path: {rows}}}
split: {{train: 0, validation: 0, test: 6}}
backend: echo
candidates:
  echo:
  oracle: {{backend: oracle}}
  shuffled: {{backend: shuffled}}
baseline: shuffled
metrics:
  exact_match:
  levenshtein:
reports:
  json:
resamples: 200
"""


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Return the lines of stderr."""
        return self.err.splitlines()


Cli = Callable[..., Done]


def add(suite: Path, text: str) -> None:
    """Write more lines at the end of a suite file."""
    with suite.open("a", encoding="utf-8") as file:
        file.write(text)
