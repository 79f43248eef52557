"""What the metric tests share: examples, a little French corpus, a tiny encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.records import Example, Message

REFERENCES = (
    "L'employeur prend les mesures nécessaires pour assurer la sécurité des travailleurs "
    "(Article L4121-1).",
    "Le salarié a deux mois pour contester la décision, selon l'Article R1234-5.",
    "Le juge annule l'arrêté lorsque la procédure prévue à l'Article L211-2 n'a pas été suivie.",
    "Les congés payés s'acquièrent à raison de deux jours et demi par mois : Article L3141-3.",
)
ANSWERS = (
    "L'employeur doit assurer la sécurité des salariés, selon l'Article L4121-1.",
    "Le délai pour contester est de deux mois (Article R1234-5).",
    "L'arrêté est annulé si la procédure n'est pas suivie.",
    "Article L3141-3 : deux jours et demi de congés par mois de travail.",
)


def example(*references: str, name: str = "e") -> Example:
    """Return an example with these references."""
    return Example(id=name, prompt=(Message(role="user", content="?"),), references=references)


def examples(references: Sequence[str]) -> list[Example]:
    """Return one example a reference."""
    return [example(text, name=str(number)) for number, text in enumerate(references)]


def build_encoder(folder: Path, *, layers: int = 3, positions: int = 64) -> Path:
    """Write a random BERT and a WordPiece tokenizer trained on the corpus above."""
    import tiny_encoder

    return tiny_encoder.build(folder, [*REFERENCES, *ANSWERS], layers=layers, positions=positions)
