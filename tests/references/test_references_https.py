from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path

import pytest
from references_helpers import Remembering, Site, body, entries, status

from benchmark.errors import FetchError
from benchmark.references import download, fetch

CONTENT = "article é\n".encode() * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.01)


def test_a_file_is_fetched_once(site: Site, cache: Path, progress: Remembering) -> None:
    url = site.serve("/data/code.json", body(CONTENT))
    fetched = fetch(f"{url}#sha256={DIGEST}", progress)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.path.name == "code.json"
    assert (fetched.sha256, fetched.label) == (DIGEST, url)
    assert progress.moved == progress.total == len(CONTENT)
    assert fetch(f"{url}#sha256={DIGEST}", progress) == fetched
    assert site.requests == ["/data/code.json"]
    assert progress.lines == []


def test_without_a_checksum_it_tells_the_one_to_pin(
    site: Site, cache: Path, progress: Remembering
) -> None:
    fetch(site.serve("/x", body(CONTENT, length=-1)), progress)
    assert progress.lines == [f"{site.url}/x has no checksum; to pin it add #sha256={DIGEST}"]


def test_a_wrong_checksum_keeps_nothing(site: Site, cache: Path, progress: Remembering) -> None:
    url = site.serve("/x", body(CONTENT))
    with pytest.raises(FetchError, match=f"expected {'0' * 64}, got {DIGEST}"):
        fetch(f"{url}#sha256={'0' * 64}", progress)
    assert entries(cache) == []
    assert site.requests == ["/x"]  # the same bytes would come again


def test_trouble_that_passes(site: Site, cache: Path, progress: Remembering) -> None:
    cut = body(CONTENT[:100], length=len(CONTENT))
    url = site.serve("/x", status(500), cut, body(CONTENT))
    assert fetch(url, progress).path.read_bytes() == CONTENT
    assert progress.moved == len(CONTENT)  # the bytes of the cut attempt are taken back


@pytest.mark.parametrize(
    ("answer", "says", "attempts"),
    [
        (body(CONTENT[:100], length=len(CONTENT)), "100 of 11000|connection broke", 3),
        (status(503), "answered 503", 3),
        (status(404), "answered 404 Not Found; check the address", 1),
        (status(403), "answered 403", 1),
        (status(302, Location="http://example.com/x"), "not encrypted", 1),
        (status(302, Location="ftp://127.0.0.1/x"), "not encrypted", 1),
        (status(302, Location="/x"), "answered 302", None),  # round and round
    ],
)
def test_trouble_that_stays(
    site: Site, cache: Path, progress: Remembering, answer: object, says: str, attempts: int | None
) -> None:
    url = site.serve("/x", answer)  # type: ignore[arg-type]
    with pytest.raises(FetchError, match=says) as caught:
        fetch(url, progress)
    assert "\n" not in str(caught.value)
    assert attempts is None or len(site.requests) == attempts
    assert entries(cache) == []


def test_a_redirect_is_followed(site: Site, cache: Path, progress: Remembering) -> None:
    site.serve("/there", body(CONTENT))
    url = site.serve("/here", status(302, Location="/there"))
    assert fetch(url, progress).path.read_bytes() == CONTENT


def test_nobody_answers(cache: Path, progress: Remembering) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match=r"cannot connect: .* \(3 attempts\); check"):
        fetch(f"http://127.0.0.1:{port}/x", progress)
    assert entries(cache) == []


def test_a_server_that_hangs_up_at_once(tmp_path: Path, site: Site, progress: Remembering) -> None:
    url = site.serve("/x", lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))
    with pytest.raises(FetchError, match="cannot connect"), progress.step("x") as tick:
        download.download(url, tmp_path / "x", tick)


@pytest.mark.parametrize("after_the_headers", [False, True])
def test_a_server_that_falls_silent(
    tmp_path: Path, site: Site, progress: Remembering, after_the_headers: bool
) -> None:
    def silent(handler: object) -> None:
        if after_the_headers:
            body(b"", length=10)(handler)  # type: ignore[arg-type]
        time.sleep(0.6)

    url = site.serve("/x", silent)
    with pytest.raises(FetchError, match=r"silent|no answer in"), progress.step("x") as tick:
        download.download(url, tmp_path / "x", tick, timeout=0.2, attempts=1)


def test_accents_in_an_address(site: Site, cache: Path, progress: Remembering) -> None:
    site.serve("/donn%C3%A9es/%C3%A9t%C3%A9%201.json", body(CONTENT))
    fetched = fetch(f"{site.url}/données/été%201.json", progress)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.path.name == "été-1.json"


@pytest.mark.parametrize(
    "path", ["/", "/..", "/%2e%2e", "/a%2f..%2f..%2fx", "/.hidden", "/" + "n" * 300]
)
def test_no_address_names_a_file_outside_the_cache(
    site: Site, cache: Path, progress: Remembering, path: str
) -> None:
    fetched = fetch(site.serve(path, body(CONTENT)), progress)
    assert fetched.path.resolve().parent.parent.parent == (cache / "packages").resolve()
    assert fetched.path.read_bytes() == CONTENT
