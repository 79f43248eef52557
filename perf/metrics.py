"""Measure the metrics of words and characters: speed, equal numbers, and memory.

Run on one core:  OMP_NUM_THREADS=1 python perf/metrics.py

Texts are made up, with the word lengths and the share of frequent words of French prose; an
answer is its reference with words changed, left out and moved. The reference implementations
run on the same texts in the same run.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmark.core.spread import together
from benchmark.metrics.base import Fitted
from benchmark.plugins import METRICS, Metric
from benchmark.records import Example, Message

WORDS = 300
LETTERS = "eaisnrtolucdmpégbvhfqyxjèàkwzêç"
OFTEN = (
    *(121, 71, 66, 65, 64, 61, 59, 50, 50, 45, 32, 37, 26, 25, 19, 12, 11, 11, 11, 11, 7),
    *(5, 4, 3, 4, 5, 3, 2, 1, 2, 1),
)
"""How often each letter is in French text, of 1,000."""
LINE = 40
"""Words of a line: texts have several, or ROUGE-Lsum would be ROUGE-L."""


def corpus(
    count: int, length: int = WORDS, seed: int = 0, line: int = LINE
) -> tuple[list[Example], list[str]]:
    """Return examples with one reference of so many words each, and an answer to each."""
    rng = random.Random(seed)
    names = ["".join(rng.choices(LETTERS, OFTEN, k=rng.randint(2, 11))) for _ in range(30_000)]
    # Zipf's law, as words of any language follow it.
    weights = [1 / (place + 3) for place in range(len(names))]
    stock = rng.choices(names, weights, k=400_000)
    examples, answers = [], []
    for number in range(count):
        words = [rng.choice(stock) for _ in range(length)]
        for at in range(0, length, 100):
            words[at] = f"l'article L. {rng.randint(1000, 9999)}-{rng.randint(1, 40)},"
        changed = [rng.choice(stock) if rng.random() < 0.4 else word for word in words]
        cut = rng.randrange(len(changed))
        texts = (lines(words, rng, line), lines(changed[cut:] + changed[:cut], rng, line))
        prompt = (Message(role="user", content="?"),)
        examples.append(Example(id=str(number), prompt=prompt, references=(texts[0],)))
        answers.append(texts[1])
    return examples, answers


def lines(words: Sequence[str], rng: random.Random, size: int) -> str:
    """Return words as sentences, one a line."""
    found = [words[at : at + size] for at in range(0, len(words), size)]
    return "\n".join(" ".join(line).capitalize() + rng.choice(".;:") for line in found)


def lexical(examples: Sequence[Example]) -> dict[str, Metric]:
    """Return every metric that goes by example, with its defaults."""
    found = {}
    for name in METRICS.builtin:
        kind = METRICS.load(name)
        if getattr(kind, "by_example", False):  # others need a model, or parameters
            metric = kind()
            found[name] = metric.fitted(examples) if isinstance(metric, Fitted) else metric
    return found


def seconds(what: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.process_time()
    what()
    return time.process_time() - start


def rouge(count: int, line: int) -> None:
    """Compare ROUGE with rouge_score: the same numbers, and how much sooner."""
    from rouge_score.rouge_scorer import RougeScorer

    examples, answers = corpus(20 * count, line=line)
    metric = METRICS.load("rouge")(compat="rouge_score")
    names = [info.name for info in metric.infos()]
    scorer = RougeScorer(names)
    theirs = []
    slow = seconds(
        lambda: theirs.extend(
            scorer.score(example.references[0], answer)
            for example, answer in zip(examples[:count], answers, strict=False)
        )
    )
    # Nothing of the measured texts is known to ours beforehand, only Python is warm.
    metric.stats(*corpus(20, seed=1))
    ours = []
    fast = seconds(lambda: ours.append(metric.stats(examples, answers)))
    worst = max(
        abs(row[place] - scores[name].fmeasure)
        for row, scores in zip(ours[0], theirs, strict=False)
        for place, name in enumerate(names)
    )
    print(f"| rouge_score, lines of {line} | {count} | {1000 * slow / count:.2f} | 1 | |")
    print(
        f"| rouge, compat: rouge_score | {20 * count} | {1000 * fast / count / 20:.3f} | "
        f"{20 * slow / fast:.0f} | {worst:.1e} |"
    )


def rouge_both(count: int) -> None:
    """Measure with texts of several lines, and of one."""
    rouge(count, LINE)
    rouge(count, WORDS)


def each(count: int) -> None:
    """Print what each metric takes, alone and all together."""
    examples, answers = corpus(count)
    total = 0.0
    for name, metric in lexical(examples).items():
        taken = seconds(
            lambda metric=metric, name=name: together({name: metric}, examples, answers)
        )
        total += taken
        print(f"| {name} | {taken:.2f} |")
    print(f"| sum | {total:.2f} |")


def everything(count: int, length: int = WORDS) -> None:
    """Print what all metrics take together, and how much memory beyond the texts."""
    examples, answers = corpus(count, length)
    metrics = lexical(examples[:300])
    together(metrics, *corpus(300, length, seed=1))  # libraries and caches are there
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    metrics = lexical(examples)
    taken = seconds(lambda: together(metrics, examples, answers))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"| {count:,} | {length} | {taken:.1f} | {(after - before) / 1024:.0f} |")


def main() -> None:
    """Print all tables; each in a process of its own, so that none warms another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["rouge", "each", "everything"])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=WORDS)
    chosen = parser.parse_args()
    if chosen.only == "everything":
        everything(chosen.count, chosen.words)
    elif chosen.only:
        {"rouge": rouge_both, "each": each}[chosen.only](chosen.count)
    if chosen.only:
        return

    def run(only: str, count: int, words: int = WORDS) -> None:
        sys.stdout.flush()
        command = [sys.executable, __file__, "--only", only, "--count", str(count)]
        command += ["--words", str(words)]
        subprocess.run(command, check=True)

    print("| ROUGE-1/2/L/Lsum, 300 words | pairs | ms a pair | times | greatest difference |")
    print("|---|---|---|---|---|")
    run("rouge", 100)
    print("\n| metric alone | seconds for 2,500 pairs |\n|---|---|")
    run("each", 2_500)
    print("\n| pairs, all metrics together | words | seconds | MB beyond the texts |")
    print("|---|---|---|---|")
    for count, words in ((500, 300), (2_500, 300), (10_000, 300), (10_000, 100)):
        run("everything", count, words)


if __name__ == "__main__":
    main()
