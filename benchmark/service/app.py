"""The application: routes put together, errors told alike, the guard in front.

Imports FastAPI: imported itself only where a server starts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from benchmark import __version__
from benchmark.errors import BenchError, Problem
from benchmark.service import jobs, tokens
from benchmark.service.figures import Figures
from benchmark.service.requests import NotAllowed
from benchmark.service.routes import add_routes
from benchmark.service.routes_files import add_file_routes
from benchmark.service.routes_plain import API, add_plain_routes
from benchmark.service.schemas import Failure, Trouble
from benchmark.service.security import Guard, Rates, Refusal, Rules
from benchmark.service.state import Service
from benchmark.service.stream import Hub

LOG = logging.getLogger("bench.service")
CODES = {jobs.NotFound: 404, jobs.Conflict: 409, jobs.TooMany: 429, NotAllowed: 403}
WORDS = {401: "a token is needed", 403: "the token may not", 404: "not found", 409: "not now",
         413: "too long", 415: "not this type", 422: "something in it is wrong",
         429: "too many", 503: "the database is down"}  # fmt: skip
ABOUT = "Train, evaluate and compare language models: each job is one `bench run`."
THREADS = 12
"""Requests that work at once; the others wait their turn."""
CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


FRAME = (
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
"""Of the frame that the page shows reports in: of no origin, and without any way out."""


def create_app(service: Service) -> Guard:
    """Return the whole application (ASGI)."""
    failures: dict[int | str, dict[str, Any]] = {
        code: {"model": Failure, "description": words} for code, words in WORDS.items()
    }
    app = FastAPI(
        title="bench",
        version=__version__,
        description=ABOUT,
        openapi_url=f"{API}/openapi.json",
        docs_url=f"{API}/docs",
        redoc_url=None,
        responses=failures,
        redirect_slashes=False,
        lifespan=_few_threads,
    )
    figures, hub = Figures(service.database), Hub(service.database)
    add_plain_routes(app, service, figures)
    add_routes(app, service, hub)
    add_file_routes(app, service)
    if service.web.is_dir():
        app.mount("/web", StaticFiles(directory=service.web), name="web")
    _tell_errors(app)
    config = service.config
    rules = Rules(
        hosts=service.hosts,
        auth=service.auth,
        find=lambda secret: tokens.find(service.database, secret),
        rates=Rates(config.rate, config.burst),
        sizes={f"{API}/data": config.max_upload, "": config.max_body},
        answer=lambda refusal: failure(
            refusal.status, [Problem("", refusal.what, refusal.hint)], refusal.headers
        ),
    )
    return Guard(_timed(app, figures), app, rules)


@asynccontextmanager
async def _few_threads(app: FastAPI) -> AsyncIterator[None]:
    """Let few requests work at once: they share one Python, and more only wait for its lock."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def failure(status: int, problems: list[Problem], headers: Any = None) -> JSONResponse:
    """Return the answer for something that is wrong."""
    told = [Trouble(what=one.what, where=one.where, hint=one.hint) for one in problems]
    body = Failure(error=told[0], problems=told if len(told) > 1 else [])
    return JSONResponse(body.model_dump(), status, headers=dict(headers or {}))


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(BenchError)
    async def _bench(request: Request, error: BenchError) -> JSONResponse:
        return failure(CODES.get(type(error), 422), list(error.problems))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return failure(error.status_code, [Problem("", str(error.detail))], error.headers)

    @app.exception_handler(RequestValidationError)
    async def _shape(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            Problem(".".join(str(part) for part in item["loc"]), str(item["msg"]))
            for item in error.errors()
        ]
        return failure(422, problems[:50])

    @app.exception_handler(Refusal)
    async def _refused(request: Request, refusal: Refusal) -> JSONResponse:
        problem = Problem("", refusal.what, refusal.hint)
        return failure(refusal.status, [problem], refusal.headers)

    @app.exception_handler(SQLAlchemyError)
    async def _database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        LOG.error("database: %s", " ".join(str(getattr(error, "orig", error)).split())[:300])
        problem = Problem("", "the database does not answer", "try again in a minute")
        return failure(503, [problem], {"Retry-After": "10"})

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        # What happened is for the server's log; a stranger learns nothing from it.
        return failure(500, [Problem("", "this is a bug in bench; the server's log has more")])


def _timed(app: FastAPI, figures: Figures) -> Any:
    """Return the application with each request's time taken, and safe headers on each answer."""

    async def timed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = _headers(scope["path"], {name.lower() for name, _ in message["headers"]})
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        try:
            await app(scope, receive, sent)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "other")
            figures.request(scope["method"], path, status, time.perf_counter() - started)

    return timed


def _headers(path: str, given: set[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what keeps browsers from believing too much."""
    headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
    if b"content-security-policy" in given or path.endswith("/docs"):
        return headers  # FastAPI's page of documentation fetches its scripts elsewhere
    policy = FRAME if path == "/web/frame.html" else CSP
    return [*headers, (b"content-security-policy", policy.encode())]
