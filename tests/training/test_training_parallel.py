"""One training in two real processes on a CPU, against the same training in one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
import tiny
import yaml

from benchmark.devices import Placement
from benchmark.errors import CandidateError, MissingDependency
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.suite import TrainSpec
from benchmark.training import launch, manifest, parallel, run, together
from benchmark.training.job import Job, Order

CPU, GPU = Placement("cpu", "float32"), Placement("cuda", "bfloat16")

ROWS = [
    Example(
        id=str(n),
        prompt=(Message(role="user", content=f"Que dit l'article L{n}-{n} ?"),),
        references=(f"Article L{n} : " + "la durée du travail est longue. " * (1 + n % 4),),
    )
    for n in range(13)
]
"""Of several lengths, so that processes cut them differently; and 13 = 3 steps of 4 and one row,
of which one process gets none. The 5 that are watched do not divide by two either."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def faults(monkeypatch):
    """Let the processes be those of `parallel_worker.py`, with a fault."""
    monkeypatch.setattr(launch, "WORKER", "parallel_worker")
    return lambda fault: monkeypatch.setenv("FAULT", fault)


def job_of(model, dtype="float32", **changes):
    usual = {"r": 4, "epochs": 2, "learning_rate": 1e-2, "batch_size": 4, "seed": 3, "dropout": 0}
    return Job(
        key="k", model=str(model), dtype=dtype, spec=TrainSpec(**usual | changes),
        template=Template(), train=ROWS, validation=ROWS[:5], data_sha256="d",
    )  # fmt: skip


def two(strategy="ddp", **more):
    return {"strategy": strategy, "processes": 2, **more}


def train(model, folder, progress=None, **changes):
    folder.mkdir(exist_ok=True)
    work = folder.with_name(f"{folder.name}.work")
    start = launch.train if changes.get("parallel") else run.train
    return start(job_of(model, **changes), folder, work, progress or Silent())


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory):
    """Return what one process makes of it, and where."""
    folder = tmp_path_factory.mktemp("alone") / "adapter"
    return train(model, folder, micro_batch=2), folder


def assert_same(made, folder, alone):
    """Compare with one process's training, within what adding in another order changes."""
    assert_same_losses(made, alone[0], 1e-6)
    assert_same_weights(folder, alone[1])


def assert_same_losses(made, one, rel):
    assert [point.step for point in made.curve] == [point.step for point in one.curve]
    watched = 0
    for mine, theirs in zip(made.curve, one.curve, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=rel)
        assert (mine.eval_loss is None) == (theirs.eval_loss is None)
        if mine.eval_loss is not None and theirs.eval_loss is not None:
            watched += 1
            assert mine.eval_loss == pytest.approx(theirs.eval_loss, rel=rel)
    assert watched == 2
    for name in ("tokens", "rows", "trainable_parameters", "total_parameters", "best_step"):
        assert getattr(made, name) == getattr(one, name), name
    assert made.batching.rows == one.batching.rows == 4
    assert made.processes == 2


def assert_same_weights(folder, other):
    import torch
    from safetensors.torch import load_file

    mine, theirs = (load_file(at / "adapter_model.safetensors") for at in (folder, other))
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        assert value.dtype == torch.float32
        # A row missed or learned twice would show at the rate of 1e-2; AdamW makes the rounding of
        # a gradient near 0 larger.
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-5)


def left(work):
    """Return the processes that still do something in a work folder."""
    every = psutil.process_iter(["cmdline"])  # of one that has just ended, None
    return [one for one in every if str(work) in str(one.info["cmdline"])]


# --- the same training ----------------------------------------------------------------------


def test_two_processes_train_as_one_does(model, alone, tmp_path):
    folder = tmp_path / "adapter"
    made = train(model, folder, micro_batch=2, parallel=two())
    assert_same(made, folder, alone)
    assert manifest.read(folder) == made
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "adapter_model.safetensors", "adapter_config.json", manifest.MANIFEST, parallel.CONFIG,
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_a_killed_process_costs_what_came_after_the_last_checkpoint(
    model, alone, tmp_path, faults, monkeypatch, strategy
):
    monkeypatch.setattr(parallel, "CPU_STRATEGIES", ("ddp", "fsdp2"))
    folder, work = tmp_path / "adapter", tmp_path / "adapter.work"
    asked = {"micro_batch": 2, "save_seconds": 0, "parallel": two(strategy)}
    faults("killed")
    with pytest.raises(CandidateError, match=r"process 1 of 2 was killed by SIGKILL.*process-1\.l"):
        train(model, folder, **asked)
    assert not left(work)
    # That of step 5 may have lacked its mark yet: then it is not gone on from.
    assert list((work / "steps").glob("checkpoint-[45]/complete.json"))
    # A checkpoint that was being written; it must not be gone on from.
    (work / "steps" / "checkpoint-6").mkdir(exist_ok=True)
    faults("")
    made = train(model, folder, **asked)
    assert made.resumed == 1
    assert_same(made, folder, alone)


def test_all_begin_again_with_less_when_one_runs_out_of_memory(
    model, alone, tmp_path, faults, monkeypatch
):
    """And in 16 bits weights, of which losses and gradients are still added up in 32."""
    monkeypatch.setattr(parallel, "CPU_STRATEGIES", ("ddp", "fsdp2"))
    faults("memory")
    folder, said = tmp_path / "adapter", []

    class Listener(Silent):
        def say(self, line):
            said.append(line)

    asked = {"dtype": "bfloat16", "micro_batch": 2, "parallel": two("fsdp2")}
    made = train(model, folder, Listener(), **asked)
    assert_same_losses(made, alone[0], 3e-3)
    # The first loss, of an adapter that does nothing yet, is only as wrong as rounded weights
    # make it. Were it added up in 16 bits, it would be a multiple of 1/32.
    assert made.curve[0].loss == pytest.approx(alone[0].curve[0].loss, rel=1e-4)
    assert said == ["lora: out of memory, again in smaller pieces"]
    assert made.batching.out_of_memory == 1
    assert 50 < made.batching.micro_tokens <= 100
    assert made.batching.micro_batches > alone[0].batching.micro_batches / 2
    config = yaml.safe_load((folder / parallel.CONFIG).read_text())
    assert (config["distributed_type"], config["mixed_precision"]) == ("FSDP", "bf16")


def test_less_at_once_until_a_single_row(model):
    job = job_of(model, parallel=two())
    for tokens in (400, 200):
        job = launch._relieved(job, {"tokens": tokens, "single": False})
    assert (job.room, job.out_of_memory, job.spec.gradient_checkpointing) == (100, 2, "auto")
    job = launch._relieved(job, {"tokens": 90, "single": True})
    assert (job.out_of_memory, job.spec.gradient_checkpointing) == (3, True)
    with pytest.raises(CandidateError, match=r"on a single row of 90 tokens; lower train.max_len"):
        launch._relieved(job, {"tokens": 90, "single": True})


@pytest.mark.parametrize("lengths", [[5, 9, 2, 7, 7, 1], [3, 3, 3], [4], []])
def test_each_row_goes_to_one_process_and_all_get_about_as_much(monkeypatch, lengths):
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(together.share_of(lengths))
    assert sorted(shares[0] + shares[1]) == list(range(len(lengths)))
    tokens = [sum(lengths[at] for at in share) for share in shares]
    assert abs(tokens[0] - tokens[1]) <= max(lengths, default=0)


# --- what goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("refused", r"^train: no such thing; try another$"),
        (
            "crashed",
            r"^process 1 of 2 failed: RuntimeError: it broke in two; all of it is in .*log",
        ),
    ],
)
def test_the_failure_of_a_process_is_one_line(model, tmp_path, faults, fault, message):
    faults(fault)
    with pytest.raises(CandidateError, match=message):
        train(model, tmp_path / "adapter", parallel=two())
    assert not left(tmp_path)


def test_a_worker_that_cannot_start_says_why(model, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "WORKER", "no_such_worker")
    with pytest.raises(CandidateError, match=r"could not be started.*launch\.log"):
        train(model, tmp_path / "adapter", parallel=two())


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_leaves_no_process(model, tmp_path, faults, number, error):
    faults("slow")
    seen = []

    class Interrupted(Silent):
        def step(self, label, **settings):
            seen.extend(left(tmp_path))
            os.kill(os.getpid(), number)
            return super().step(label, **settings)

    before = signal.getsignal(number)
    with pytest.raises(error):
        train(model, tmp_path / "adapter", Interrupted(), parallel=two())
    assert len(seen) == 3  # the launcher and its two
    assert not left(tmp_path)
    assert signal.getsignal(number) is before


def test_no_process_outlives_one_that_is_killed(model, tmp_path, faults):
    faults("slow")
    script = f"""
        import os, signal, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from benchmark.progress import Silent
        from benchmark.training import launch
        from benchmark.training.job import Order

        class Killed(Silent):
            def step(self, label, **settings):
                os.kill(os.getpid(), signal.SIGKILL)

        launch.WORKER = "parallel_worker"
        work = Path({str(tmp_path)!r})
        launch.train(Order.read(work / "asked.json").job, work, work / "work", Killed())
    """
    asked = job_of(model, parallel=two())
    order = Order(job=asked, folder=tmp_path, work=tmp_path, events=tmp_path)
    (tmp_path / "asked.json").write_text(order.model_dump_json())
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    _, alive = psutil.wait_procs(left(tmp_path), timeout=60)
    assert not alive


# --- what is asked for ----------------------------------------------------------------------


def test_an_order_reads_back_whole(model, tmp_path):
    job = job_of(model, parallel=two("fsdp2"), peft={"bias": "none"}, target_modules=("q_proj",))
    order = Order(job=job, folder=tmp_path, work=tmp_path / "w", events=tmp_path / "e")
    (tmp_path / "order.json").write_text(order.model_dump_json())
    read = Order.read(tmp_path / "order.json").job
    assert (read.spec, read.template, read.dtype) == (job.spec, job.template, job.dtype)
    assert (list(read.train), list(read.validation)) == (job.train, job.validation)


@pytest.mark.parametrize("place", [CPU, GPU, Placement("cuda", "float16")])
@pytest.mark.parametrize("offload", [False, True])
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2", "zero3"])
def test_accelerate_takes_the_settings(model, tmp_path, strategy, offload, place):
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.utils import DistributedType

    job = job_of(model, parallel=two(strategy, offload=offload), max_grad_norm=0.5)
    path = tmp_path / "accelerate.yaml"
    launch._write_config(path, parallel.accelerate_config(job, 2, place))
    read = load_config_from_file(str(path))
    assert (read.num_processes, read.num_machines, read.use_cpu) == (2, 1, place is CPU)
    formats = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
    assert read.mixed_precision == formats[place.dtype]
    kinds = {
        "ddp": DistributedType.MULTI_GPU,
        "fsdp2": DistributedType.FSDP,
        "zero3": DistributedType.DEEPSPEED,
    }
    assert read.distributed_type is kinds[strategy]
    if strategy == "fsdp2":
        assert read.fsdp_config["fsdp_version"] == 2
        assert read.fsdp_config["fsdp_auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
        assert read.fsdp_config["fsdp_offload_params"] is offload
    if strategy == "zero3":
        asked = read.deepspeed_config
        assert (asked["zero_stage"], asked["zero3_init_flag"]) == (3, False)
        where = {asked["offload_optimizer_device"], asked["offload_param_device"]}
        assert where == {"cpu" if offload else "none"}
        assert asked["gradient_clipping"] == 0.5


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2", "zero3"])
def test_accelerate_launch_understands_every_setting(model, tmp_path, strategy, monkeypatch):
    """Its parser takes the settings over by name: a name that it does not know is lost."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # it would say that it chose a number
    path = tmp_path / "accelerate.yaml"
    config = parallel.accelerate_config(job_of(model, parallel=two(strategy)), 2, GPU)
    launch._write_config(path, config)
    parser = launch_command_parser()
    args = parser.parse_args(["--config_file", str(path), "-m", "worker", "order.json"])
    args, _, _ = _validate_launch_command(args)
    assert args.num_processes == 2
    for section in ("fsdp_config", "deepspeed_config"):
        for name, value in config.get(section, {}).items():
            assert getattr(args, name) == value, name


@pytest.mark.parametrize(
    ("changes", "count", "place", "message"),
    [
        ({"parallel": two()}, 3, CPU, "the 4 rows of a step.*3 processes; use a multiple of 3"),
        ({"parallel": two(offload=True)}, 2, CPU, "offload needs strategy fsdp2 or zero3"),
        ({"parallel": two("fsdp2")}, 2, CPU, "fsdp2 needs GPUs; use strategy: ddp"),
        ({"parallel": two("fsdp2"), "method": "prefix"}, 2, GPU, "fsdp2 cannot train prefix"),
        ({"parallel": two("zero3"), "method": "prompt"}, 2, GPU, "zero3 cannot train prompt"),
        ({"parallel": two("fsdp2"), "method": "qlora"}, 2, GPU, "qlora: 4-bit .*use strategy: ddp"),
    ],
)
def test_what_cannot_be_shared_is_refused(model, changes, count, place, message):
    with pytest.raises(CandidateError, match=message):
        parallel.check(job_of(model, **changes).spec, count, place)


def test_what_can_be_shared_is_not_refused(model):
    parallel.check(job_of(model, parallel=two()).spec, 2, CPU)
    parallel.check(job_of(model, parallel=two("fsdp2", offload=True)).spec, 4, GPU)
    parallel.check(job_of(model, parallel=two(), batch_tokens=100).spec, 3, CPU)


def test_deepspeed_that_is_not_installed_is_named(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    monkeypatch.setattr(parallel.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"zero3 needs DeepSpeed.*pip install deepspeed"):
        parallel.check(job_of(model, parallel=two("zero3")).spec, 2, GPU)


@pytest.mark.parametrize(
    ("asked", "gpus", "place", "expected"),
    [
        (0, 4, GPU, 4),
        (2, 4, GPU, 2),
        (3, 0, CPU, 3),
        (5, 4, GPU, r"is 5, but there are 4 GPUs here; lower it to 4"),
        (0, 0, CPU, r"one for each GPU, and there is none here; give a number"),
        (2, 0, Placement("mps", "float16"), r"Apple's GPU takes one process only"),
    ],
)
def test_the_number_of_processes(monkeypatch, asked, gpus, place, expected):
    import torch

    from benchmark.suite_train import ParallelSpec

    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    spec = ParallelSpec(processes=asked)
    if isinstance(expected, int):
        assert parallel.processes_of(spec, place) == expected
        return
    with pytest.raises(CandidateError, match=expected):
        parallel.processes_of(spec, place)


def test_the_processes_import_what_this_one_does_not_what_lies_about(tmp_path, monkeypatch):
    """A folder of the user's called `benchmark` does not come in the way."""
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    code = "import benchmark.training.worker as w, json, os; print(json.dumps(w.__file__))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=parallel.environment(2, CPU),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(json.loads(found.stdout)) == Path(launch.__file__).with_name("worker.py")
