"""The rows of a step as one batch, and a piece of them as the model takes it.

Imports torch: imported itself only where something is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from benchmark.training import together
from benchmark.training.data import IGNORED
from benchmark.training.pieces import Line, Pieces

NOBODYS = -1
"""Number of a row that a process gets when there is none for it: nothing is learned of it."""


class Collate:
    """Rows into one batch, padded at their end, with their lengths and numbers.

    Of several processes, each takes its own rows of a batch that all of them get.
    """

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return `input_ids` and `labels` (rows, longest); `length` and `row` as plain lists.

        The first token of a row has none before it that could predict it: its label is ignored.
        A process that gets no row gets one of another's, of which nothing is learned.
        """
        share = together.share_of([len(row["input_ids"]) for row in rows])
        if not share:
            nothing = [IGNORED] * len(rows[0]["labels"])
            rows, share = [{**rows[0], "labels": nothing, "row": NOBODYS}], [0]
        rows = [rows[at] for at in sorted(share)]
        length = [len(row["input_ids"]) for row in rows]
        shape = (len(rows), max(length))
        ids, labels = torch.full(shape, self.pad), torch.full(shape, IGNORED)
        for at, row in enumerate(rows):
            ids[at, : length[at]] = torch.as_tensor(row["input_ids"])
            labels[at, 1 : length[at]] = torch.as_tensor(row["labels"][1:])
        number = [int(row["row"]) for row in rows]
        return {"input_ids": ids, "labels": labels, "length": length, "row": number}


class Lines(NamedTuple):
    """A piece as the model takes it. Each has the shape (lines, tokens)."""

    input_ids: Any
    labels: Any
    position_ids: Any
    """From 0 in each row: that is how transformers knows where one ends and the next begins."""


def lines_of(batch: dict[str, Any], piece: Sequence[Line], pieces: Pieces) -> Lines:
    """Return the rows of a piece side by side in its lines, what is left over as padding."""
    height, width = pieces.height(piece), pieces.width(piece, batch["length"])
    longest = batch["input_ids"].shape[1]
    take = torch.zeros((height, width), dtype=torch.long)
    real = torch.zeros((height, width), dtype=torch.bool)
    # Padding goes on counting behind its row, so that a line of one row needs no mask; with a
    # compiler it counts anew, so that there always is one and the compiler sees one kind of call.
    position = torch.arange(width).repeat(height, 1)
    for number, line in enumerate(piece):
        at = 0
        for row in line:
            count = batch["length"][row]
            take[number, at : at + count] = torch.arange(count) + row * longest
            position[number, at : at + count] = torch.arange(count)
            at += count
        real[number, :at] = True
        if pieces.steady or len(line) > 1:
            position[number, at:] = torch.arange(width - at)
    ids = batch["input_ids"]
    take, real, position = (part.to(ids.device) for part in (take, real, position))
    labels = batch["labels"].reshape(-1)[take].masked_fill(~real, IGNORED)
    return Lines(ids.reshape(-1)[take], labels, position)
