"""Where a candidate's `adapter:` may come from: each way leads to the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import tiny_adapters
from references_helpers import Remembering, Site, body, wheel

from benchmark.core import adapters
from benchmark.core.adapter_source import folder_of
from benchmark.core.exchange import export
from benchmark.core.plan import make_plan
from benchmark.core.store import Cache
from benchmark.core.train import loaded
from benchmark.errors import BenchError, CandidateError, ConfigError, StoreError
from benchmark.manifests import AdapterEvaluation
from benchmark.models import local_model
from benchmark.suite import Suite
from benchmark.training import fit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    return tiny_adapters.build(base, tmp_path_factory.mktemp("made") / "adapter")


def packed(adapter: Path, target: Path) -> Path:
    export(adapters.find(str(adapter)), target)
    return target


def files_of(adapter: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in adapter.iterdir() if path.is_file()}


def same(found: Path, adapter: Path, base: Path) -> bool:
    """Tell whether the folder holds the adapter, and fits the base."""
    other = fit.check(found, local_model(str(base)))
    return other.sha256 == fit.check(adapter, None).sha256


def test_a_folder_and_an_archive_here(adapter, base, tmp_path, cache, progress):
    assert folder_of(str(adapter), progress) == adapter
    archive = packed(adapter, tmp_path / "mine.tar.gz")
    found = folder_of(str(archive), progress)
    assert same(found, adapter, base)
    assert folder_of(str(archive), progress) == found


def test_an_archive_behind_an_address(adapter, base, tmp_path, cache, progress, site):
    url = site.serve("/mine.tgz", body(packed(adapter, tmp_path / "mine.tgz").read_bytes()))
    assert same(folder_of(url, progress), adapter, base)
    assert same(folder_of(url, progress), adapter, base)
    assert site.requests == ["/mine.tgz"]


def test_a_folder_in_a_package(adapter, base, tmp_path, cache, progress, monkeypatch):
    inside = {f"my_lora/v2/{name}": content for name, content in files_of(adapter).items()}
    wheel(tmp_path, "my_lora", "1.0", inside)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert same(folder_of("pip:my-lora==1.0/my_lora/v2", progress), adapter, base)


PROGRAM = """
import sys
from benchmark.core.adapter_source import folder_of
from benchmark.progress import Silent
print(folder_of(sys.argv[1], Silent()))
"""


def test_a_revision_on_the_hub(adapter, base, tmp_path, site: Site):
    """The real hub client, in a process of its own (it reads its address at import)."""
    files = files_of(adapter)
    siblings = [{"rfilename": name} for name in files]
    about = json.dumps({"id": "org/lora", "sha": COMMIT, "siblings": siblings}).encode()
    rows = [
        {"type": "file", "path": name, "size": len(content), "oid": f"{number:040x}"}
        for number, (name, content) in enumerate(files.items(), 1)
    ]
    site.serve("/api/models/org/lora/revision/v1", body(about))
    for true, false in (("True", "False"), ("true", "false")):
        path = f"/api/models/org/lora/tree/v1?recursive={true}&expand={false}"
        site.serve(path, body(json.dumps(rows).encode()))
        site.serve(path.replace("v1", COMMIT), body(json.dumps(rows).encode()))
    for number, (name, content) in enumerate(files.items(), 1):
        answer = body(content, ETag=f'"{number:040x}"', X_Repo_Commit=COMMIT)
        site.serve(f"/org/lora/resolve/{COMMIT}/{name}", answer)
    settings = {"HF_ENDPOINT": site.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    settings |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "org/lora@v1"],
        env={**os.environ, **settings}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = Path(done.stdout.strip())
    assert found.name == COMMIT
    assert same(found, adapter, base)


def put(adapter: Path, base: Path, key: str, created: str, *answered: tuple[str, str]) -> None:
    """Put a copy of an adapter into the cache that has answered as these candidates."""
    folder = Cache().path("adapters", key)
    folder.mkdir()
    for name, content in files_of(adapter).items():
        (folder / name).write_bytes(content)
    tiny_adapters.describe(folder, base, key, created=created)
    rows = (
        AdapterEvaluation(
            suite=suite, run_id="r", candidate=candidate, finished=created, n=1, scores={},
            changed=None, verdict="pass",
        )
        for suite, candidate in answered
    )  # fmt: skip
    (folder / adapters.EVALUATIONS).write_text(
        "".join(row.model_dump_json() + "\n" for row in rows)
    )


def test_our_own_by_the_name_that_they_answered_under(adapter, base, cache, progress):
    old, new, other = "1a" * 16, "1b" * 16, "2c" * 16
    put(adapter, base, old, "2026-11-20T10:00:00+00:00", ("legi", "lora"))
    put(adapter, base, new, "2026-11-22T10:00:00+00:00", ("legi", "lora"), ("tiny", "small"))
    put(adapter, base, other, "2026-11-23T10:00:00+00:00", ("tiny", "lora"))
    for name, key in {
        "cache:lora": other,
        "cache:legi/lora": new,
        "cache:lora@1a": old,
        "cache:legi/lora@1b": new,
        "cache:small": new,
        "cache:1a": old,
    }.items():
        assert folder_of(name, progress).name == key, name
    with pytest.raises(StoreError, match="'1' begins 2 keys of lora"):
        folder_of("cache:lora@1", progress)
    for name in ("cache:lora@3", "cache:none", "cache:legi/small", "cache:@1a"):
        with pytest.raises(StoreError, match="no adapter"):
            folder_of(name, progress)


def test_what_is_no_adapter_is_said(tmp_path, cache, progress):
    (tmp_path / "a.safetensors").write_bytes(b"x")
    with pytest.raises(CandidateError, match="is a file, and an adapter is a folder"):
        folder_of(str(tmp_path / "a.safetensors"), progress)
    (tmp_path / "a.tgz").write_bytes(b"x")
    with pytest.raises(BenchError, match=r"a\.tgz"):
        folder_of(str(tmp_path / "a.tgz"), progress)


def plan(base: Path, adapter: str):
    content = {
        "suite": "s",
        "dataset": {"use": "jsonl", "path": str(base / "config.json")},
        "backend": {"use": "hf", "model": str(base)},
        "candidates": {"base": {}, "mine": {"adapter": adapter}},
        "metrics": {"rouge": {}},
        "baseline": "base",
    }
    return make_plan(Suite.model_validate(content))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("./absent", "no such file or folder: ./absent"),
        ("pip:x", "pip:x"),
        ("http://example.org/a.tgz", "http"),
        ("a b", "a b"),
    ],
)
def test_a_plan_sees_what_needs_no_network(base, name, says):
    with pytest.raises(ConfigError, match=says) as caught:
        plan(base, name)
    assert caught.value.problems[0].where.endswith("candidates.mine.adapter")


def test_a_plan_takes_each_way_and_the_adapter_is_checked_with_the_base(
    adapter, base, tmp_path, cache, progress: Remembering
):
    for name in ("org/lora@v1", "npm:lora@1.0.0/a", "https://example.org/a.tgz", "cache:lora@1a"):
        assert plan(base, name).candidate("mine").spec.adapter == name
    archive = str(packed(adapter, tmp_path / "mine.tar.gz"))
    found = loaded(plan(base, archive).candidate("mine"), progress)
    assert found.sha256 == fit.check(adapter, None).sha256
    wide = tiny.build(tmp_path / "wide", width=64)
    with pytest.raises(CandidateError):
        loaded(plan(wide, archive).candidate("mine"), progress)
