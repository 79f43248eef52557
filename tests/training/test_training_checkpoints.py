"""Killed at any moment, a training goes on and ends as if nothing had been."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time

import pytest
import tiny
from trainer_helpers import OVERFIT, ROWS, WATCHED, farthest, stop, train

from benchmark.training import checkpoints, manifest

LONG = {
    "epochs": 6, "dropout": 0.1, "learning_rate": 5e-3, "save_seconds": 0.0, "eval_steps": 2,
    "patience": 50,
}  # fmt: skip
"""18 steps, a checkpoint after each, the state of early stopping in all of them."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """Return an adapter that was trained without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    train(model, folder, watched=WATCHED, **LONG)
    return folder


@pytest.fixture(scope="module")
def begin(model):
    """Return how to start a training in a process of its own, which may be killed.

    The processes fork from one that has imported what takes long and has done nothing else.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trainer_helpers", "benchmark.training.trainer", "peft"])

    def start(folder):
        folder.mkdir(exist_ok=True)
        process = context.Process(
            target=train, args=(model, folder), kwargs={"watched": WATCHED, **LONG}
        )
        process.start()
        return process

    return start


def wait_for(process, seen):
    """Wait until `seen()`, without a pause; False if the process ended before."""
    while not seen():
        if not process.is_alive():
            return False
    return True


def kill(process):
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def steps_in(work):
    return [int(folder.name.rpartition("-")[2]) for folder in work.glob("checkpoint-*")]


def test_killed_again_and_again_it_ends_as_if_nothing_had_been(begin, whole, tmp_path):
    folder, work = tmp_path / "a", tmp_path / "a.work"
    dice, killed = random.Random(8), 0
    # From before the first step to near the end, and then within some steps' time.
    for goal in (0, 1, 5, 9, 13):
        process = begin(folder)
        assert wait_for(process, lambda goal=goal: max(steps_in(work), default=0) >= goal)
        time.sleep(dice.uniform(0, 0.06))
        killed += kill(process)
    assert killed >= 4
    last = begin(folder)
    last.join()
    assert last.exitcode == 0
    made, expected = manifest.read(folder), manifest.read(whole)
    assert made.adapter_sha256 == expected.adapter_sha256
    assert made.curve == expected.curve
    assert [point.step for point in made.curve] == list(range(1, 19))
    assert (made.best_step, made.eval_loss) == (expected.best_step, expected.eval_loss)
    assert (made.tokens, made.batching) == (expected.tokens, expected.batching)
    assert 3 <= made.resumed <= killed  # the first may have come before any checkpoint was whole
    assert not work.exists()


def test_killed_while_a_checkpoint_is_written_it_sets_it_aside(begin, model, whole, tmp_path):
    folder, work = tmp_path / "a", tmp_path / "a.work"
    for step in (3, 7, 11, 15):  # should a mark have been faster than the signal
        torn = work / f"checkpoint-{step}"
        process = begin(folder)
        assert wait_for(process, torn.is_dir)
        assert kill(process)
        if checkpoints.facts(torn) is None:
            break
    assert checkpoints.facts(torn) is None
    # The last before it is found, and what was torn is where it is looked for no more.
    found, _ = checkpoints.latest(work)
    assert found.name == f"checkpoint-{step - 1}"
    assert (work / checkpoints.ASIDE / torn.name).is_dir()
    made = train(model, folder, watched=WATCHED, **LONG)
    assert made.resumed >= 1
    assert made.adapter_sha256 == manifest.read(whole).adapter_sha256
    assert made.curve == manifest.read(whole).curve


# --- which checkpoint is gone on from ---------------------------------------------------------


@pytest.fixture
def stopped(model, tmp_path):
    """Return the work folder of a training that stopped in its tenth step."""
    stop(model, tmp_path / "a", 10, watched=WATCHED, **LONG)
    return tmp_path / "a.work"


def test_facts_are_what_a_resumed_training_needs(stopped):
    found = checkpoints.latest(stopped)
    assert found is not None
    folder, facts = found
    assert folder.name == "checkpoint-9"
    assert facts["resumed"] == 0 and facts["seconds"] > 0
    assert facts["pieces"]["steps"] == 9
    assert len(steps_in(stopped)) <= 4  # the last three, and the best


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "optimizer.pt"])
@pytest.mark.parametrize("harm", ["truncated", "altered", "gone", "of another size"])
def test_a_checkpoint_that_was_harmed_after_its_mark_is_not_used(stopped, file, harm):
    path = stopped / "checkpoint-9" / file
    content = path.read_bytes()
    middle = len(content) // 2
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({
            "truncated": content[:middle],
            "altered": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "of another size": content + b" ",
        }[harm])  # fmt: skip
    folder, _ = checkpoints.latest(stopped)
    assert folder.name == "checkpoint-8"
    assert (stopped / checkpoints.ASIDE / "checkpoint-9").is_dir()
    assert not (stopped / "checkpoint-9").exists()


@pytest.mark.parametrize(
    "mark", ["", "{}", "[]", '{"files": [], "facts": {}}', '{"files": {"a": 1}']
)
def test_a_mark_that_says_nothing_is_none(tmp_path, mark):
    folder = tmp_path / "checkpoint-1"
    folder.mkdir()
    (folder / checkpoints.MARK).write_text(mark)
    assert checkpoints.facts(folder) is None
    assert checkpoints.latest(tmp_path) is None
    assert (tmp_path / checkpoints.ASIDE / "checkpoint-1").is_dir()


def test_without_checkpoints_it_begins_anew(tmp_path):
    assert checkpoints.latest(tmp_path / "none") is None
    assert checkpoints.latest(tmp_path) is None


def best_of(folder):
    return json.loads((folder / "trainer_state.json").read_text())["best_global_step"]


def test_harmed_best_weights_are_not_lost_silently(model, whole, stopped):
    """The last checkpoint refers to the best one: without it, it leads to other weights."""
    best = best_of(stopped / "checkpoint-9")
    assert best
    path = stopped / f"checkpoint-{best}" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    folder = stopped.with_suffix("")
    made = train(model, folder, watched=WATCHED, **LONG)
    assert farthest(folder, whole) == 0.0
    assert made.best_step == manifest.read(whole).best_step


def test_a_work_folder_may_move(model, tmp_path):
    """The best checkpoint is looked for where the others are, not where it once was."""
    expected = train(model, tmp_path / "whole", **OVERFIT)
    assert expected.best_step < 12  # it comes early, and is not found again
    stop(model, tmp_path / "old", 15, **OVERFIT)
    (tmp_path / "old.work").rename(tmp_path / "new.work")
    made = train(model, tmp_path / "new", **OVERFIT)
    assert made.resumed == 1
    assert (made.best_step, made.eval_loss) == (expected.best_step, expected.eval_loss)
    assert made.adapter_sha256 == expected.adapter_sha256


@pytest.mark.parametrize(("epochs", "at"), [(1.5, 4), (1.5, 5), (2, 3), (2, 4), (2, 6)])
def test_stopped_after_any_step_it_ends_the_same(model, tmp_path, epochs, at):
    """At the end of an epoch, before and after its validation, and at the very last step."""
    steps = {1.5: 5, 2: 6}[epochs]
    spec = {"epochs": epochs, "watched": WATCHED}
    expected = train(model, tmp_path / "whole", **spec)
    stop(model, tmp_path / "a", at, **spec)
    made = train(model, tmp_path / "a", **spec)
    assert made.curve == expected.curve and len(made.curve) == steps
    assert (made.best_step, made.eval_loss) == (expected.best_step, expected.eval_loss)
    assert farthest(tmp_path / "a", tmp_path / "whole") == 0.0
    assert made.tokens == expected.tokens


@pytest.mark.parametrize("epochs", [1.5, 2])
def test_stopped_while_it_is_saved_it_ends_the_same(model, tmp_path, monkeypatch, epochs):
    """The best checkpoint is that of the last step, from which there is nothing left to do."""
    from benchmark.training import run

    expected = train(model, tmp_path / "whole", watched=WATCHED, epochs=epochs)
    assert expected.best_step == len(expected.curve)
    with monkeypatch.context() as patch:
        patch.setattr(run.saving, "save", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(model, tmp_path / "a", watched=WATCHED, epochs=epochs)
    assert f"checkpoint-{len(expected.curve)}" in {
        path.name for path in (tmp_path / "a.work").iterdir()
    }
    made = train(model, tmp_path / "a", watched=WATCHED, epochs=epochs)
    assert made.curve == expected.curve
    assert farthest(tmp_path / "a", tmp_path / "whole") == 0.0


def test_early_stopping_goes_on_counting(model, tmp_path):
    """Two losses without a new best were seen before the stop: the third ends the training."""
    spec = {**OVERFIT, "patience": 3}
    expected = train(model, tmp_path / "whole", **spec)
    end = expected.curve[-1].step
    assert expected.stopped_early and end == expected.best_step + 6
    stop(model, tmp_path / "a", end, **spec)
    made = train(model, tmp_path / "a", **spec)
    assert made.resumed == 1 and made.stopped_early
    assert made.curve == expected.curve
    assert made.adapter_sha256 == expected.adapter_sha256


def test_out_of_memory_is_not_met_again_after_a_stop(model, tmp_path, monkeypatch):
    """What a training learned of its memory goes on with it."""
    import torch

    from benchmark.training import run

    real = run.network

    def network(*args):
        made = real(*args)

        def check(module, args, output):
            if torch.is_grad_enabled() and args[0].numel() > 120:
                raise torch.OutOfMemoryError("out of memory")

        made.get_input_embeddings().register_forward_hook(check)
        return made

    monkeypatch.setattr(run, "network", network)
    expected = train(model, tmp_path / "whole")
    assert expected.batching.out_of_memory > 0
    stop(model, tmp_path / "a", 4)
    made = train(model, tmp_path / "a")
    assert made.batching == expected.batching
    assert farthest(tmp_path / "a", tmp_path / "whole") == 0.0


def test_preferences_are_gone_on_with_too(model, tmp_path):
    rows = [row.model_copy(update={"rejected": f"Rien de {row.id}."}) for row in ROWS]
    spec = {"rows": rows, "watched": rows[:3], "objective": "dpo"}
    expected = train(model, tmp_path / "whole", **spec)
    stop(model, tmp_path / "a", 5, **spec)
    made = train(model, tmp_path / "a", **spec)
    assert made.resumed == 1 and made.curve == expected.curve
    assert farthest(tmp_path / "a", tmp_path / "whole") == 0.0
