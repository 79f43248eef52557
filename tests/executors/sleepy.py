"""A backend without weights, whose workers can be told to fail and to die."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import CandidateError
from benchmark.plugins import Reply


class Sleepy:
    """Answers after some seconds."""

    is_control = False
    trainable = False
    spread = True

    def __init__(self, seconds):
        self.seconds = seconds
        self.mark = Path(tempfile.mkdtemp()) / "died"

    @contextmanager
    def open(self, progress):
        yield self

    @contextmanager
    def adapted(self, adapter):
        yield

    def generate(self, batch, decoding, tick):
        time.sleep(self.seconds)
        tick(1)
        if batch == ["die once"] and not self.mark.exists():
            self.mark.touch()
            os._exit(1)
        if batch == ["refuse"]:
            raise CandidateError("this model refuses", hint="ask another")
        if batch == ["fail"]:
            raise RuntimeError("no such luck")
        return [Reply(f"answer to {question}") for question in batch]
