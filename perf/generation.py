"""How fast candidates answer: ours against the ways that people use today, in one run.

The same model, the same prompts of mixed lengths, greedy, answers that end by themselves or at
the limit; only new tokens up to an answer's end count. The reference script answers one prompt
at a time; it is timed on the first few of the prompts, for it takes minutes.

    python perf/generation.py                                SmolLM2: any machine
    python perf/generation.py --shape qwen2.5-3b --prompts 1024 --new 256     a GPU

lm-evaluation-harness is measured where it is installed (pip install lm-eval).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from training import SHAPES, WORDS, build

from benchmark import load_suite, make_plan
from benchmark.backends.adapters import _wrapped, put_on
from benchmark.backends.decoding import Order, new_tokens
from benchmark.backends.hf import load
from benchmark.backends.room import planned, room
from benchmark.models import local_model
from benchmark.training.account import hardware

ROOT = Path(__file__).resolve().parents[1]
STATIC = {"cpu": (16, 32, 64), "cuda": (1024,)}


REQUESTS = (
    "Is {} a thing or a person? Answer with one word.", "Spell the word for {}.",
    "Say in one sentence what {} is.", "Name three things that go with {}.",
    "Write a short paragraph about {}.", "Explain {} to a child, step by step.",
)  # fmt: skip
TOPICS = "a contract,a court,a judge,a fine,a salary,a holiday,a strike,a law,a tax".split(",")


class Bench:
    """A model with its prompts, and the ways to answer them."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        from transformers import GenerationConfig

        self.asked = asked
        path = build(folder / "model", SHAPES[asked.shape]) if asked.shape else legal()
        self.model, self.tokenizer = load(path, asked.dtype)
        self.model.generation_config = GenerationConfig()
        self.pad = self.tokenizer.pad_token_id
        self.prompts = [self.question(number) for number in range(asked.prompts)]
        # Random weights end no answer: there, one token in 200 of the vocabulary does.
        size = self.model.config.get_text_config().vocab_size
        every = range(0, size, 200) if asked.shape else [self.tokenizer.eos_token_id]
        self.ends = frozenset(every)

    def question(self, number: int) -> list[int]:
        """Return one prompt: a request that takes a word or a page, behind words to read."""
        dice = random.Random(number)
        words = dice.choices(WORDS, k=int(dice.triangular(0, self.asked.longest, 0)))
        request = dice.choice(REQUESTS).format(dice.choice(TOPICS))
        text = f"<|im_start|>user\n{' '.join(words)}\n{request}<|im_end|>\n<|im_start|>assistant\n"
        return self.tokenizer(text)["input_ids"]

    def config(self) -> Any:
        """Return what all ways are asked for."""
        from transformers import GenerationConfig

        return GenerationConfig(
            max_new_tokens=self.asked.new, eos_token_id=sorted(self.ends), pad_token_id=self.pad,
            do_sample=False,
        )  # fmt: skip

    def static(self, model: Any, prompts: Sequence[list[int]], size: int) -> list[list[int]]:
        """Answer by plain `generate`, in batches of one size, in the order of the prompts."""
        import torch

        made: list[list[int]] = []
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            width = max(map(len, batch))
            rows = [[self.pad] * (width - len(row)) + row for row in batch]
            mask = [[0] * (width - len(row)) + [1] * len(row) for row in batch]
            with torch.inference_mode():
                output = model.generate(
                    input_ids=torch.tensor(rows, device=model.device),
                    attention_mask=torch.tensor(mask, device=model.device),
                    generation_config=self.config(),
                )
            made += [self.cut(row) for row in output[:, width:].tolist()]
        return made

    def ours(self, model: Any) -> list[list[int]]:
        """Answer as `bench run` does."""
        lengths = [len(prompt) for prompt in self.prompts]
        made: dict[int, list[int]] = {}
        for batch in planned(lengths, self.asked.new, room(model, model.device.type)):
            order = Order(
                [self.prompts[at] for at in batch], self.asked.new, self.ends, self.pad,
                None, lambda _: False, lambda _: None,
            )  # fmt: skip
            made |= dict(zip(batch, map(self.cut, new_tokens(model, order)), strict=True))
        return [made[at] for at in range(len(self.prompts))]

    def harness(self, prompts: Sequence[list[int]], size: int | str) -> list[list[int]]:
        """Answer by lm-evaluation-harness and its hf backend."""
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        self.model.generation_config.eos_token_id = sorted(self.ends)
        lm = HFLM(
            pretrained=self.model, tokenizer=self.tokenizer, batch_size=size, max_length=2048
        )  # fmt: skip
        settings = {"until": [self.tokenizer.eos_token], "max_gen_toks": self.asked.new}
        requests = [
            Instance("generate_until", {}, (self.tokenizer.decode(prompt), dict(settings)), at)
            for at, prompt in enumerate(prompts)
        ]
        made: list[list[int]] = []
        generate = lm._model_generate

        def counted(context: Any, **more: Any) -> Any:
            # Its texts are cut and decoded: the tokens that it made are only to be seen here.
            output = generate(context=context, **more)
            made.extend(self.cut(row) for row in output[:, context.shape[1] :].tolist())
            return output

        lm._model_generate = counted
        lm.generate_until(requests, disable_tqdm=True)
        self.model.generation_config.eos_token_id = None
        return made

    def cut(self, row: list[int]) -> list[int]:
        """Return an answer's tokens up to its end."""
        return row[: next((at for at, token in enumerate(row) if token in self.ends), len(row))]


def legal() -> Path:
    """Return the folder of the default suite's model."""
    plan = make_plan(load_suite(ROOT / "suites" / "legi.yaml"))
    return local_model(plan.candidate("base").backend.model).path


def adapter(bench: Bench, folder: Path) -> Path:
    """Save a LoRA with the reference's settings and random weights."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(
        r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM",
        init_lora_weights=False,
    )  # fmt: skip
    wrapped = get_peft_model(bench.model, config)
    wrapped.save_pretrained(folder)
    wrapped.unload()
    return folder


def timed(name: str, answer: Callable[[], list[list[int]]]) -> dict:
    """Measure one way."""
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    made = answer()
    wait()
    seconds = time.perf_counter() - start
    tokens = sum(map(len, made))
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    found = {
        "name": name, "answers": len(made), "tokens": tokens, "seconds": seconds,
        "speed": tokens / seconds, "peak": peak,
    }  # fmt: skip
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found | {"made": made}


def main() -> None:
    """Measure and print."""
    wish = argparse.ArgumentParser()
    wish.add_argument("--shape", choices=SHAPES, help="random weights of this shape")
    wish.add_argument("--prompts", type=int, default=96)
    wish.add_argument("--longest", type=int, default=120, help="most words of a prompt")
    wish.add_argument("--new", type=int, default=128, help="most new tokens of an answer")
    wish.add_argument("--reference", type=int, default=6, help="prompts of the reference's loop")
    wish.add_argument("--dtype", default="auto")
    wish.add_argument("--skip", default="", help="ways to leave out: static,harness,adapter")
    asked = wish.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked, Path(folder))
        few = bench.prompts[: asked.reference]
        timed("warm-up", lambda: bench.static(bench.model, few[:2], 2))
        lines = [timed("reference: one at a time", lambda: bench.static(bench.model, few, 1))]
        if "static" not in asked.skip:
            # The last twice: a GPU's attention kernels are planned for each length they meet.
            sizes = (*STATIC[bench.model.device.type], STATIC[bench.model.device.type][-1])
            ways = [
                timed(
                    f"generate, batch {n}", lambda n=n: bench.static(bench.model, bench.prompts, n)
                )
                for n in sizes
            ]
            lines += ways
        if "harness" not in asked.skip:
            # On a processor "auto" tries 64 rows of the full length, and takes all memory for it;
            # on a GPU it finds few rows, which take minutes: a part of the prompts says how fast.
            best = max(STATIC[bench.model.device.type])
            name = f"lm-evaluation-harness, batch {best}"
            lines.append(timed(name, lambda: bench.harness(bench.prompts, best)))
            if bench.model.device.type == "cuda":
                part = bench.prompts[:64]
                lines.append(
                    timed("lm-evaluation-harness, batch auto", lambda: bench.harness(part, "auto"))
                )
        lines.append(timed("ours", lambda: bench.ours(bench.model)))
        mine = lines[-1]
        if "adapter" not in asked.skip:
            path = adapter(bench, Path(folder) / "adapter")
            with put_on(bench.model, path) as merged:
                lines.append(timed("ours, with a LoRA", lambda: bench.ours(merged)))
            wrapped = _wrapped(bench.model, path).eval()
            lines.append(timed("the same LoRA, not merged", lambda: bench.ours(wrapped)))
        show(bench, lines, mine)


def show(bench: Bench, lines: list[dict], mine: dict) -> None:
    """Print the table, and how many answers are the reference's."""
    place = type("Place", (), {"device": bench.model.device.type})
    lengths = sorted(map(len, bench.prompts))
    print(
        f"\n{hardware(place)}, {bench.model.dtype}; {len(lengths)} prompts of {lengths[0]} to "
        f"{lengths[-1]} tokens, {sum(lengths) / len(lengths):.0f} on average\n"
    )
    print("| what | answers | new tokens | seconds | tok/s | ours is | peak GiB |")
    print("|---|---|---|---|---|---|---|")
    for row in lines:
        print(
            f"| {row['name']} | {row['answers']} | {row['tokens']:,} | {row['seconds']:.1f} | "
            f"{row['speed']:,.0f} | {mine['speed'] / row['speed']:.2f} x | {row['peak']:.1f} |"
        )
    first = lines[0]["made"]
    same = sum(one == two for one, two in zip(first, mine["made"], strict=False))
    print(f"\n{same} of {len(first)} answers are token by token those of one prompt at a time")


if __name__ == "__main__":
    main()
