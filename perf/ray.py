"""How batches spread over a Ray cluster: `python perf/ray.py`.

Each batch sleeps for a fixed time instead of computing, so that two cores can show what many
would: what is measured is our handing out of work and Ray's, not a model. Every row is a run of
its own, workers already there, on one cluster of three nodes on this machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.pop(0)  # this folder: a script called ray.py would be taken for the library
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "executors")]

WORKERS = (1, 2, 4, 8)


class Sleeping:
    """A backend that takes so many seconds for a batch."""

    is_control = False
    spread = True
    trainable = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    @contextmanager
    def open(self, progress):
        """Give itself."""
        yield self

    @contextmanager
    def adapted(self, adapter):
        """Put nothing on."""
        yield

    def generate(self, batch, decoding, tick):
        """Wait, then repeat the prompts."""
        from benchmark.plugins import Reply

        time.sleep(self.seconds)
        tick(1)
        return [Reply(text) for text in batch]


def measured(address: str, workers: int, batches: int, seconds: float) -> float:
    """Return the seconds that so many batches took."""
    from benchmark.executors.ray import Ray
    from benchmark.progress import Silent

    def tick(advance=1, *, note="", total=None):
        pass

    silent, backend = Silent(), Sleeping(seconds)
    with Ray(address=address, workers=workers).crew(silent) as crew:
        with crew.open(backend, silent) as model, model.adapted(None):
            # All workers have come when each has answered once.
            while len(crew.team._idle) < workers:
                dict(model.replied([["warm"]] * workers, None, tick))
            started = time.perf_counter()
            asked = [[f"text {n}"] for n in range(batches)]
            found = dict(model.replied(asked, None, tick))
            took = time.perf_counter() - started
    assert [found[n][0].text for n in range(batches)] == [text for (text,) in asked]
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    from cluster import started

    with started(BENCH_CACHE=tempfile.mkdtemp()) as cluster:
        cluster.add_node(num_cpus=4, object_store_memory=80 * 2**20)
        print(f"{options.batches} batches of {options.seconds} s\n")
        print("| workers | seconds | batches a second | times one worker | of the ideal |")
        print("|---|---|---|---|---|")
        first = 0.0
        for workers in WORKERS:
            took = measured(cluster.address, workers, options.batches, options.seconds)
            first = first or took
            ideal = options.batches * options.seconds / workers / took
            print(
                f"| {workers} | {took:.1f} | {options.batches / took:.1f} "
                f"| {first / took:.2f} | {ideal:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
