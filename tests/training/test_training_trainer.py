"""A step is the same however it is cut, whatever memory does, and never learns from NaN."""

from __future__ import annotations

import pytest
import tiny
from trainer_helpers import (
    ROWS,
    WATCHED,
    assert_same,
    batch_of,
    farthest,
    gradients,
    job,
    plain_step,
    row,
    start,
    step,
    train,
)

from benchmark.errors import CandidateError
from benchmark.training import memory, run
from benchmark.training.pieces import Pieces

STIRRED = {"init_lora_weights": False}
"""LoRA whose B is not zero, so that A has gradients too."""

WAYS = {
    "one piece": Pieces(2**62, 99, overhead=10**9),
    "a row each": Pieces(2**62, 1),
    "of like length": Pieces(250, 99),
    "packed": Pieces(2**62, 99, line=300),
    "packed, in pieces": Pieces(300, 99, line=150),
    "lines of padding": Pieces(2**62, 99, line=150, lines=9, steady=True),
    "masked": Pieces(250, 99, masked=True),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def lora(model, tmp_path_factory):
    return start(model, tmp_path_factory.mktemp("work"), peft=STIRRED).trainer


@pytest.fixture(scope="module")
def expected(lora):
    return plain_step(lora.model, batch_of(lora))


# --- one step, cut in many ways ---------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
def test_a_step_is_the_same_however_it_is_cut(lora, expected, way):
    lora.pieces = WAYS[way]
    cut = lora.pieces.cut(batch_of(lora)["length"])
    lines = [len(line) for piece in cut for line in piece]
    assert {"one piece": len(cut) == 1, "a row each": len(cut) == len(ROWS)}.get(way, True)
    assert (max(lines) > 1) == (way.startswith("packed") or way == "lines of padding")
    assert_same(step(lora, batch_of(lora)), expected)


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("full", {}),
        ("dora", {"peft": STIRRED}),
        ("ia3", {}),
        ("prompt", {"virtual_tokens": 3}),
        ("prefix", {"virtual_tokens": 3}),
        ("p_tuning", {"virtual_tokens": 3}),
        ("lora", {"peft": STIRRED | {"modules_to_save": ["lm_head"]}}),
        ("lora", {"peft": STIRRED | {"modules_to_save": ["embed_tokens"]}}),
        ("lora", {"peft": STIRRED | {"trainable_token_indices": [300, 28]}}),
        ("trainable_tokens", {"peft": {"token_indices": [300, 28]}}),
    ],
)
def test_a_step_is_that_of_plain_cross_entropy(model, tmp_path, method, more):
    trainer = start(model, tmp_path, method=method, **more).trainer
    plain = plain_step(trainer.model, batch_of(trainer))
    trainer.pieces.tokens = 250
    assert len(trainer.pieces.cut(batch_of(trainer)["length"])) > 1
    assert_same(step(trainer, batch_of(trainer)), plain)


@pytest.mark.parametrize("method", ["lora", "ia3", "prompt", "full"])
def test_a_step_is_the_same_where_activations_are_computed_twice(model, tmp_path, method):
    usual = start(model, tmp_path, method=method, gradient_checkpointing=False).trainer
    twice = start(model, tmp_path, method=method, gradient_checkpointing=True).trainer
    assert twice.args.activation_checkpointing
    twice.model.activation_checkpointing_enable()  # as train() does
    assert_same(step(twice, batch_of(twice)), step(usual, batch_of(usual)))


def test_adaloras_own_part_of_the_loss_is_learned_too(model, tmp_path):
    """It pushes its vectors towards orthogonal ones by a term that it adds to a mean loss."""
    import torch

    trainer = start(model, tmp_path, method="adalora", peft={"orth_reg_weight": 3.0}).trainer
    batch = batch_of(trainer, [2])
    found = step(trainer, batch)
    count = batch["length"][0]
    output = trainer.model(
        input_ids=batch["input_ids"], attention_mask=torch.ones(1, count), labels=batch["labels"]
    )
    output.loss.backward()
    assert_same(found, (output.loss.item(), gradients(trainer.model)))
    assert found[0] > plain_step(trainer.model, batch)[0] + 0.1
    # Of several pieces it counts once.
    trainer.pieces.rows = 1
    pieces = step(trainer, batch_of(trainer))
    trainer.pieces.rows, trainer.pieces.overhead = 99, 10**9
    assert_same(pieces, step(trainer, batch_of(trainer)))


@pytest.mark.parametrize(("method", "twice"), [("lora", True), ("prefix", False)])
def test_a_learned_cache_is_not_computed_twice_whatever_memory_is_like(
    model, tmp_path, monkeypatch, method, twice
):
    """Layers that are computed twice take no cache, without a word."""
    monkeypatch.setattr(memory, "free_bytes", lambda device: 0.0)
    made = train(model, tmp_path, method=method)
    assert made.gradient_checkpointing is twice


def test_rows_of_a_step_may_come_in_any_number_of_batches(model, tmp_path):
    """`batch_size` times `accumulation` is what a step is; how it is written says nothing."""
    one = train(model, tmp_path / "1", batch_size=8, accumulation=1, dropout=0.1)
    four = train(model, tmp_path / "4", batch_size=2, accumulation=4, dropout=0.1)
    assert one.curve == four.curve
    assert one.adapter_sha256 == four.adapter_sha256


def test_packing_leaks_nothing(lora):
    """Another row in a line changes no bit of what the others in the line are given."""
    import torch

    from benchmark.training.trainer import lines_of

    pieces = Pieces(2**62, 99, line=300)
    batch = batch_of(lora)
    (piece,) = pieces.cut(batch["length"])
    assert min(map(len, piece)) > 1 and len(piece) > 1

    def chances(batch):
        lines = lines_of(batch, piece, pieces)
        with torch.no_grad():
            return lora.model(
                input_ids=lines.input_ids, labels=lines.labels, position_ids=lines.position_ids,
                fused_lm_head=True, use_cache=False,
            ).log_probs  # fmt: skip

    before = chances(batch)
    for number, line in enumerate(piece):
        changed = {**batch, "input_ids": batch["input_ids"].clone()}
        changed["input_ids"][line[0]] = 7
        differs = chances(changed) != before
        own = batch["length"][line[0]]
        assert differs[number, : own - 1].any()
        differs[number, :own] = False
        assert not differs.any()


def test_learned_tokens_alone_count(lora):
    """The mean is over learned tokens: prompts and padding change no loss."""
    lora.pieces = WAYS["one piece"]
    batch = batch_of(lora)
    loss, _ = step(lora, batch)
    padded = {
        **batch,
        "input_ids": batch["input_ids"].new_full((len(ROWS), 400), 9),
        "labels": batch["labels"].new_full((len(ROWS), 400), -100),
    }
    width = batch["input_ids"].shape[1]
    padded["input_ids"][:, :width] = batch["input_ids"]
    padded["labels"][:, :width] = batch["labels"]
    assert step(lora, padded)[0] == pytest.approx(loss, rel=1e-6)


def test_validation_is_the_mean_over_all_learned_tokens(model, tmp_path):
    import torch

    # More rows than one batch of the validation, of unlike lengths.
    asked = job(model, ROWS[:4], [*ROWS, *WATCHED], peft=STIRRED)
    trainer = run._start(asked, model, tmp_path).trainer
    batch = trainer.data_collator(list(trainer.eval_dataset))
    plain, _ = plain_step(trainer.model.eval(), batch)
    for way in ("of like length", "packed"):
        trainer.pieces = WAYS[way]
        with torch.no_grad():
            found = trainer.evaluate()
        assert found["eval_loss"] == pytest.approx(plain, rel=1e-5)


# --- memory -----------------------------------------------------------------------------------


def disturbed(monkeypatch, disturb):
    """Let `disturb(network)` put its hooks into each network that is trained."""
    real = run.network

    def network(*args):
        made = real(*args)
        disturb(made)
        return made

    monkeypatch.setattr(run, "network", network)


def short_of_memory(fails, *, backward=False):
    """Return hooks: each pass whose (number, shape) `fails` says so runs out of memory."""
    import torch

    passes = []

    def check(module, args, output):
        if not torch.is_grad_enabled() or not output.requires_grad:
            output = output.detach().requires_grad_()
        passes.append(tuple(args[0].shape))
        if not fails(len(passes) - 1, args[0].shape):
            return None
        if not backward:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

        def refuse(gradient):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

        output.register_hook(refuse)
        return output

    return lambda made: made.get_input_embeddings().register_forward_hook(check), passes


@pytest.fixture(scope="module")
def calm(model, tmp_path_factory):
    """Return an adapter trained two rows at a time, without trouble."""
    folder = tmp_path_factory.mktemp("calm")
    made = train(model, folder, micro_batch=2)
    assert made.batching.out_of_memory == 0 and made.batching.micro_batches == 2
    return folder


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2, 5])  # two pieces a step: its first, its last, later ones
def test_memory_that_runs_out_costs_a_repeated_step_and_no_more(
    model, calm, tmp_path, monkeypatch, at, backward
):
    hook, passes = short_of_memory(lambda number, shape: number == at, backward=backward)
    disturbed(monkeypatch, hook)
    made = train(model, tmp_path, micro_batch=2)
    assert made.batching.out_of_memory == 1
    assert passes[at][0] == 2  # what failed were two rows
    assert farthest(tmp_path, calm) < 1e-5


def test_pieces_shrink_until_they_fit(model, calm, tmp_path, monkeypatch):
    longest = 60
    hook, passes = short_of_memory(lambda number, shape: shape.numel() > 2 * longest)
    disturbed(monkeypatch, hook)
    made = train(model, tmp_path)
    assert made.batching.out_of_memory > 0
    assert made.batching.micro_tokens == max(rows * width for rows, width in passes[-6:])
    assert made.batching.micro_tokens <= 2 * longest
    assert [point.step for point in made.curve] == list(range(1, 7))
    assert farthest(tmp_path, calm) < 1e-5


def test_a_long_row_by_itself_does_not_hide_that_shorter_ones_do_not_fit(
    model, tmp_path, monkeypatch
):
    hook, _ = short_of_memory(lambda number, shape: shape[0] > 1)
    disturbed(monkeypatch, hook)
    rows = [*ROWS[:7], row("long", "Que dit L ?", "mot " * 40)]
    made = train(model, tmp_path, rows, batch_size=8)
    assert made.batching.micro_batches == 8
    assert made.batching.out_of_memory < 8


@pytest.mark.parametrize("fits", [True, False])
def test_a_row_that_does_not_fit_is_computed_twice_if_that_helps(
    model, calm, tmp_path, monkeypatch, fits
):
    networks = []

    def fails(number, shape):
        return not (fits and networks[0].is_gradient_checkpointing)

    hook, _ = short_of_memory(fails)
    disturbed(monkeypatch, lambda made: (networks.append(made.get_base_model()), hook(made)))
    if fits:
        made = train(model, tmp_path)
        assert made.gradient_checkpointing
        assert farthest(tmp_path, calm) < 1e-5
        return
    with pytest.raises(CandidateError, match=r"^out of memory .* a piece of \d+ tokens; lower"):
        train(model, tmp_path)


def test_a_row_that_does_not_fit_is_not_computed_twice_against_the_suite(
    model, tmp_path, monkeypatch
):
    hook, passes = short_of_memory(lambda number, shape: True)
    disturbed(monkeypatch, hook)
    with pytest.raises(CandidateError, match=r"^out of memory .*gradient_checkpointing: true$"):
        train(model, tmp_path, gradient_checkpointing=False, micro_batch=1)
    assert len(passes) == 1


def test_another_error_is_not_taken_for_a_lack_of_memory(model, tmp_path, monkeypatch):
    def broken(module, args, output):
        raise RuntimeError("shapes do not match")

    disturbed(monkeypatch, lambda made: made.get_input_embeddings().register_forward_hook(broken))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(model, tmp_path)


# --- numbers that are none --------------------------------------------------------------------

BAD = "Le prix est de 5 £."
"""Its £ is a token that no other row has."""


def poisoned(monkeypatch, model):
    """Let one token's embedding be NaN."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    token = tokenizer("£")["input_ids"][-1]
    assert all(token not in tokenizer(row.references[0])["input_ids"] for row in ROWS)

    def poison(module, args, output):
        return torch.where((args[0] == token)[..., None], torch.nan, output)

    disturbed(monkeypatch, lambda made: made.get_input_embeddings().register_forward_hook(poison))


@pytest.mark.parametrize("micro", [1, "auto"])
def test_a_row_that_breaks_the_loss_is_named_and_not_learned(model, tmp_path, monkeypatch, micro):
    import torch
    from transformers import TrainerCallback

    kept = []

    class Keep(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **more):
            kept.append([value.clone() for value in model.parameters() if value.requires_grad])

    poisoned(monkeypatch, model)
    rows = [*ROWS, row("bad", "Combien ?", BAD)]
    started = start(model, tmp_path, rows, micro_batch=micro, seed=0)
    started.trainer.add_callback(Keep())
    with pytest.raises(CandidateError) as error:
        started.trainer.train()
    at = len(kept) + 1
    text = f"the training loss is nan at step {at} on row 'bad'; lower train.learning_rate"
    assert str(error.value).startswith(text)
    now = [value for value in started.trainer.model.parameters() if value.requires_grad]
    assert at > 1  # or the comparison would be with nothing
    assert all(torch.equal(one, other) for one, other in zip(kept[-1], now, strict=True))


def test_an_infinite_gradient_stops_before_the_weights_are_touched(model, tmp_path, monkeypatch):
    import torch

    seen = []

    def disturb(made):
        weight = next(value for value in made.parameters() if value.requires_grad)
        weight.register_hook(lambda gradient: torch.full_like(gradient, 1e30))
        seen.extend((weight, weight.detach().clone()))

    disturbed(monkeypatch, disturb)
    with pytest.raises(
        CandidateError, match=r"^the gradient's norm is inf at step 1 on the 4 rows"
    ):
        train(model, tmp_path)
    assert torch.equal(*seen)


def test_a_validation_loss_that_is_no_number_stops_too(model, tmp_path, monkeypatch):
    poisoned(monkeypatch, model)
    with pytest.raises(CandidateError, match=r"^the validation loss is nan at step 3; lower"):
        train(model, tmp_path, watched=[*WATCHED, row("bad", "Combien ?", BAD)])
