"""Routes beside the jobs: the page, health, figures, suites, the leaderboard."""

from __future__ import annotations

from fastapi import FastAPI, Query, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from sqlalchemy import text

from benchmark import __version__
from benchmark.service import leaderboard
from benchmark.service.figures import Figures
from benchmark.service.schemas import Board, Health, SuiteInfo
from benchmark.service.state import Service

API = "/api/v1"
BARE = (
    "<!doctype html><title>bench</title>"
    f"<p>bench serves jobs here: <a href='{API}/docs'>{API}/docs</a>"
)


def add_plain_routes(app: FastAPI, service: Service, figures: Figures) -> None:
    """Add them."""

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        index = service.web / "index.html"
        if not index.is_file():
            return HTMLResponse(BARE)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    @app.get("/health", summary="Whether the server is up")
    async def health() -> Health:
        return Health(status="ok", version=__version__)

    _add_ready(app, service)

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    def metrics() -> Response:
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    _add_lists(app, service)


def _add_ready(app: FastAPI, service: Service) -> None:
    @app.get("/ready", response_model=Health, summary="Whether it can take jobs")
    def ready() -> Health | Response:
        checks = {"database": "ok", "folder": "ok"}
        try:
            with service.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except Exception:
            checks["database"] = "does not answer"
        try:
            probe = service.home / ".ready"
            probe.write_text("", encoding="utf-8")
        except OSError as error:
            checks["folder"] = error.strerror or "cannot be written"
        good = all(check == "ok" for check in checks.values())
        found = Health(status="ready" if good else "not ready", version=__version__, checks=checks)
        return found if good else JSONResponse(found.model_dump(), 503)


def _add_lists(app: FastAPI, service: Service) -> None:
    @app.get(f"{API}/suites", summary="Suites that may be run by name")
    def suites() -> list[SuiteInfo]:
        return [
            SuiteInfo(name=name, description=suite.description, candidates=list(suite.candidates))
            for name, suite in sorted(service.allowed.suites.items())
        ]

    @app.get(f"{API}/allowed", summary="Models, data and plugins that a suite may name")
    def allowed() -> dict[str, list[str]]:
        return service.allowed.listed()

    @app.get(f"{API}/leaderboard", summary="The latest runs of each suite")
    def board(
        suite: str = Query("", max_length=64), runs: int = Query(5, ge=1, le=50)
    ) -> list[Board]:
        return leaderboard.boards(service.database, suite=suite, runs=runs)
