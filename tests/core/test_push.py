"""Runs sent to MLflow (its local store) and Weights & Biases (offline), and read back."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from across import answers, change, ran
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.core.finished import read_results
from benchmark.errors import BenchError, MissingDependency
from benchmark.reporters import format as fmt
from benchmark.trackers.content import content, name_of

SECRET = "not-for-anybody-0123"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a finished run."""
    folder = ran(tmp_path_factory.mktemp("made"), answers(8))
    change(folder, command=f"bench run x.yaml backend.password={SECRET}")
    return folder


def bench(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own: trackers leave threads and settings behind."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def push(folder: Path, to: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Push as a person does."""
    code = (
        "import sys; from benchmark.cli import main; "
        f"sys.argv = ['bench', 'push', {str(folder)!r}, '--to', {to!r}]; main()"
    )
    return bench(code, **environment)


def numbers(folder: Path) -> dict[str, float]:
    """Return values and ends of intervals straight from the results."""
    found = {}
    for row in read_results(folder).scores:
        for end, value in (("", row.value), (".low", row.low), (".high", row.high)):
            if fmt.known(value) is not None:
                found[f"{row.candidate}/{row.score}{end}"] = value
    return found


def test_mlflow(made, tmp_path):
    place = {
        "MLFLOW_TRACKING_URI": (tmp_path / "store").as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    done = push(made, "mlflow", **place)
    assert done.returncode == 0, done.stderr
    code = (
        "import json; from mlflow import MlflowClient; client = MlflowClient(); "
        "place = client.get_experiment_by_name('jardin'); "
        "runs = client.search_runs([place.experiment_id]); "
        "print(json.dumps([[r.info.status, r.info.run_name, r.info.start_time, r.data.metrics, "
        "r.data.params, r.data.tags, [f.path for f in client.list_artifacts(r.info.run_id)]] "
        "for r in runs]))"
    )
    (told,) = json.loads(bench(code, **place).stdout)
    status, name, started, metrics, parameters, tags, files = told
    results = read_results(made)
    assert (status, name) == ("FINISHED", results.run_id)
    assert started > 1_600_000_000_000  # milliseconds
    assert numbers(made).items() <= metrics.items()
    pair = results.comparison("tuned", "levenshtein")
    assert metrics["tuned/levenshtein.difference_low"] == pair.low
    assert (parameters["baseline"], parameters["test"]) == ("base", "12")
    assert tags["bench.fingerprint"] == results.fingerprint
    assert tags["bench.suite"] == "jardin"
    assert sorted(files) == ["results.json", "suite.yaml"]
    # The same run again changes nothing; the run made anew is another one.
    assert "it is there already" in push(made, "mlflow", **place).stdout
    assert len(json.loads(bench(code, **place).stdout)) == 1


def test_mlflow_that_is_not_there_is_one_line(made):
    done = push(made, "mlflow", MLFLOW_TRACKING_URI="http://me:" + SECRET + "@127.0.0.1:9",
                MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bench: MLflow at http://127.0.0.1:9: ")
    assert SECRET not in done.stderr
    assert done.stderr.count("\n") == 1


def records(path: Path) -> Iterator[Any]:
    """Read the records of a `.wandb` file: LevelDB's log format, behind a head of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32_768 - at % 32_768
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            yield record
            part = b""


def test_wandb_offline(made, tmp_path):
    import socket

    place = {
        "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path),
        "WANDB_DATA_DIR": str(tmp_path / "data"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"), "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_API_KEY": SECRET * 2,
    }  # fmt: skip
    done = push(made, "wandb", **place)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    found: dict[str, list[Any]] = {}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        found.setdefault(kind, []).append(getattr(record, kind))
    run = found["run"][0]
    results = read_results(made)
    assert (run.project, run.display_name, run.job_type) == ("jardin", results.run_id, "evaluation")
    config = {row.key: json.loads(row.value_json) for row in run.config.update}
    assert config["bench.fingerprint"] == results.fingerprint
    assert config["baseline"] == "base"
    summary = {
        row.key: json.loads(row.value_json) for one in found["summary"] for row in one.update
    }
    assert numbers(made).items() <= summary.items()
    (artifact,) = found["artifact"]
    files = {row.path: row.size for row in artifact.manifest.contents}
    assert files == {name: (made / name).stat().st_size for name in ("results.json", "suite.yaml")}
    # Nothing of this machine or its user goes along, and no key.
    sent = path.read_bytes()
    assert SECRET.encode() not in sent
    assert socket.gethostname().encode() not in sent
    kept = [one for one in tmp_path.rglob("*") if one.is_file() and one.name != "results.json"]
    assert not any((SECRET * 2).encode() in one.read_bytes() for one in kept)


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_package_is_one_line(made, name):
    code = (
        f"import sys; sys.modules[{name!r}] = None; from benchmark.cli import main; "
        f"sys.argv = ['bench', 'push', {str(made)!r}, '--to', {name!r}]; main()"
    )
    done = bench(code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"bench: {name} is not installed; pip install 'benchmark[{name}]'\n"


def test_a_package_that_the_place_needs(made, tmp_path):
    """The small MLflow writes no database: that is said, not shown as a traceback."""
    place = f"sqlite:///{tmp_path}/m.db"
    code = (
        "import sys; sys.modules['alembic'] = None; from benchmark.cli import main; "
        f"sys.argv = ['bench', 'push', {str(made)!r}, '--to', 'mlflow']; main()"
    )
    done = bench(code, MLFLOW_TRACKING_URI=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "not installed; pip install alembic, or all of it: pip install mlflow\n"
    )
    assert done.stderr.count("\n") == 1


@given(st.text(alphabet=st.characters()) | st.text(alphabet="./ -a:é"))
@example("..")
@example("a/../b")
@example("0/./0")
@example("a./b/.c")
@example("é" * 300)
@example("x\ud800")
def test_names_that_every_tracker_takes(text):
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name

    name = name_of(text)
    _validate_metric_name(name)
    _validate_param_name(name)
    assert name.isascii()
    assert name_of(name) == name


def test_two_names_stay_two():
    assert len({name_of(text) for text in ("rougé", "rouge", "roug*", "roug_")}) == 4


def test_only_reports_are_sent(tmp_path):
    folder = ran(tmp_path, answers(9))
    (folder / "report.html").write_text("x", encoding="utf-8")
    (folder / "samples").mkdir()
    (folder / "samples" / "1.js").write_text("x", encoding="utf-8")
    (folder / "link.json").symlink_to("/etc/hostname")
    sent = content(read_results(folder), folder)
    assert sorted(sent.files) == ["report.html", "results.json", "samples/1.js", "suite.yaml"]
    assert hashlib.sha256(sent.key.encode()).hexdigest()  # a plain text
    assert "command" not in " ".join([*sent.parameters, *sent.tags])
    assert issubclass(MissingDependency, BenchError)
