"""How fast adapters are trained: our defaults against the reference workflow's settings.

Both train the same LoRA (r=16, alpha=32, dropout 0.05, rsLoRA, all linear layers, rows of at
most 256 tokens, 8 rows a step, lr 1e-4) on the same rows in the same order, in one run, and the
validation loss says whether they learned the same.

    python perf/training.py                          SmolLM2 on a legal code: any machine
    python perf/training.py --shape qwen2.5-3b       that shape with random weights: a GPU
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmark import load_suite, make_plan
from benchmark.backends.hf import LoadedModel, load
from benchmark.devices import Peak, placement
from benchmark.models import local_model
from benchmark.progress import Silent, Tick
from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.suite import TrainSpec
from benchmark.training import run as trainer
from benchmark.training.account import hardware
from benchmark.training.data import tokenise
from benchmark.training.job import Job
from benchmark.training.network import network, tokenizer_of

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {
    "qwen2.5-3b": {
        "vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 11_008,
        "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 2,
        "max_position_embeddings": 32_768, "tie_word_embeddings": True,
    },
    "tiny": {
        "vocab_size": 2_048, "hidden_size": 64, "intermediate_size": 128,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "tie_word_embeddings": True,
    },
}  # fmt: skip
WORDS = (
    "article code travail employeur salarié contrat durée repos sécurité santé mesure décret "
    "autorité administrative conditions prévues fixées présent chapitre lorsque peut doit est "
    "sont dans les des une par pour avec sans sur délai jours mois heures demande décision"
).split()


def main() -> None:
    """Measure and print."""
    wish = argparse.ArgumentParser()
    wish.add_argument("--shape", choices=SHAPES, help="random weights of this shape")
    wish.add_argument("--rows", type=int, default=96, help="rows that both train on")
    wish.add_argument("--long", type=int, default=0, help="rows of a longer run of ours")
    wish.add_argument("--reference", choices=["yes", "no"], default="yes")
    wish.add_argument("--large", type=int, default=0, help="rows of a run with 64 rows a step")
    wish.add_argument("--set", action="append", default=[], help="key=value of `train:`, for ours")
    asked = wish.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        job = made(asked, Path(folder)) if asked.shape else legal(asked)
        lines = []
        if asked.reference == "yes":
            lines.append(reference(job, Path(folder) / "reference"))
        lines.append(ours("ours", job, Path(folder) / "ours"))
        if asked.long:
            more = replace(job, train=rows_like(job.train, asked.long))
            lines.append(ours("ours, longer", more, Path(folder) / "longer"))
        if asked.large:
            wide = job.spec.model_copy(update={"batch_size": 64, "learning_rate": 2.8e-4})
            more = replace(job, train=rows_like(job.train, asked.large), spec=wide)
            lines.append(ours("ours, 64 rows a step", more, Path(folder) / "large"))
        show(lines, job)


def legal(asked: argparse.Namespace) -> Job:
    """Return the default suite's model and rows, at the reference's length."""
    from benchmark.core.data import load_data

    plan = make_plan(load_suite(ROOT / "suites" / "legi.yaml", [f"split.train={asked.rows}"]))
    data, backend = load_data(plan, Silent()), plan.candidate("lora").backend
    return Job(
        "perf", backend.model, "auto", spec(asked), Template(), data.train, data.validation, ""
    )


def made(asked: argparse.Namespace, folder: Path) -> Job:
    """Return a model of random weights and made-up rows of 60 to 256 tokens."""
    model = build(folder / "model", SHAPES[asked.shape])
    rows = [invented(n) for n in range(asked.rows + 64)]
    return Job("perf", str(model), "auto", spec(asked), Template(), rows[64:], rows[:64], "")


def spec(asked: argparse.Namespace) -> TrainSpec:
    """Return the reference's LoRA; everything that only decides speed is left to us."""
    import yaml

    changes = {
        key: yaml.safe_load(value) for key, _, value in (o.partition("=") for o in asked.set)
    }
    return TrainSpec.model_validate(
        {"method": "rslora", "max_length": 256, "learning_rate": 1e-4, "seed": 42} | changes
    )


def invented(number: int) -> Example:
    """Return one row of words, as long as rows of the Code du travail.

    Cut at 256 tokens, those have 246 on the mean (SmolLM2's tokenizer), and 73 in 100 are cut.
    """
    dice = random.Random(number)
    count = int(dice.triangular(12, 230, 90))
    answer = " ".join(dice.choices(WORDS, k=count))
    question = Message(role="user", content=f"Que dit l'article L{number} ?")
    return Example(id=str(number), prompt=(question,), references=(answer,))


def rows_like(rows: list[Example], count: int) -> list[Example]:
    """Return more rows of the same kind."""
    return [invented(1_000 + n) for n in range(count)] if rows[0].id.isdigit() else list(rows)


def build(folder: Path, shape: dict) -> Path:
    """Write a Qwen2 of random weights, with a byte-level tokenizer of few merges."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    text = [" ".join(WORDS[at : at + 9]) for at in range(0, len(WORDS), 3)]
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=["<|end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    raw.train_from_iterator(text, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|end|>", pad_token="<|end|>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(Qwen2Config(**shape), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return folder


def reference(job: Job, work: Path) -> dict:
    """Train as the reference script does: one row at a time, 8 accumulated, checkpointing."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import SFTConfig, SFTTrainer

    # On a processor the script runs in float32; on a GPU in bfloat16.
    place = placement("auto" if placement().device == "cuda" else "float32")
    base = local_model(job.model).path
    tokenizer = tokenizer_of(base)
    rows = tokenise(job.train, job.template, tokenizer, job.spec.max_length)
    watched = tokenise(job.validation, job.template, tokenizer, job.spec.max_length)
    set_seed(42)
    model = network(base, place, job.spec, 1)
    for module in model.modules():  # as PEFT leaves it
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = True
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(work), per_device_train_batch_size=1, gradient_accumulation_steps=8,
            per_device_eval_batch_size=1, learning_rate=1e-4, lr_scheduler_type="cosine",
            warmup_steps=0.05, num_train_epochs=1, max_length=None, logging_steps=1,
            activation_checkpointing=True, bf16=place.dtype == "bfloat16",
            use_cpu=place.device == "cpu", dataloader_pin_memory=place.device == "cuda",
            seed=42, data_seed=42, save_strategy="no", report_to="none", disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(rows.rows),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    start = time.perf_counter()
    with Peak(place.device) as peak:
        trainer.train()
    seconds = time.perf_counter() - start
    loss = loss_of(trainer.model, watched.rows)
    del trainer, model
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return told(line("reference", rows.tokens, seconds, loss, peak.bytes, place.dtype))


def ours(name: str, job: Job, folder: Path) -> dict:
    """Train by the code that `bench run` calls, and load what it saved."""
    folder.mkdir(parents=True)
    clock = Clock()
    # The reference looks at no validation rows on its way, so neither do we.
    made = trainer.train(replace(job, validation=[]), folder, folder.with_suffix(".work"), clock)
    base = local_model(job.model).path
    tokenizer = tokenizer_of(base)
    watched = tokenise(job.validation, job.template, tokenizer, job.spec.max_length)
    model, tokenizer = load(base, "auto")
    loaded = LoadedModel(model, tokenizer, [])
    with loaded.adapted(folder):
        loss = loss_of(loaded.model, watched.rows)
    how = " compiled" if made.compiled else ""
    print(f"{name}: {json.dumps(made.batching.model_dump())}{how}", file=sys.stderr)
    shutil.rmtree(folder)
    found = line(name, made.tokens, made.seconds, loss, made.peak_memory, made.dtype)
    return told(found | {"steady": clock.share_of_second_half() * made.tokens})


def told(found: dict) -> dict:
    """Print a measurement as it comes: the next one may not come to its end."""
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found


class Clock(Silent):
    """Notes when each step ends: the second half of a training knows no start and no compiler."""

    def __init__(self) -> None:
        self.times: list[float] = []

    @contextmanager
    def step(self, label: str, **settings: object) -> Iterator[Tick]:
        """Open a step that notes the time."""

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            if advance == 1:
                self.times.append(time.perf_counter())

        yield tick

    def share_of_second_half(self) -> float:
        """Return which share of all steps was done in a second, in the second half of them."""
        half = len(self.times) // 2
        done = len(self.times) - 1 - half
        return done / len(self.times) / (self.times[-1] - self.times[half]) if done else 0.0


def loss_of(model, rows: list[dict]) -> float:
    """Return the mean loss of all answer tokens, row by row: the same measure for all."""
    import torch

    model.eval()
    total, count = 0.0, 0
    for row in rows:
        ids = torch.tensor([row["input_ids"]], device=model.device)
        labels = torch.tensor(row["labels"][1:], device=model.device)
        with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16):
            logits = model(input_ids=ids).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        count += int((labels != -100).sum())
    return total / max(1, count)


def line(name: str, tokens: int, seconds: float, loss: float, peak: int, dtype: str) -> dict:
    """Return one measurement."""
    return {
        "name": name, "tokens": tokens, "seconds": seconds, "speed": tokens / seconds,
        "steady": tokens / seconds,
        "loss": loss, "peak": peak / 2**30, "dtype": dtype,
    }  # fmt: skip


def show(lines: list[dict], job: Job) -> None:
    """Print the table, the ratio and the share of the machine's arithmetic."""
    place = placement(job.dtype, training=True)
    print(f"\n{hardware(place)}\n")
    print(
        "| what | dtype | real tokens | seconds | real tok/s | second half | share "
        "| validation loss | peak GiB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    needed, most = operations_a_token(job), matrix_speed(place)
    for row in lines:
        print(
            f"| {row['name']} | {row['dtype']} | {row['tokens']:,} | {row['seconds']:.1f} | "
            f"{row['speed']:,.0f} | {row['steady']:,.0f} | {needed * row['steady'] / most:.1%} | "
            f"{row['loss']:.4f} | {row['peak']:.1f} |"
        )
    print(
        "\nsecond half: tokens a second without start and compiling; share: of "
        f"{most / 1e12:.3g} TFLOP/s, the speed of a large matrix product ({place.dtype})"
    )
    if len(lines) > 1 and lines[0]["name"] == "reference":
        first, second = lines[0], lines[1]
        ratio, change = second["speed"] / first["speed"], second["loss"] / first["loss"] - 1
        print(f"ours / reference: {ratio:.2f} times the tokens a second, loss {change:+.2%}")


def operations_a_token(job: Job) -> float:
    """Return the operations that a token needs: 2 a weight forward, 2 backward (none for dW)."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(local_model(job.model).path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    weights = sum(p.numel() for name, p in model.named_parameters() if "embed_tokens" not in name)
    head = config.vocab_size * config.hidden_size  # a tied head is there once, but works
    return 4.0 * (weights + (head if config.tie_word_embeddings else 0))


def matrix_speed(place) -> float:
    """Return operations a second of a large matrix product."""
    import torch

    size = 8192 if place.device == "cuda" else 2048
    left = torch.randn(size, size, device=place.device, dtype=getattr(torch, place.dtype))
    wait = torch.cuda.synchronize if place.device == "cuda" else (lambda: None)
    for _ in range(3):
        left @ left
    wait()
    start = time.perf_counter()
    for _ in range(10):
        left @ left
    wait()
    return 10 * 2 * size**3 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
