"""A service that does as it is told, for the page's edge states: real sockets, scripted jobs."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles

import benchmark
from benchmark.service.app import CSP, FRAME

WEB = Path(benchmark.__file__).parent / "service" / "web"
NOW = "2026-11-24T12:00:00+00:00"
BLANK: dict[str, Any] = {
    "name": "", "suite": "tiny", "state": "queued", "verdict": None, "exit_code": None,
    "priority": 0, "created": NOW, "started": None, "finished": None, "attempts": 0,
    "progress": None, "metrics": {}, "error": None, "run_id": None, "links": {},
}  # fmt: skip


class Fake:
    """What the server holds; a test changes it while the page looks on."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.files: dict[str, dict[str, str]] = {}
        self.suites: list[dict[str, Any]] = []
        self.boards: list[dict[str, Any]] = []
        self.token = ""
        self.refusals: list[tuple[str, int, dict[str, Any], dict[str, str]]] = []
        """(METHOD path, status, body, headers): each is answered once, in the place of ours."""
        self.cut_after = 0
        """A stream breaks after so many events; 0: never."""
        self.calls: list[tuple[str, str, Any]] = []
        self.streams: list[str] = []
        """Each stream's Last-Event-ID."""

    def job(self, **more: Any) -> str:
        """Add a job."""
        name = f"{len(self.jobs) + 1:016x}"
        self.jobs[name] = {"id": name, **BLANK, **more}
        self.events[name], self.files[name] = [], {}
        return name

    def tell(self, job: str, kind: str, **data: Any) -> None:
        """Let something happen to a job; a state, or its end, changes it."""
        if kind in ("state", "end"):
            self.jobs[job].update(data)
        elif kind == "progress":
            self.jobs[job]["progress"] = data
        self.events[job].append((kind, data))

    async def __call__(self, request: Request) -> Response:
        """Answer a call of the API."""
        path, method = request.path_params["path"], request.method
        body = json.loads(await request.body() or b"null")
        self.calls.append((method, path, body or dict(request.query_params)))
        for place, (what, status, told, headers) in enumerate(self.refusals):
            if what == f"{method} {path}":
                del self.refusals[place]
                return JSONResponse(told, status, headers=headers)
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": {"what": "a token is needed"}}, 401)
        return self._answer(request, method, path.split("/"), body)

    def _answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        if parts[0] != "jobs":
            return JSONResponse(self.suites if parts == ["suites"] else self.boards)
        if parts == ["jobs"] and method == "POST":
            made = self.job(name=body["name"], priority=body["priority"])
            return JSONResponse(self.jobs[made], 201)
        if parts == ["jobs"]:
            return JSONResponse(self._page(request.query_params))
        if parts[1] not in self.jobs:
            return JSONResponse({"error": {"what": "there is no such job"}}, 404)
        if method == "GET":
            return self._read(request, parts[1], "/".join(parts[2:]))
        return self._change(method, parts[1], parts[2:])

    def _change(self, method: str, job: str, verb: list[str]) -> Response:
        if method == "DELETE":
            del self.jobs[job]
            return Response(None, 204)
        self.tell(job, "state", state="cancelling" if verb == ["cancel"] else "queued")
        return JSONResponse(self.jobs[job])

    def _read(self, request: Request, job: str, what: str) -> Response:
        if what == "events":
            return StreamingResponse(self._stream(request, job), media_type="text/event-stream")
        events = enumerate(self.events[job], 1)
        after = int(request.query_params.get("after", 0))
        lines = [
            {"seq": at, "at": NOW, "line": data["line"]}
            for at, (kind, data) in events
            if kind == "log" and at > after
        ]
        files = self.files[job]
        listed = [{"path": path, "bytes": len(text)} for path, text in files.items()]
        known = {
            "": self.jobs[job],
            "logs": {"lines": lines, "next": lines[-1]["seq"] if lines else after},
            "artefacts": listed,
        }
        if what in known:
            return JSONResponse(known[what])
        text = files.get(what.removeprefix("artefacts/"))
        if text is None:
            return JSONResponse({"error": {"what": "not found"}}, 404)
        return Response(text, media_type="application/octet-stream")

    def _page(self, query: Any) -> dict[str, Any]:
        found = [job for job in reversed(self.jobs.values())
                 if job["state"] == query.get("state", job["state"])
                 and job["suite"] == query.get("suite", job["suite"])
                 and query.get("q", "") in f"{job['name']} {job['suite']} {job['id']}"]  # fmt: skip
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        end = start + limit
        return {"jobs": found[start:end], "next": str(end) if end < len(found) else None}

    async def _stream(self, request: Request, job: str) -> Any:
        self.streams.append(request.headers.get("last-event-id", ""))
        at = int(self.streams[-1] or 0)
        sent = 0
        yield "retry: 100\n\n"
        while True:
            for kind, data in self.events.get(job, [])[at:]:
                at, sent = at + 1, sent + 1
                yield f"id: {at}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
                if sent == self.cut_after or (kind == "end" and at == len(self.events[job])):
                    return
            await asyncio.sleep(0.02)


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an application on loopback, on a free port; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on",
                                           timeout_graceful_shutdown=1))  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def application(fake: Fake) -> Any:
    """Return the fake with the page in front of it, under the real service's policy."""
    app = Starlette()
    app.add_route("/", lambda request: Response((WEB / "index.html").read_bytes(),
                                                media_type="text/html"))  # fmt: skip
    app.add_route("/api/v1/{path:path}", fake.__call__, ["GET", "POST", "DELETE"])
    app.mount("/web", StaticFiles(directory=WEB))

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        policy = FRAME if scope.get("path") == "/web/frame.html" else CSP

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = (b"content-security-policy", policy.encode())
                nosniff = (b"x-content-type-options", b"nosniff")
                message = {**message, "headers": [*message["headers"], more, nosniff]}
            await send(message)

        await app(scope, receive, sent)

    return guarded
