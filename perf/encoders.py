"""What BERTScore costs beside the bert-score package, and its memory: `python perf/encoders.py`.

Prints two Markdown tables. In the first, 5 candidates answer the same examples, which have 2
references each: the package is called once a candidate, as `evaluate` does, and our metric after
it in the same process, on MiniLM. Every text that goes through an encoder is counted. In the
second, a random BERT of MiniLM's width and one layer reads 1,000 and 20,000 texts, each number in
a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark import encoders
from benchmark.devices import Peak
from benchmark.metrics.bertscore import BertScore
from benchmark.metrics.encoding import MINILM
from benchmark.models import local_model
from benchmark.records import Example, Message

LAYER, MAX_LENGTH = 6, 512
WORDS = (
    "le la de du un et à dans pour par sur qui que est sont au ne pas délai article salarié "
    "employeur travail contrat durée repos congé préavis juge décision recours autorité"
).split()


def sentences(count: int, words: int, seed: int) -> list[str]:
    """Return distinct made-up texts of `words` words, half as many to half as many again."""
    rng = random.Random(seed)
    texts = []
    for number in range(count):
        length = rng.randint(words // 2, words * 3 // 2)
        texts.append(" ".join([*rng.choices(WORDS, k=length), f"{seed}-{number}."]))
    return texts


def examples(count: int, references: int, words: int) -> list[Example]:
    """Return examples with so many references each."""
    texts = sentences(count * references, words, seed=0)
    question = (Message(role="user", content="?"),)
    return [
        Example(id=str(at), prompt=question, references=tuple(texts[at::count]))
        for at in range(count)
    ]


def timed(work: Callable[[], Any], passes: list[int]) -> tuple[Any, float, int]:
    """Return what it gives, its seconds, and the texts that went through an encoder."""
    before, start = sum(passes), time.perf_counter()
    made = work()
    return made, time.perf_counter() - start, sum(passes) - before


def counting(owner: Any, name: str, rows: Callable[..., int]) -> list[int]:
    """Wrap a function; return a list that grows by the texts of each of its calls."""
    passes: list[int] = []
    plain = getattr(owner, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        passes.append(rows(*args))
        return plain(*args, **kwargs)

    setattr(owner, name, count)
    return passes


def beside(count: int, candidates: int, references: int, words: int) -> None:
    """Print the first table."""
    import bert_score
    import numpy as np
    from bert_score import utils

    folder = local_model(MINILM).path
    os.environ["BENCH_CACHE"] = tempfile.mkdtemp(prefix="perf-vectors-")
    rows = examples(count, references, words)
    answers = [sentences(count, words, seed=1 + at) for at in range(candidates + 1)]
    theirs = counting(utils, "bert_encode", lambda _model, ids, *_: len(ids))
    ours = counting(encoders, "_states", lambda _encoder, ids: len(ids))

    def package(texts: Sequence[str]) -> Any:
        made = bert_score.score(
            list(texts), [list(row.references) for row in rows], model_type=str(folder),
            num_layers=LAYER, batch_size=64, nthreads=0,
        )  # fmt: skip
        return np.stack([column.numpy() for column in made], axis=1)

    metric = BertScore(model=str(folder), layer=LAYER, max_length=MAX_LENGTH)
    first = answers[:candidates]
    expected, seconds, passes = timed(lambda: [package(texts) for texts in first], theirs)
    lines = [("bert_score, a call a candidate", passes, seconds)]
    made, seconds, passes = timed(lambda: [metric.stats(rows, texts) for texts in first], ours)
    lines.append(("ours", passes, seconds))
    again, seconds, passes = timed(lambda: [metric.stats(rows, texts) for texts in first], ours)
    lines.append(("ours again, from the kept vectors", passes, seconds))
    _, seconds, passes = timed(lambda: metric.stats(rows, answers[-1]), ours)
    lines.append(("ours, one candidate more", passes, seconds))
    print(
        f"\n{count} examples, {references} references, {candidates} candidates, ~{words} words:\n"
    )
    print("| what | texts encoded | seconds |\n|---|---|---|")
    for what, encoded, taken in lines:
        print(f"| {what} | {encoded:,} | {taken:.1f} |")
    distinct = len({text for row in rows for text in row.references} | set().union(*first))
    apart = max(np.abs(one - two[:, :3]).max() for one, two in zip(expected, made, strict=True))
    same = all((one == two).all() for one, two in zip(made, again, strict=True))
    print(f"\nDistinct texts: {distinct:,}. Largest difference from bert_score: {apart:.1e}. ")
    print(f"The second run gives the same numbers: {'yes' if same else 'NO'}.")


def memory(texts: int) -> dict[str, float]:
    """Return the peak memory (MB) of scoring so many texts, its seconds, and the folder's size."""
    import psutil
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = Path(tempfile.mkdtemp(prefix="perf-encoder-"))
    AutoTokenizer.from_pretrained(local_model(MINILM).path).save_pretrained(folder)
    config = BertConfig(
        vocab_size=30_522, hidden_size=384, num_hidden_layers=1, num_attention_heads=6,
        intermediate_size=384,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    with tempfile.TemporaryDirectory(prefix="perf-vectors-") as cache:
        os.environ["BENCH_CACHE"] = cache
        metric = BertScore(model=str(folder), layer=1, max_length=MAX_LENGTH)
        half = texts // 2
        rows, answers = examples(half, 1, 20), sentences(half, 20, seed=1)
        # Libraries and weights are there once and for all: what counts is what the texts add.
        metric.stats(rows[:8], answers[:8])
        floor = psutil.Process().memory_info().rss
        start = time.perf_counter()
        with Peak("cpu") as most:
            metric.stats(rows, answers)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(cache).rglob("*.safetensors"))
    return {"floor": floor / 1e6, "peak": most.bytes / 1e6, "seconds": seconds, "disk": size / 1e6}


def flat() -> None:
    """Print the second table."""
    print("\n| texts | peak MB | MB before | MB kept on disk | seconds |\n|---|---|---|---|---|")
    for texts in (1_000, 20_000):
        command = [sys.executable, __file__, "--memory", str(texts)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {texts:,} | {found['peak']:,.0f} | {found['floor']:,.0f} | {found['disk']:,.0f} "
            f"| {found['seconds']:.0f} |"
        )


def main() -> None:
    """Print both tables, or (--memory) measure one line of the second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--candidates", type=int, default=5)
    parser.add_argument("--references", type=int, default=2)
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--memory", type=int)
    asked = parser.parse_args()
    if asked.memory:
        print(json.dumps(memory(asked.memory)))
        return
    beside(asked.examples, asked.candidates, asked.references, asked.words)
    flat()


if __name__ == "__main__":
    main()
