"""A server on this machine that speaks OpenAI's protocol, or Gemini's, and misbehaves on demand.

Real sockets and real threads. A script decides, call by call, what happens: it gets the call and
returns a reply, or does something worse to the connection.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def answer(text: str | None, **more: Any) -> dict[str, Any]:
    """Return the body of a good answer."""
    message = {"role": "assistant", "content": text} | more.pop("message", {})
    choice = {"index": 0, "message": message, "finish_reason": "stop"} | more
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}


def gemini(text: str | None, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    """Return the body of an answer in Gemini's protocol; None: a candidate without any parts."""
    content = {"role": "model"} | ({} if text is None else {"parts": [{"text": text}]})
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
    candidate = {"content": content, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"} | more


def question(body: dict[str, Any]) -> str:
    """Return what a call asks: its last turn."""
    if "contents" in body:
        return "".join(part.get("text", "") for part in body["contents"][-1]["parts"])
    return body["messages"][-1]["content"] if "messages" in body else body["prompt"]


@dataclass
class Reply:
    """What the server sends: a body (JSON, or bytes as they are), or how it fails to."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    reset: bool = False
    """Break the connection in the middle of the body."""


@dataclass
class Call:
    """One call as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    at: float
    number: int
    """How often this question was asked, from 1."""


class Loopback:
    """The running server."""

    def __init__(self, script: Callable[[Call], Reply | dict[str, Any]]) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.busy = 0
        self.most = 0
        """Most calls that were in flight at once."""
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.url = ""

    def begin(self, body: dict[str, Any], headers: dict[str, str], path: str) -> Call:
        """Take note of a call."""
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
            self.asked[question(body)] += 1
            call = Call(body, headers, path, time.monotonic(), self.asked[question(body)])
            self.calls.append(call)
        return call

    def end(self) -> None:
        """Take note of a call's end."""
        with self.lock:
            self.busy -= 1


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        state = self.server.state
        call = state.begin(json.loads(raw), dict(self.headers), self.path)
        try:
            reply = state.script(call)
            self.send(reply if isinstance(reply, Reply) else Reply(reply))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had enough
        finally:
            state.end()

    def send(self, reply: Reply) -> None:
        self.server.state.closing.wait(reply.delay)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if reply.reset:
            self.break_off(data)
        elif reply.drip:
            for at in range(len(data)):
                self.wfile.write(data[at : at + 1])
                if self.server.state.closing.wait(reply.drip):
                    return
        else:
            self.wfile.write(data)

    def break_off(self, data: bytes) -> None:
        self.wfile.write(data[: len(data) // 2])
        linger = struct.pack("ii", 1, 0)  # close with a reset, not with a goodbye
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, state: Loopback) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state

    def handle_error(self, *_: Any) -> None:
        pass  # broken connections are what the tests are about


@contextmanager
def serve(script: Callable[[Call], Reply | dict[str, Any]]) -> Iterator[Loopback]:
    """Run the server on a free port."""
    state = Loopback(script)
    server = Server(state)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
