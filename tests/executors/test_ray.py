"""Work on a real cluster of two nodes: the same bytes as here, whoever dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import cluster as clusters
import psutil
import pytest
import tiny
import yaml
from sleepy import Sleepy

from benchmark import load_suite, make_plan, run
from benchmark.errors import BenchError, CandidateError, ConfigError, StoreError
from benchmark.executors import facts, parcels
from benchmark.executors.ray import Ray
from benchmark.progress import Silent

HOST_FACTS = {
    "started", "finished", "run_id", "timings", "seconds", "tokens_per_second", "peak_memory",
    "created", "resumed", "command",
}  # fmt: skip


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Two nodes with a cache of their own, which know nothing of ours."""
    with clusters.started(BENCH_CACHE=str(tmp_path_factory.mktemp("nodes"))) as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def suite(tmp_path, model, monkeypatch):
    """Write a suite; return a function that runs it with a fresh cache."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which torch reads when it starts, so here too:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    data = tmp_path / "rows.jsonl"
    rows = [
        {
            "id": str(n),
            "prompt": f"Que dit l'article L{1000 + n}-{n % 7} ?",
            "completion": f"Article L{1000 + n}-{n % 7} : la durée est de {n} heures.",
            "group": f"cid{n // 2}",
        }
        for n in range(40)
    ]
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    content = {
        "suite": "far",
        "seed": 7,
        "dataset": {"use": "jsonl", "path": str(data)},
        "split": {"train": 16, "validation": 4, "test": 20},
        "backend": {"use": "hf", "model": str(model), "dtype": "float32"},
        "generation": {"max_new_tokens": 8, "batch_size": 2},
        "candidates": {
            "base": None,
            "few-shot": {"few_shot": 2},
            "lora": {"train": {"r": 4, "epochs": 2, "learning_rate": 0.01, "batch_size": 4}},
            "echo": {"backend": "echo"},
            "oracle": {"backend": "oracle"},
            "shuffled": {"backend": "shuffled"},
        },
        "baseline": "base",
        "metrics": {"rouge": None, "perplexity": None},
        "judges": {"mentions": {"use": "fixed", "needle": "durée"}},
        "resamples": 200,
        "reports": {"json": None},
    }
    path = tmp_path / "far.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))

    def go(name, *overrides, progress=None):
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path / f"cache-{name}"))
        reports = tmp_path / name
        plan = make_plan(load_suite(path, overrides))
        results = run(plan, reports=reports, progress=progress)
        return results, reports / "far" / results.run_id

    go.path = path
    yield go
    torch.set_num_threads(threads)


def without_host(value):
    if isinstance(value, dict):
        return {k: without_host(v) for k, v in value.items() if k not in HOST_FACTS}
    return [without_host(item) for item in value] if isinstance(value, list) else value


def content(folder: Path):
    """Return all that a run says, but for times and memory."""
    found = {"results": without_host(json.loads((folder / "results.json").read_text()))}
    for path in sorted(folder.rglob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found[path.name] = [without_host(json.loads(line)) for line in lines]
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def far(nodes, **more):
    more = {"address": nodes.address, "workers": 2, **more}
    return ["executor.use=ray", *(f"executor.{name}={value}" for name, value in more.items())]


class Heard(Silent):
    """Keeps what is said, and the steps with how far they came."""

    def __init__(self, on_tick=lambda label: None):
        self.lines, self.steps, self.on_tick = [], {}, on_tick

    def say(self, line):
        self.lines.append(line)

    @contextmanager
    def step(self, label, *, total=None, unit="", estimate=None):
        self.steps[label] = 0.0

        def tick(advance=1, *, note="", total=None):
            self.steps[label] += advance
            self.on_tick(label)

        yield tick


def test_a_cluster_gives_the_same_bytes(suite, nodes, model, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-never-written")
    # By a path that leads nowhere on the nodes: they are sent the weights.
    monkeypatch.chdir(model.parent)
    named = f"backend.model=./{model.name}"
    _, here = suite("here", named)
    heard = Heard()
    store = (tmp_path / "store").as_uri()
    results, there = suite("there", named, *far(nodes, store=store), progress=heard)
    assert content(there) == content(here)
    assert results.computed["trained"] == 1
    # Weights go and the adapter comes through the store, and the nodes show what they do.
    assert [p.suffix for p in (tmp_path / "store").iterdir()] == [".tar", ".tar"]
    assert heard.steps["lora: train lora on 16 rows"] == 8
    assert heard.steps["lora: 20 answers"] == 160
    # From a cache that is whole, nothing is computed, here or there; keys do not know where.
    again, _ = suite("there", named)
    assert again.computed["generated"] == again.computed["trained"] == 0
    logs = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "session_latest" / "logs"
    read = [path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file()]
    assert read
    for text in [*read, content(there), (there / "suite.yaml").read_text()]:
        assert "s3cr3t-never-written" not in text


def replied(nodes, batches, seconds=0.0, **settings):
    """Let two workers answer batches of a backend without weights."""
    heard = Heard()
    with Ray(address=nodes.address, workers=2, **settings).crew(heard) as crew:
        with crew.open(Sleepy(seconds), heard) as model, model.adapted(None):
            with heard.step("answers") as tick:
                return dict(model.replied(batches, None, tick)), crew.reruns


def test_errors_arrive_as_themselves_and_deaths_are_bounded(nodes):
    found, reruns = replied(nodes, [["one"], ["fail"], ["two"]])
    assert [found[at][0].text for at in range(3)] == ["answer to one", None, "answer to two"]
    assert found[1][0].error == "RuntimeError: no such luck"
    assert reruns == 0
    with pytest.raises(CandidateError, match="this model refuses; ask another"):
        replied(nodes, [["refuse"]])
    # Once: it dies with its first worker only, and another one answers.
    found, reruns = replied(nodes, [["die once"], ["one"]])
    assert [found[at][0].text for at in range(2)] == ["answer to die once", "answer to one"]
    assert reruns == 1


def test_a_server_is_asked_from_one_place(nodes):
    """Whatever counts calls keeps to its limits only if one process makes them all."""
    alone = Sleepy(0.0)
    alone.spread = False
    with Ray(address=nodes.address).crew(Silent()) as crew, crew.open(alone, Silent()) as model:
        assert model is alone


def test_another_version_is_refused_by_name():
    mine = facts.facts()
    assert facts.skew(mine, {**mine, facts.NODE: "elsewhere"}) == ""
    theirs = {**mine, facts.NODE: "n7", "torch": "1.0", "device": "cuda"}
    assert facts.skew(mine, theirs) == (
        f"the worker on n7 has torch 1.0, device cuda; this process has torch {mine['torch']}, "
        f"device {mine['device']}"
    )


def test_skew_ends_a_run_with_one_line(nodes, monkeypatch):
    other = {**facts.facts(), "torch": "0.1"}
    monkeypatch.setattr("benchmark.executors.team.facts", lambda: other)
    with pytest.raises(BenchError, match=r"has torch 2\..*; this process has torch 0\.1; install"):
        replied(nodes, [["one"]])


@pytest.mark.parametrize(
    ("settings", "error", "line"),
    [
        ({"address": "127.0.0.1:1"}, BenchError, "no Ray cluster at 127.0.0.1:1: .*refused"),
        ({"address": "nowhere"}, BenchError, "no Ray cluster at nowhere: .*HOST:PORT"),
        ({"address": "ray://h:10001"}, ConfigError, "is that of a Ray client; start bench on"),
        ({"store": "s4://u:pw@b/x"}, StoreError, "store s4://b/x cannot be used: ValueError"),
        ({"store": "/proc/none"}, StoreError, "store /proc/none cannot be used: "),
    ],
)
def test_a_cluster_that_cannot_be_had_is_one_line(settings, error, line):
    with pytest.raises(error, match=line) as caught, Ray(**settings).crew(Silent()):
        pass
    assert "pw" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_without_ray_the_line_names_what_installs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(BenchError, match=r'pip install "benchmark\[ray\]"'):
        with Ray().crew(Silent()):
            pass


@pytest.mark.parametrize("in_store", [True, False])
def test_a_parcel_is_what_was_packed(tmp_path, in_store):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "file").write_bytes(b"\0\1")
    (tmp_path / "a" / "link").symlink_to("deep/file")
    store = (tmp_path / "store").as_uri() if in_store else ""
    parcel = parcels.pack(tmp_path / "a", store, "name")
    assert bool(parcel.url) == in_store
    (tmp_path / "b").mkdir()
    parcels.unpack(parcel, tmp_path / "b")
    found = {str(p.relative_to(tmp_path / "b")) for p in (tmp_path / "b").rglob("*")}
    assert found == {"deep", "deep/file", "link"}
    assert (tmp_path / "b" / "link").read_bytes() == b"\0\1"


def test_what_a_node_lacks_is_asked_for_once_and_kept(tmp_path, model, monkeypatch):
    from benchmark.executors.worker import Item, Missing, found

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "node"))
    item = Item("abc", tmp_path / "not-here")
    with pytest.raises(Missing, match="abc"):
        found(item, {})
    path = found(item, {"abc": parcels.pack(model, "", "abc")})
    assert (path / "config.json").read_bytes() == (model / "config.json").read_bytes()
    assert found(item, {}) == path


def test_no_key_and_no_fingerprint_knows_the_executor(suite):
    here = make_plan(load_suite(suite.path))
    there = make_plan(load_suite(suite.path, ["executor.use=ray", "executor.workers=3"]))
    assert here.fingerprint == there.fingerprint


def test_an_address_where_nobody_answers_ends_the_command(suite, tmp_path):
    command = [sys.executable, "-m", "benchmark", "run", str(suite.path), "--executor", "ray"]
    command += ["executor.address=127.0.0.1:1", "--reports", str(tmp_path / "none")]
    settings = {**os.environ, "PYTHONPATH": str(clusters.ROOT)}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("bench: no Ray cluster at 127.0.0.1:1: ")


LONGER = ["candidates.lora=false", "generation.max_new_tokens=150", "generation.batch_size=1"]


def test_ctrl_c_ends_the_work_everywhere_and_the_next_run_goes_on(suite, nodes, tmp_path):
    cache = tmp_path / "cache-cut"
    asked = [*LONGER, "candidates.few-shot=false", *far(nodes, workers=1)]
    command = [sys.executable, "-m", "benchmark", "run", str(suite.path), *asked]
    settings = {"BENCH_CACHE": str(cache), "PYTHONPATH": str(clusters.ROOT)}
    process = subprocess.Popen(
        [*command, "--reports", str(tmp_path / "cut")],
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
        text=True,
    )

    def kept():
        files = list((cache / "generations").glob("*.partial"))
        return sum(path.read_bytes().count(b"\n") for path in files)

    while process.poll() is None and kept() < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "bench: interrupted; the same command goes on from here"
    raylets = [
        psutil.Process(n.all_processes["raylet"][0].process.pid) for n in nodes.list_all_nodes()
    ]
    at_work = [
        one for raylet in raylets for one in raylet.children() if "ray::Worker" in one.name()
    ]
    assert psutil.wait_procs(at_work, timeout=20)[1] == []
    before, heard = kept(), Heard()
    assert before >= 3
    results, _ = suite("cut", *asked, progress=heard)
    assert heard.steps["base: 20 answers"] == 150 * (20 - before)
    assert results.exit_code == 0


def test_a_node_that_is_killed_costs_its_batches_only(suite, nodes):
    """The last test: the cluster has one node less after it."""
    _, here = suite("here", *LONGER)
    node = next(iter(nodes.worker_nodes))
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    killed = []

    def kill(label):
        children = [] if killed else raylet.children(recursive=True)
        busy = [one for one in children if "Worker.answer" in " ".join(one.cmdline())]
        if busy:
            for process in [raylet, *busy]:
                os.kill(process.pid, signal.SIGKILL)
            killed.append(label)

    heard = Heard(on_tick=kill)
    _, there = suite("there", *LONGER, *far(nodes, workers=3), progress=heard)
    assert killed
    assert content(there) == content(here)
    (line,) = [line for line in heard.lines if "were done again" in line]
    assert int(re.match(r"\d+", line)[0]) >= 1
