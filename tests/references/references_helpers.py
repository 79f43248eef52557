"""A loopback web server that can misbehave, a progress that remembers, and archive makers."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """Answers by path; a path with several answers gives them in turn, the last for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                answers = site.answers.get(self.path, [status(404)])
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # a client that hangs up in the middle is what some tests are about

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path


def body(content: bytes, length: int | None = None, **headers: str) -> Answer:
    """Answer 200; `length` announces another length, -1 none at all."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length != -1:
            handler.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    return answer


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


class Remembering:
    """A `Progress` that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.moved = 0.0
        self.total: float | None = None

    @contextmanager
    def step(self, label: str, **_: object) -> Iterator[Callable[..., None]]:
        self.steps.append(label)

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            self.moved += advance
            self.total = total if total is not None else self.total

        yield tick

    def say(self, line: str) -> None:
        self.lines.append(line)


def entries(cache: Path) -> list[str]:
    """Names in the cache but for locks: nothing half-written may be among them."""
    return sorted(path.name for path in (cache / "packages").iterdir() if path.suffix != ".lock")


def wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for inner, content in files.items():
            package.writestr(inner, content)
        package.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        package.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        package.writestr(f"{info}/RECORD", "")
    return path


def tarball(files: dict[str, bytes], first: str = "package") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as package:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{first}/{name}")
            info.size = len(content)
            package.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
