"""Export and import: what goes out comes back as it was, and nothing unsafe comes in."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile

import pytest
import tiny
import tiny_adapters

from benchmark.core import adapters, exchange
from benchmark.core.store import Cache
from benchmark.errors import BenchError, CandidateError, FetchError, StoreError
from benchmark.manifests import AdapterEvaluation
from benchmark.models import local_model
from benchmark.references import unpack

KEY = "1a2b" + "0" * 28


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def foreign(base, tmp_path_factory):
    """Return an adapter as PEFT and a trainer leave it: no manifest, pickles beside it."""
    folder = tiny_adapters.build(base, tmp_path_factory.mktemp("foreign"))
    (folder / "training_args.bin").write_bytes(b"\x80\x04.")
    (folder / "run.py").write_text("raise SystemExit")
    return folder


@pytest.fixture
def ours(foreign, base):
    """Return an adapter of the cache, with manifest and one evaluation."""
    folder = shutil.copytree(foreign, Cache().path("adapters", KEY))
    tiny_adapters.describe(folder, base, KEY)
    row = AdapterEvaluation(
        suite="s", run_id="r", candidate="c", finished="f", n=1, scores={}, changed=None,
        verdict="pass",
    )  # fmt: skip
    (folder / "evaluations.jsonl").write_text(row.model_dump_json() + "\n")
    return adapters.find(KEY)


def contents(folder):
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != "imported.json"
    }


def archive(path, files, link=None):
    """Write a tar.gz of names and contents, and perhaps one symbolic link."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return str(path)


def nothing_came_in(tmp_path):
    found = [path for path in tmp_path.rglob("evil*")]
    return adapters.entries() == [] and not found


# --- there and back -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["copy", "copy.tar.gz", "copy.tgz"])
def test_what_goes_out_comes_back(ours, tmp_path, monkeypatch, name):
    names = exchange.export(ours, tmp_path / name)
    assert "training_args.bin" not in names and "run.py" not in names
    assert {"adapter_model.safetensors", "adapter_config.json", "manifest.json"} < set(names)

    here = exchange.take_in(str(tmp_path / name))
    assert (here.entry.key, here.new) == (KEY, False)  # it never left

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "other machine"))
    there = exchange.take_in(str(tmp_path / name))
    assert (there.entry.key, there.new, there.left_out) == (KEY, True, ())
    assert there.entry.manifest == ours.manifest
    assert there.entry.evaluations == ours.evaluations
    assert there.entry.imported.source == str(tmp_path / name)
    assert contents(there.entry.path) == {name: (ours.path / name).read_bytes() for name in names}
    assert exchange.take_in(str(tmp_path / name)).new is False


def test_an_archive_is_the_same_bytes_each_time(ours, tmp_path):
    exchange.export(ours, tmp_path / "a.tar.gz")
    os.utime(ours.path / "manifest.json", (0, 0))
    exchange.export(ours, tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_foreign_adapter_is_described_by_what_is_known(foreign, base, tmp_path):
    done = exchange.take_in(str(foreign))
    assert done.new and done.left_out == ("run.py", "training_args.bin")
    entry = done.entry
    assert entry.manifest is None
    assert (entry.imported.method, entry.imported.base) == ("lora", str(base))
    assert entry.imported.base_sha256 is None
    assert entry.imported.parameters["r"] == 4
    from safetensors.torch import load_file

    weights = load_file(foreign / "adapter_model.safetensors")
    count = sum(tensor.numel() for tensor in weights.values())
    assert entry.imported.trainable_parameters == count
    assert entry.imported.adapter_bytes == (foreign / "adapter_model.safetensors").stat().st_size

    again = exchange.take_in(str(foreign))
    assert (again.entry.key, again.new) == (entry.key, False)
    exchange.export(entry, tmp_path / "copy.tar.gz")
    assert exchange.take_in(str(tmp_path / "copy.tar.gz")).entry.key == entry.key


def test_a_base_that_is_at_hand_is_checked_and_remembered(foreign, base, tmp_path):
    model = local_model(str(base))
    assert exchange.take_in(str(foreign), model).entry.imported.base_sha256 == model.sha256
    other = tiny.build(tmp_path / "other", seed=4)
    (entry,) = adapters.entries()
    with pytest.raises(CandidateError, match="not on other"):
        exchange.take_in(str(entry.path), local_model(str(other)))


def test_full_fine_tuning_goes_out_and_comes_back(base, tmp_path):
    folder = tiny_adapters.full(base, tmp_path / "full")
    entry = exchange.take_in(str(folder), local_model(str(base))).entry
    assert entry.imported.method == "full"
    exchange.export(entry, tmp_path / "full.tar.gz")
    assert exchange.take_in(str(tmp_path / "full.tar.gz")).entry.key == entry.key
    with pytest.raises(StoreError, match="does not say which base it is for; give --base"):
        exchange.base_of(entry)


def test_the_base_is_told_by_manifest_import_or_configuration(ours, foreign, base):
    assert exchange.base_of(ours) == str(base)
    assert exchange.base_of(adapters.find(str(foreign))) == str(base)
    assert exchange.base_of(exchange.take_in(str(foreign)).entry) == str(base)


# --- refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["copy", "copy.tar.gz"])
def test_nothing_is_overwritten(ours, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        exchange.export(ours, tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


def test_a_damaged_adapter_does_not_go_out(ours, tmp_path):
    path = ours.path / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CandidateError, match="is damaged"):
        exchange.export(ours, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_nothing(ours, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device"):
        exchange.export(ours, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "a/b/../../../evil", "a\\evil"]
)
def test_a_path_out_of_the_archive(foreign, tmp_path, name):
    files = {f"a/{file}": content for file, content in contents(foreign).items()}
    source = archive(tmp_path / "bad.tar.gz", files | {name: b"x"})
    with pytest.raises(FetchError, match=r"unsafe archive: .* leaves its folder"):
        exchange.take_in(source)
    assert nothing_came_in(tmp_path)


def test_a_link_in_the_archive(foreign, tmp_path):
    files = {f"a/{file}": content for file, content in contents(foreign).items()}
    source = archive(tmp_path / "bad.tar.gz", files, link="a/evil.json")
    with pytest.raises(FetchError, match="is not a plain file"):
        exchange.take_in(source)
    assert nothing_came_in(tmp_path)


def test_a_link_in_a_folder(foreign, tmp_path):
    folder = shutil.copytree(foreign, tmp_path / "a")
    (folder / "secret.json").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="holds a link"):
        exchange.take_in(str(folder))
    assert nothing_came_in(tmp_path)


def test_an_archive_that_unpacks_to_far_more(foreign, tmp_path, monkeypatch):
    files = {f"a/{file}": content for file, content in contents(foreign).items()}
    source = archive(tmp_path / "bad.tar.gz", files | {"a/zero.json": b"0" * 40_000_000})
    monkeypatch.setattr(unpack, "MIN_LIMIT", 1 << 20)
    with pytest.raises(FetchError, match="unpacks to more than"):
        exchange.take_in(source)
    monkeypatch.setattr(unpack, "MAX_FILES", 3)
    with pytest.raises(FetchError, match="more than 3 files"):
        exchange.take_in(archive(tmp_path / "many.tar.gz", {f"a/{n}": b"" for n in range(9)}))
    assert nothing_came_in(tmp_path)
    assert [path.name for path in Cache().path("adapters", "x").parent.iterdir()] == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_a_damaged_archive(tmp_path, content):
    (tmp_path / "bad.tar.gz").write_bytes(content)
    with pytest.raises(FetchError):
        exchange.take_in(str(tmp_path / "bad.tar.gz"))
    assert nothing_came_in(tmp_path)


def test_only_pickles(foreign, tmp_path):
    files = {f"a/{file}": content for file, content in contents(foreign).items()}
    files["a/adapter_model.bin"] = files.pop("a/adapter_model.safetensors")
    source = archive(tmp_path / "bad.tar.gz", files)
    with pytest.raises(CandidateError, match=r"bad\.tar\.gz holds only pickled weights"):
        exchange.take_in(source)
    assert nothing_came_in(tmp_path)


def test_another_adapter_under_a_known_key(ours, base, tmp_path):
    folder = tiny_adapters.build(base, tmp_path / "other", seed=5)
    tiny_adapters.describe(folder, base, KEY)
    with pytest.raises(StoreError, match="holds another adapter under the key 1a2b0000"):
        exchange.take_in(str(folder))
    assert adapters.find(KEY).manifest == ours.manifest


def test_a_key_that_is_a_path_is_not_used(foreign, base, tmp_path):
    folder = shutil.copytree(foreign, tmp_path / "other")
    tiny_adapters.describe(folder, base, "../../evil")
    entry = exchange.take_in(str(folder)).entry
    assert entry.path.parent == Cache().path("adapters", "x").parent
    assert not [path for path in tmp_path.rglob("evil*")]


def test_evaluations_that_are_none(foreign, tmp_path):
    folder = shutil.copytree(foreign, tmp_path / "other")
    (folder / "evaluations.jsonl").write_text(json.dumps({"score": "best"}) + "\n")
    with pytest.raises(StoreError, match=r"evaluations\.jsonl cannot be read"):
        exchange.take_in(str(folder))
    assert nothing_came_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "is not there"), ("x.zip", "is no folder and no archive")],
)
def test_no_such_source(tmp_path, name, message):
    (tmp_path / "x.zip").touch()
    with pytest.raises(BenchError, match=message):
        exchange.take_in(str(tmp_path / name))
