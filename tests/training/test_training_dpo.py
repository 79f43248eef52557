"""Training by preference: pairs of answers into token rows, and trl's own trainer on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from benchmark.errors import CandidateError
from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.suite import TrainSpec
from benchmark.training import dpo
from benchmark.training.job import Job
from benchmark.training.preferences import Sides, pairs, sides

ROWS = [
    Example(
        id=str(n),
        prompt=(Message(role="user", content=f"Que dit l'article L{n}-{n} ?"),),
        references=(f"La durée du travail est de {n} heures.",),
        rejected=f"Rien, {n} fois rien.",
    )
    for n in range(8)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def base(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def job(train=ROWS, validation=(), **changes):
    spec = TrainSpec(objective="dpo", seed=3, **changes)
    return Job(
        key="k", model="m", dtype="float32", spec=spec, template=Template(),
        train=train, validation=validation, data_sha256="d",
    )  # fmt: skip


# --- rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["alpaca", "chatml", "chat"])
def test_pairs_are_what_generation_sees_and_both_answers(tokenizer, style):
    template = Template(style=style)
    found = pairs(ROWS, template, tokenizer, 256)
    assert (found.truncated, found.without_loss, found.unpaired) == (0, 0, 0)
    assert found.ids == [row.id for row in ROWS]
    for example, row in zip(ROWS, found.rows, strict=True):
        assert row["prompt_ids"] == template.encode(example.prompt, tokenizer)
        assert row["chosen_ids"] == template.encode_answer(example.references[0], tokenizer)
        assert row["rejected_ids"] == template.encode_answer(example.rejected, tokenizer)


def test_what_is_cut_or_left_out_is_counted(tokenizer):
    def row(id, chosen, rejected):
        return ROWS[0].model_copy(update={"id": id, "references": chosen, "rejected": rejected})

    given = [
        row("cut", ("Onze heures.",), "mot " * 300),
        row("same", ("mot " * 300,), "mot " * 301),
        row("alone", ("Onze heures.",), None),
        row("nothing", (), "Onze heures."),
        Example(id="text", prompt=(), references=("a",), rejected="b"),
        row("empty", ("Onze heures.",), ""),
    ]
    found = pairs(given, Template(), tokenizer, 200)
    assert found.ids == ["cut", "empty"]
    assert (found.truncated, found.without_loss, found.unpaired) == (2, 1, 3)
    prompt = len(Template().encode(ROWS[0].prompt, tokenizer))
    assert prompt + len(found.rows[0]["rejected_ids"]) == 200
    assert found.rows[1]["rejected_ids"] == [tokenizer.eos_token_id]
    chosen = len(found.rows[1]["chosen_ids"])
    assert found.tokens == (prompt + chosen + 200) + (2 * prompt + chosen + 1)


def test_rows_without_a_rejected_answer_are_named(tokenizer):
    mixed = [*ROWS, *(row.model_copy(update={"rejected": None}) for row in ROWS[:3])]
    with pytest.raises(CandidateError, match=r"^3 of 11 training rows have no rejected answer"):
        sides(job(mixed), tokenizer)
    # Those that are only watched are left out.
    assert sides(job(ROWS, mixed), tokenizer).validation.unpaired == 3


def test_nothing_left_to_learn_says_what_to_do(tokenizer):
    with pytest.raises(CandidateError, match=r"within 8 tokens; raise train\.max_length"):
        sides(job(max_length=8), tokenizer)


# --- training ---------------------------------------------------------------------------------


def logp(network, prompt, answer):
    """Return the log-probability of an answer, in plain torch."""
    import torch

    with torch.no_grad():
        logits = network(input_ids=torch.tensor([prompt + answer])).logits[0]
    found = logits[len(prompt) - 1 : -1].log_softmax(-1)
    return found.gather(1, torch.tensor(answer)[:, None]).sum().item()


def margins(network, rows):
    return [
        logp(network, row["prompt_ids"], row["chosen_ids"])
        - logp(network, row["prompt_ids"], row["rejected_ids"])
        for row in rows
    ]


def config(method):
    import peft

    return {
        "lora": lambda: peft.LoraConfig(
            r=4, lora_dropout=0.1, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        "dora": lambda: peft.LoraConfig(
            r=4, use_dora=True, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        "ia3": lambda: peft.IA3Config(task_type="CAUSAL_LM"),
        "prompt": lambda: peft.PromptTuningConfig(num_virtual_tokens=4, task_type="CAUSAL_LM"),
        "prefix": lambda: peft.PrefixTuningConfig(num_virtual_tokens=4, task_type="CAUSAL_LM"),
        "adalora": lambda: peft.AdaLoraConfig(total_step=10, task_type="CAUSAL_LM"),
    }[method]()


def adapted(folder, method):
    import peft
    import torch

    torch.manual_seed(3)
    return peft.get_peft_model(base(folder), config(method))


def made(model, tokenizer, found, folder, method="lora", callbacks=(), **arguments):
    settings = {
        "output_dir": str(folder),
        "num_train_epochs": 4,
        "learning_rate": 1e-2,
        "per_device_train_batch_size": 4,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": False,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "activation_checkpointing": False,
        "seed": 3,
    }
    spec = TrainSpec(objective="dpo", method=method, beta=0.5)
    return dpo.trainer(model, tokenizer, found, settings | arguments, spec, callbacks)


@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "prompt", "prefix"])
def test_the_chosen_answers_gain_on_the_rejected_and_the_base_stays(
    folder, tokenizer, tmp_path, method
):
    import torch

    found = sides(job(validation=ROWS[:2]), tokenizer)
    rows = found.train.rows
    untouched = base(folder)
    model = adapted(folder, method)
    rate = {"prompt": 0.3, "ia3": 0.1, "prefix": 0.1}.get(method, 1e-2)
    trainer = made(
        model, tokenizer, found, tmp_path, method, eval_strategy="epoch", learning_rate=rate
    )
    assert list(model.peft_config) == ["default"]
    before = margins(model, rows)
    trainer.train()
    after = margins(model, rows)
    assert sum(after) > sum(before) + 1.0
    # What the trainer compares with is the base as it was, seen by another way.
    batch = trainer.data_collator(rows)
    chosen, rejected = trainer.compute_ref_log_probs(model, batch)
    expected = margins(untouched, rows)
    assert (chosen - rejected).tolist() == pytest.approx(expected, abs=1e-3)
    with model.disable_adapter():
        assert margins(model, rows) == pytest.approx(expected, abs=1e-4)
    weights = {name: value for name, value in untouched.state_dict().items()}
    for name, value in model.get_base_model().state_dict().items():
        if name in weights:
            assert torch.equal(value, weights[name])
    history = [row["eval_loss"] for row in trainer.state.log_history if "eval_loss" in row]
    assert len(history) == 4 and history[-1] < history[0]


def test_the_first_loss_is_that_of_the_paper(folder, tokenizer, tmp_path):
    """A fresh LoRA is the base, so each pair's loss is -log sigmoid(0) = log 2."""
    import math

    from transformers import TrainerCallback

    seen = []

    class Watch(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            seen.append(logs)

    found = sides(job(), tokenizer)
    trainer = made(
        adapted(folder, "lora"), tokenizer, found, tmp_path, callbacks=[Watch()], max_steps=1
    )
    trainer.train()
    assert trainer.args.beta == 0.5
    assert seen[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)


def test_only_the_adapter_is_saved(folder, tokenizer, tmp_path):
    model = adapted(folder, "lora")
    made(model, tokenizer, sides(job(), tokenizer), tmp_path / "run")
    model.save_pretrained(tmp_path / "adapter")
    names = {path.name for path in Path(tmp_path / "adapter").rglob("*")}
    assert names == {"README.md", "adapter_config.json", "adapter_model.safetensors"}


def test_a_whole_model_is_compared_with_a_copy_of_itself(folder, tokenizer, tmp_path):
    found = Sides(pairs(ROWS, Template(), tokenizer, 256), pairs([], Template(), tokenizer, 256))
    model = base(folder)
    before = margins(model, found.train.rows)
    made(model, tokenizer, found, tmp_path, "full", learning_rate=1e-3).train()
    assert sum(margins(model, found.train.rows)) > sum(before) + 1.0


def test_a_method_that_cannot_be_switched_off_is_named(folder, tokenizer, tmp_path):
    model = adapted(folder, "adalora")
    with pytest.raises(CandidateError, match=r"adalora cannot be trained by dpo: .*; use lora"):
        made(model, tokenizer, sides(job(), tokenizer), tmp_path, "adalora")
