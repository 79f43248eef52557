"""Our parameters in transformers' words, and trackers."""

from __future__ import annotations

import pytest
import tiny
from trainer_helpers import WATCHED, job, start, train

from benchmark.errors import BenchError, CandidateError, MissingDependency
from benchmark.training import run
from benchmark.training.arguments import check_trackers


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def test_what_a_suite_says_reaches_the_trainer(model, tmp_path):
    spec = {
        "epochs": 1.5, "learning_rate": 3e-4, "schedule": "linear", "warmup": 0.25,
        "weight_decay": 0.1, "max_grad_norm": 0.5, "batch_size": 2, "accumulation": 3, "seed": 9,
        "eval_steps": 7, "patience": 2,
    }  # fmt: skip
    asked = job(model, watched=WATCHED, **spec)
    args = run._start(asked, model, tmp_path).trainer.args
    assert (args.num_train_epochs, args.learning_rate) == (1.5, 3e-4)
    assert (args.lr_scheduler_type, args.get_warmup_steps(100)) == ("linear", 25)
    assert (args.weight_decay, args.max_grad_norm) == (0.1, 0.5)
    # One batch is one step: how it is cut is the trainer's business.
    assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (6, 1)
    assert (args.seed, args.data_seed) == (9, 9)
    assert (args.eval_strategy, args.eval_steps) == ("steps", 7)
    assert args.load_best_model_at_end and args.metric_for_best_model == "eval_loss"
    assert not (args.bf16 or args.fp16 or args.logging_nan_inf_filter)
    assert args.output_dir == str(tmp_path)


def test_without_validation_rows_nothing_waits_for_them(model, tmp_path):
    args = start(model, tmp_path, eval_steps=7, patience=2).trainer.args
    assert (args.eval_strategy, args.save_strategy) == ("no", "no")
    assert not args.load_best_model_at_end


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("tensorbord", CandidateError, "no tracker 'tensorbord'; did you mean 'tensorboard'?"),
        ("zzz", CandidateError, "no tracker 'zzz'; known: azure_ml, clearml"),
        ("wandb", MissingDependency, "wandb is not installed; install it: pip install wandb"),
    ],
)
def test_a_tracker_that_is_not_there_is_one_line_before_anything_is_loaded(
    model, tmp_path, monkeypatch, name, error, text
):
    from transformers.integrations import integration_utils

    there = integration_utils.get_available_reporting_integrations()
    missing = [tracker for tracker in there if tracker != "wandb"]
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: missing)
    monkeypatch.setattr(run, "network", None)  # calling it would be an error
    with pytest.raises(BenchError) as found:
        train(model, tmp_path / "a", report_to=(name,))
    assert type(found.value) is error
    assert text in str(found.value) and "\n" not in str(found.value)


def test_known_trackers_pass():
    check_trackers(())
    check_trackers(("none",))
    check_trackers(("tensorboard",))


@pytest.mark.filterwarnings("ignore")  # tensorboard's own
@pytest.mark.parametrize("place", ["current folder", "TENSORBOARD_LOGGING_DIR"])
def test_tensorboards_files_outlive_the_checkpoints(model, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    expected = tmp_path / "runs" / "k"
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    if place != "current folder":
        expected = tmp_path / "elsewhere"
        monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(expected))
    train(model, tmp_path / "a", report_to=("tensorboard",))
    assert not (tmp_path / "a.work").exists()
    (events,) = expected.glob("events.out.tfevents.*")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(events))
    read.Reload()
    assert len(read.Scalars("train/loss")) == 6
