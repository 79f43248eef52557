"""pip and npm are the real ones; only what they ask is on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from references_helpers import Remembering, Site, body, entries, tarball, wheel

from benchmark.errors import FetchError
from benchmark.keys import sha256_of_file
from benchmark.references import fetch, fetch_first
from benchmark.references.clients import redact

FILES = {"tiny/model/weights.bin": b"\x00\x01" * 500, "tiny/model/config.json": b"{}"}

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give pip a folder of wheels, and nothing else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


@pytest.fixture
def registry(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Give npm a registry with one package; return its archive."""
    archive = tarball({"package.json": b"{}", "data/code.json": b'{"type": "code"}'})
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    version = {
        "name": "@demo/tiny",
        "version": "1.2.3",
        "dist": {"tarball": f"{site.url}/tiny.tgz", "integrity": integrity},
    }
    about = {"name": "@demo/tiny", "dist-tags": {}, "versions": {"1.2.3": version}}
    site.serve("/@demo%2ftiny", body(json.dumps(about).encode(), Content_Type="application/json"))
    site.serve("/tiny.tgz", body(archive))
    (tmp_path / "npmrc").touch()
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", site.url)
    return archive


def test_pip(wheels: Path, cache: Path, progress: Remembering) -> None:
    archive = wheel(wheels, "tiny", "1.0", FILES)
    digest = sha256_of_file(archive)
    file = fetch(f"pip:tiny==1.0/tiny/model/weights.bin#sha256={digest}", progress)
    assert file.path.read_bytes() == FILES["tiny/model/weights.bin"]
    assert file.sha256 == digest
    folder = fetch("pip:tiny==1.0/tiny/model", progress)
    assert sorted(path.name for path in folder.path.iterdir()) == ["config.json", "weights.bin"]
    whole = fetch("pip:tiny==1.0", progress)
    assert (whole.path / "tiny" / "model" / "config.json").is_file()
    shutil.rmtree(wheels)  # from now on nobody could fetch it again
    assert fetch(f"pip:tiny==1.0/tiny/model/weights.bin#sha256={digest}", progress) == file
    assert fetch("pip:tiny==1.0/tiny/model", progress) == folder
    assert not list(cache.rglob("*.whl"))


def test_pip_never_runs_code(wheels: Path, cache: Path, progress: Remembering) -> None:
    wheels.mkdir()
    (wheels / "tiny-1.0.tar.gz").write_bytes(tarball({"setup.py": b"raise SystemExit"}, "tiny-1.0"))
    with pytest.raises(FetchError, match="pip failed"):
        fetch("pip:tiny==1.0", progress)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("pip:tiny==2.0", "pip failed: .*No matching distribution.*check the name, the version"),
        (
            "pip:tiny==1.0/tiny/model/weight.bin",
            r"no tiny/model/weight\.bin .*weights\.bin",
        ),
        ("pip:tiny==1.0#sha256=" + "0" * 64, "checksum differs: expected 0000"),
    ],
)
def test_pip_in_trouble(
    wheels: Path, cache: Path, progress: Remembering, reference: str, says: str
) -> None:
    wheel(wheels, "tiny", "1.0", FILES)
    with pytest.raises(FetchError, match=says) as caught:
        fetch(reference, progress)
    assert "\n" not in str(caught.value)
    assert entries(cache) == []


def test_pip_says_no_password(
    wheels: Path, cache: Path, progress: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    with pytest.raises(FetchError, match="no connection to the package index") as caught:
        fetch("pip:tiny==1.0", progress)
    assert "secret" not in str(caught.value)


def test_redact() -> None:
    text = "GET https://me:p@ss@host.example/x and npm://token@h, mail a@b.example"
    assert redact(text) == "GET https://***@host.example/x and npm://***@h, mail a@b.example"


def test_a_python_without_pip(
    tmp_path: Path, cache: Path, progress: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    folder = "Scripts" if os.name == "nt" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / folder / "python"))
    with pytest.raises(FetchError, match="no pip; python -m ensurepip"):
        fetch("pip:tiny==1.0", progress)


@needs_npm
def test_npm(registry: bytes, site: Site, cache: Path, progress: Remembering) -> None:
    digest = hashlib.sha256(registry).hexdigest()
    file = fetch(f"npm:@demo/tiny@1.2.3/data/code.json#sha256={digest}", progress)
    assert file.path.read_bytes() == b'{"type": "code"}'
    assert file.sha256 == digest
    asked = len(site.requests)
    # Another file of the same package comes out of npm's own cache.
    assert fetch("npm:@demo/tiny@1.2.3/package.json", progress).path.read_bytes() == b"{}"
    assert len(site.requests) == asked


@needs_npm
def test_npm_in_trouble(registry: bytes, site: Site, cache: Path, progress: Remembering) -> None:
    with pytest.raises(FetchError, match=r"npm failed: .*9\.9\.9.*check the name"):
        fetch("npm:@demo/tiny@9.9.9", progress)
    site.serve("/tiny.tgz", body(registry[:-40]))
    with pytest.raises(FetchError, match="npm failed"):
        fetch("npm:@demo/tiny@1.2.3", progress)
    assert entries(cache) == []


def test_without_npm_the_next_source_acts(
    site: Site, cache: Path, progress: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    url = site.serve("/code.json", body(b"{}"))
    with pytest.raises(FetchError, match=r"npm is not installed; install Node\.js"):
        fetch("npm:tiny@1.0.0/x", progress)
    fetched = fetch_first(["npm:tiny@1.0.0/x", url], progress)
    assert fetched.path.read_bytes() == b"{}"
    assert "npm is not installed" in progress.lines[0]
    assert progress.lines[0].endswith(f"trying {url}")
    said = len(progress.lines)
    assert fetch_first(["npm:tiny@1.0.0/x", url], progress) == fetched
    assert len(progress.lines) == said  # the cached source goes first, so npm is not asked


def test_a_wrong_checksum_is_said_before_the_next_source_acts(
    site: Site, cache: Path, progress: Remembering
) -> None:
    bad = site.serve("/bad", body(b"bad")) + "#sha256=" + "0" * 64
    good = site.serve("/good", body(b"good"))
    assert fetch_first([bad, good], progress).label == good
    assert "checksum differs" in progress.lines[0]


def test_no_source_works(site: Site, cache: Path, progress: Remembering) -> None:
    with pytest.raises(
        FetchError, match=r"none of 2 sources works: \(1\) .*/a: .*\(2\) .*/b: "
    ) as caught:
        fetch_first([f"{site.url}/a", f"{site.url}/b"], progress)
    assert "\n" not in str(caught.value)
    with pytest.raises(FetchError, match="404 Not Found"):
        fetch_first([f"{site.url}/a"], progress)


@pytest.mark.network
def test_the_public_registries(cache: Path, progress: Remembering) -> None:
    six = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    assert (
        b"def with_metaclass"
        in fetch(f"pip:six==1.16.0/six.py#sha256={six}", progress).path.read_bytes()
    )
    if shutil.which("npm"):
        assert fetch("npm:is-number@7.0.0/index.js", progress).path.is_file()
