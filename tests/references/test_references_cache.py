from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from references_helpers import Remembering, Site, body, entries

from benchmark.errors import FetchError, StoreError
from benchmark.references import cache_root, fetch

CONTENT = b'{"type": "code"}'


def test_cache_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("BENCH_CACHE")
    assert cache_root().name == "bench"


def test_an_explicit_cache(site: Site, tmp_path: Path, progress: Remembering) -> None:
    fetched = fetch(site.serve("/x.json", body(CONTENT)), progress, cache=tmp_path / "mine")
    assert fetched.path.is_relative_to(tmp_path / "mine")


def _shorten(file: Path, manifest: Path) -> None:
    file.write_bytes(CONTENT[:3])


def _lose(file: Path, manifest: Path) -> None:
    file.unlink()


def _lose_manifest(file: Path, manifest: Path) -> None:
    manifest.unlink()


def _garble_manifest(file: Path, manifest: Path) -> None:
    manifest.write_bytes(b"\xff{")


def _other_manifest(file: Path, manifest: Path) -> None:
    manifest.write_text("[1]")


@pytest.mark.parametrize(
    "damage", [_shorten, _lose, _lose_manifest, _garble_manifest, _other_manifest]
)
def test_a_damaged_entry_is_set_aside_and_fetched_again(
    site: Site, cache: Path, progress: Remembering, damage: object
) -> None:
    url = site.serve("/x.json", body(CONTENT)) + "#sha256=" + hashlib.sha256(CONTENT).hexdigest()
    fetched = fetch(url, progress)
    for _ in range(2):  # the second time there is a set-aside copy in the way
        progress.lines.clear()
        damage(fetched.path, fetched.path.parents[1] / "manifest.json")  # type: ignore[operator]
        assert fetch(url, progress) == fetched
        assert fetched.path.read_bytes() == CONTENT
        assert len(progress.lines) == 1 and "is damaged; set aside" in progress.lines[0]
    assert len(entries(cache)) == 2


def test_a_failed_fetch_is_not_remembered(site: Site, cache: Path, progress: Remembering) -> None:
    with pytest.raises(FetchError):
        fetch(f"{site.url}/x.json", progress)
    url = site.serve("/x.json", body(CONTENT))
    assert fetch(url, progress).path.read_bytes() == CONTENT


def test_a_killed_fetch_is_cleared(site: Site, cache: Path, progress: Remembering) -> None:
    url = site.serve("/x.json", body(CONTENT))
    fetched = fetch(url, progress)
    entry = fetched.path.parents[1]
    os.replace(entry, f"{entry}.part")
    (Path(f"{entry}.part") / "files" / "half").write_bytes(b"half")
    assert fetch(url, progress) == fetched
    assert entries(cache) == [entry.name]
    assert [path.name for path in fetched.path.parent.iterdir()] == ["x.json"]


def test_an_interrupt_leaves_nothing(site: Site, cache: Path, progress: Remembering) -> None:
    def interrupt(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
        raise KeyboardInterrupt

    class Interrupting(Remembering):
        def step(self, label: str, **_: object) -> object:  # type: ignore[override]
            import contextlib

            return contextlib.nullcontext(interrupt)

    url = site.serve("/x.json", body(CONTENT))
    with pytest.raises(KeyboardInterrupt):
        fetch(url, Interrupting())  # type: ignore[arg-type]
    assert entries(cache) == []
    assert fetch(url, progress).path.read_bytes() == CONTENT


def test_two_processes_fetch_once(site: Site, cache: Path) -> None:
    def slow(handler: object) -> None:
        time.sleep(0.5)
        body(CONTENT)(handler)  # type: ignore[arg-type]

    url = site.serve("/x.json", slow)
    program = (
        "import sys; from benchmark.progress import Silent; from benchmark.references import fetch;"
        "print(fetch(sys.argv[1], Silent()).path.read_text())"
    )
    command = [sys.executable, "-c", program, url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in both] == [CONTENT.decode()] * 2
    assert site.requests == ["/x.json"]


def test_a_cache_that_cannot_be_written(site: Site, tmp_path: Path, progress: Remembering) -> None:
    (tmp_path / "file").touch()
    url = site.serve("/x.json", body(CONTENT))
    with pytest.raises(StoreError, match=r"cannot write the cache.*set BENCH_CACHE"):
        fetch(url, progress, cache=tmp_path / "file")


def test_offline(
    site: Site, cache: Path, progress: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.serve("/x.json", body(CONTENT))
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(FetchError, match="not in the cache, and BENCH_OFFLINE is set"):
        fetch(url, progress)
    assert site.requests == []
    monkeypatch.setenv("BENCH_OFFLINE", "0")
    fetched = fetch(url, progress)
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    assert fetch(url, progress) == fetched


def test_the_manifest_tells_what_it_is(site: Site, cache: Path, progress: Remembering) -> None:
    url = site.serve("/x.json", body(CONTENT))
    fetched = fetch(url, progress)
    manifest = json.loads((fetched.path.parents[1] / "manifest.json").read_text())
    assert manifest == {
        "reference": url,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "files": {"x.json": len(CONTENT)},
    }


def test_local_files_and_folders(tmp_path: Path, progress: Remembering) -> None:
    file = tmp_path / "model" / "a" / "x.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    fetched = fetch(f"{file}#sha256={digest}", progress)
    assert (fetched.path, fetched.sha256, fetched.label) == (file, digest, str(file))
    before = fetch(str(tmp_path / "model"), progress).sha256
    assert fetch(str(tmp_path / "model"), progress).sha256 == before
    file.write_bytes(CONTENT + b" ")
    changed = fetch(str(tmp_path / "model"), progress).sha256
    file.rename(file.with_name("y.json"))
    renamed = fetch(str(tmp_path / "model"), progress).sha256
    assert len({before, changed, renamed}) == 3
    with pytest.raises(FetchError, match="checksum differs"):
        fetch(f"{tmp_path / 'model'}#sha256={before}", progress)
