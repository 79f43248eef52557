"""Training a real adapter on a tiny random Llama, with trl's own trainer."""

from __future__ import annotations

import json
import math

import pytest
import tiny

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


def test_loss_is_the_same_at_accumulation_1_and_4(model, tmp_path):
    # trl averages over all tokens of the accumulated batches, so the split must not matter.
    one = train(model, tmp_path / "1", batch_size=8, accumulation=1, epochs=1, dropout=0.0)
    four = train(model, tmp_path / "4", batch_size=2, accumulation=4, epochs=1, dropout=0.0)
    assert len(one.curve) == len(four.curve)
    for left, right in zip(one.curve, four.curve, strict=True):
        assert math.isclose(left.loss, right.loss, rel_tol=2e-3)


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
