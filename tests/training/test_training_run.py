"""Training a real adapter on a tiny random Llama, with trl's own trainer."""

from __future__ import annotations

import json
import math

import pytest
import tiny
import trainer_helpers

from benchmark.errors import CandidateError
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.suite import TrainSpec
from benchmark.training import manifest
from benchmark.training import run as trainer
from benchmark.training.data import IGNORED, tokenise
from benchmark.training.job import Job

ROWS = [
    Example(
        id=str(n),
        prompt=(Message(role="user", content=f"Que dit l'article L{n}-{n} ?"),),
        references=(f"Article L{n}-{n} : la durée du travail est de {n} heures.",),
    )
    for n in range(12)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def spec(**changes):
    return TrainSpec(
        **{"r": 4, "epochs": 2, "learning_rate": 1e-2, "batch_size": 4, "seed": 3} | changes
    )


def train(model, folder, rows=ROWS, watched=(), template=Template(), **changes):  # noqa: B008
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(
        key="k",
        model=str(model),
        dtype="float32",
        spec=spec(**changes),
        template=template,
        train=rows,
        validation=watched,
        data_sha256="d",
    )
    return trainer.train(job, folder, folder.parent / f"{folder.name}.work", Silent())


@pytest.mark.parametrize("style", ["alpaca", "chatml", "chat"])
def test_only_the_answer_and_its_end_are_learned(tokenizer, style):
    template = Template(style=style)
    rows = tokenise(ROWS, template, tokenizer, 256).rows
    for example, row in zip(ROWS, rows, strict=True):
        prompt = template.encode(example.prompt, tokenizer)
        assert row["input_ids"][: len(prompt)] == prompt  # the very ids that generation sends
        assert row["labels"][: len(prompt)] == [IGNORED] * len(prompt)
        learned = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(learned[:-1]) == example.references[0]
        assert learned[-1] == template.end_of_turn(tokenizer)


def test_prompt_tokens_get_no_gradient(model, tokenizer):
    """Other labels under the prompt give the same loss; another under the answer does not."""
    import torch
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    network = AutoModelForCausalLM.from_pretrained(model)
    row = tokenise(ROWS[:1], Template(), tokenizer, 256).rows[0]
    batch = DataCollatorForLanguageModeling(pad_token_id=0)([row])
    logits = network(input_ids=batch["input_ids"]).logits
    logits.retain_grad()
    loss = torch.nn.functional.cross_entropy(logits[0, :-1], batch["labels"][0, 1:])
    loss.backward()
    answer = [at for at, label in enumerate(row["labels"]) if label != IGNORED]
    touched = logits.grad[0].abs().sum(dim=-1).nonzero().flatten().tolist()
    assert touched == [at - 1 for at in answer]


def test_truncation_is_counted(tokenizer):
    lengths = [
        len(Template().encode(row.prompt, tokenizer))
        + len(Template().encode_answer(row.references[0], tokenizer))
        for row in ROWS
    ]
    limit = sorted(lengths)[len(lengths) // 2]
    rows = tokenise(ROWS, Template(), tokenizer, limit)
    assert rows.truncated == sum(length > limit for length in lengths) > 0
    assert max(len(row["input_ids"]) for row in rows.rows) <= limit
    assert rows.tokens == sum(min(length, limit) for length in lengths)


def test_plain_text_is_learned_whole(tokenizer):
    text = Example(id="t", prompt=(), references=("Le repos est de onze heures.",))
    row = tokenise([text], Template(style="chatml"), tokenizer, 256).rows[0]
    assert row["labels"] == row["input_ids"]
    assert tokenizer.decode(row["input_ids"][:-1]) == text.references[0]


def test_rows_without_an_answer_left_are_dropped_and_counted(tokenizer):
    rows = tokenise([*ROWS, Example(id="x", prompt=ROWS[0].prompt)], Template(), tokenizer, 8)
    assert rows.rows == []
    assert rows.without_loss == len(ROWS) + 1


def test_training_learns_and_says_what_it_did(model, tmp_path):
    made = train(model, tmp_path, watched=ROWS[:2], epochs=4)
    assert manifest.read(tmp_path) == made
    assert [point.step for point in made.curve] == list(range(1, 13))
    assert made.curve[-1].loss < made.curve[0].loss - 0.1
    watched = [point.eval_loss for point in made.curve if point.eval_loss is not None]
    assert len(watched) == 4 and watched[-1] < watched[0]
    assert made.eval_loss == watched[-1]
    assert (made.rows, made.rows_truncated, made.rows_without_loss) == (12, 0, 0)
    assert made.parameters["learning_rate"] == 1e-2
    assert 0 < made.trainable_parameters < made.total_parameters
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["r"] == 4


def test_same_seed_same_adapter_other_seed_other(model, tmp_path):
    first = train(model, tmp_path / "1")
    again = train(model, tmp_path / "2")
    other = train(model, tmp_path / "3", seed=4)
    assert first.adapter_sha256 == again.adapter_sha256 != other.adapter_sha256
    assert first.curve == again.curve


@pytest.mark.parametrize(
    ("method", "flag"), [("lora", None), ("rslora", "use_rslora"), ("dora", "use_dora")]
)
def test_methods(model, tmp_path, method, flag):
    made = train(model, tmp_path, method=method, epochs=1)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert made.method == method
    assert {name for name in ("use_rslora", "use_dora") if config[name]} == ({flag} - {None})


@pytest.mark.parametrize("micro", [1, 3, "auto"])
def test_loss_is_the_same_at_accumulation_1_and_4(model, tmp_path, micro):
    # All learned tokens of a step count alike, so that its rows may be cut in any way.
    one = train(model, tmp_path / "1", batch_size=8, accumulation=1, dropout=0.0)
    changes = {"batch_size": 2, "accumulation": 4, "dropout": 0.0, "micro_batch": micro}
    four = train(model, tmp_path / "4", **changes)
    assert len(one.curve) == len(four.curve)
    for left, right in zip(one.curve, four.curve, strict=True):
        assert math.isclose(left.loss, right.loss, rel_tol=1e-5)


PINNED = [
    5.9838, 5.98, 5.9382, 5.8762, 5.842, 5.8266, 5.9967, 5.7795, 5.7465, 5.6658,
    5.6633, 5.6387, 5.6073, 5.6212, 5.5759, 5.5722, 5.5737, 5.5568, 5.5604, 5.562,
]  # fmt: skip
"""Losses of 20 steps. Renew them only if a change is meant to alter what is learned, or a library
did: print `[point.loss for point in made.curve]` in the test below, and say why in the commit."""


def test_the_curve_of_a_tiny_model_does_not_drift(model, tmp_path):
    made = train(
        model, tmp_path, epochs=20 / 3, learning_rate=2e-2, schedule="linear", warmup=0.2,
        weight_decay=0.01, dropout=0.0, r=8, alpha=16,
    )  # fmt: skip
    assert [point.loss for point in made.curve] == pytest.approx(PINNED, rel=1e-3)


# --- the best weights -------------------------------------------------------------------------


def test_it_stops_early_and_keeps_the_best_weights(model, tmp_path):
    from transformers import AutoModelForCausalLM

    made = trainer_helpers.train(model, tmp_path, **trainer_helpers.OVERFIT, patience=2)
    watched = {point.step: point.eval_loss for point in made.curve if point.eval_loss is not None}
    assert made.stopped_early and len(made.curve) < 20
    assert made.best_step == min(watched, key=watched.get)
    assert made.eval_loss == watched[made.best_step]
    assert len([step for step in watched if step > made.best_step]) == 2
    assert made.overfitting.startswith("validation loss rose from ")
    assert f"(step {made.best_step})" in made.overfitting
    # And these weights are what was saved.
    saved = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    found = trainer_helpers.loss_of(saved, model, trainer_helpers.CONTRARY)
    assert found == pytest.approx(made.eval_loss, rel=1e-5)


def test_without_patience_it_runs_to_the_end_and_keeps_the_best_too(model, tmp_path):
    from transformers import AutoModelForCausalLM

    made = trainer_helpers.train(model, tmp_path, **trainer_helpers.OVERFIT)
    assert not made.stopped_early and len(made.curve) == 20 and made.best_step < 20
    saved = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    found = trainer_helpers.loss_of(saved, model, trainer_helpers.CONTRARY)
    assert found == pytest.approx(made.eval_loss, rel=1e-5)


def test_without_validation_the_last_weights_are_kept(model, tmp_path):
    made = train(model, tmp_path, patience=3)
    assert (made.eval_loss, made.best_step, made.stopped_early) == (None, None, False)
    assert made.overfitting == ""


@pytest.mark.parametrize(("every", "steps"), [(0, [3, 6]), (1, [1, 2, 3, 4, 5, 6]), (4, [4, 6])])
def test_validation_comes_when_the_suite_says(model, tmp_path, every, steps):
    made = train(model, tmp_path, watched=ROWS[:2], eval_steps=every)
    assert [point.step for point in made.curve if point.eval_loss is not None] == steps


# --- what a suite may ask for -----------------------------------------------------------------


def test_fewer_rows_than_one_batch_are_one_step(model, tmp_path):
    made = train(model, tmp_path, rows=ROWS[:3], batch_size=64, epochs=1)
    assert len(made.curve) == 1 and made.rows == 3


@pytest.mark.parametrize(("epochs", "steps"), [(0.1, 1), (0.5, 2), (1.4, 5)])
def test_parts_of_an_epoch(model, tmp_path, epochs, steps):
    made = train(model, tmp_path, epochs=epochs, watched=ROWS[:2])
    assert [point.step for point in made.curve] == list(range(1, steps + 1))


def test_batch_tokens_become_rows_and_both_are_recorded(model, tokenizer, tmp_path):
    mean = tokenise(ROWS, Template(), tokenizer, 1024).tokens / len(ROWS)
    made = train(model, tmp_path, batch_tokens=round(3 * mean), epochs=1)
    assert made.batching.rows == 3
    assert len(made.curve) == 4
    assert made.parameters["batch_tokens"] == round(3 * mean)
    # More than there are: all rows, and no more.
    made = train(model, tmp_path / "all", batch_tokens=10**9, epochs=1)
    assert made.batching.rows == len(ROWS) and len(made.curve) == 1


def test_what_is_recorded_of_pieces_is_what_went_through(model, tokenizer, tmp_path):
    lengths = [len(row["input_ids"]) for row in tokenise(ROWS, Template(), tokenizer, 1024).rows]
    made = train(model, tmp_path, micro_batch=1, epochs=2)
    assert made.tokens == 2 * sum(lengths)
    assert made.batching.micro_batches == 4.0
    assert made.batching.micro_tokens == max(lengths)
    assert made.batching.padding == 0.0
    assert made.batching.out_of_memory == 0


def test_what_is_trained_is_float32_on_a_base_of_16_bits(model, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import load_file

    real, seen = trainer.network, []
    monkeypatch.setattr(trainer, "network", lambda *args: seen.append(real(*args)) or seen[-1])
    tmp_path.mkdir(exist_ok=True)
    job = Job(
        key="k", model=str(model), dtype="bfloat16", spec=spec(), template=Template(), train=ROWS,
        validation=ROWS[:2], data_sha256="d",
    )  # fmt: skip
    made = trainer.train(job, tmp_path, tmp_path / "work", Silent())
    assert made.dtype == "bfloat16" and made.curve[-1].loss < made.curve[0].loss
    formats = {(value.requires_grad, value.dtype) for value in seen[0].parameters()}
    assert formats == {(True, torch.float32), (False, torch.bfloat16)}
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.float32}


def test_nothing_but_weights_settings_and_the_manifest_is_left(model, tmp_path):
    train(model, tmp_path / "a", watched=ROWS[:2], save_seconds=0.0)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "manifest.json",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_loss_that_is_no_number_stops_this_candidate(model, tmp_path):
    with pytest.raises(CandidateError, match=r"training loss is .* at step \d+ on .*row.*; lower"):
        train(model, tmp_path, learning_rate=1e30, epochs=20, max_grad_norm=1e30)


def test_unknown_target_modules_are_named(model, tmp_path):
    with pytest.raises(CandidateError, match=r"lora does not fit.*q_prjo"):
        train(model, tmp_path, target_modules=("q_prjo",))


def test_nothing_to_learn_says_what_to_do(model, tmp_path):
    with pytest.raises(CandidateError, match=r"within 8 tokens; raise train\.max_length"):
        train(model, tmp_path, max_length=8)


def test_progress_shows_loss_and_length(model, tmp_path):
    seen = []

    class Watch(Silent):
        def step(self, label, **settings):
            seen.append((label, settings.get("total")))
            return super().step(label, **settings)

    job = Job(
        key="k", model=str(model), dtype="float32", spec=spec(), template=Template(),
        train=ROWS, validation=(), data_sha256="d", estimate=1.0,
    )  # fmt: skip
    trainer.train(job, tmp_path, tmp_path / "work", Watch())
    assert ("train lora on 12 rows", 6) in seen
