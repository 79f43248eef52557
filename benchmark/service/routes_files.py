"""Routes of files: what a job made, and rows that are uploaded."""

from __future__ import annotations

import mimetypes
from typing import Annotated

from anyio import to_thread
from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from benchmark.service import artefacts, jobs, uploads
from benchmark.service.routes import JobId
from benchmark.service.routes_plain import API
from benchmark.service.schemas import Artefact, Upload
from benchmark.service.security import Refusal
from benchmark.service.state import Service

ROWS = ("application/jsonl", "application/x-ndjson", "application/octet-stream")
SANDBOX = "sandbox allow-scripts allow-popups; frame-ancestors 'self'"
"""Of reports: their scripts run, but as nobody, so that they cannot ask this server anything."""
UploadId = Annotated[str, Path(pattern="^(data:)?[0-9a-f]{64}$", description="Of uploaded rows.")]
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def add_file_routes(app: FastAPI, service: Service) -> None:
    """Add them."""
    database = service.database

    @app.get(
        f"{API}/jobs/{{job}}/results",
        summary="The content of results.json",
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}},
    )
    def results(job: JobId) -> Response:
        jobs.row_of(database, job)
        path = artefacts.run_folder(service.folder(job))
        if path is None or not (path / "results.json").is_file():
            raise jobs.NotFound("this job has no results yet")
        return FileResponse(path / "results.json", media_type="application/json")

    @app.get(f"{API}/jobs/{{job}}/artefacts", summary="Files that the job made")
    def every(job: JobId) -> list[Artefact]:
        jobs.row_of(database, job)
        here = f"{API}/jobs/{job}/artefacts"
        return [
            Artefact(path=name, bytes=size, type=type_of(name), link=f"{here}/{name}")
            for name, size in artefacts.listed(service.folder(job))
        ]

    @app.get(
        f"{API}/jobs/{{job}}/artefacts/{{path:path}}",
        summary="One of them",
        response_class=Response,
        responses={200: {"content": BINARY}},
    )
    def one(job: JobId, path: Annotated[str, Path(max_length=500)]) -> Response:
        jobs.row_of(database, job)
        file, passing = artefacts.open_one(service.folder(job), path)
        kind = type_of(path)
        headers = {"Cache-Control": "no-cache"}
        if kind == "text/html":
            headers["Content-Security-Policy"] = SANDBOX
        # What was packed for this one answer goes away with it.
        after = BackgroundTask(file.unlink, missing_ok=True) if passing else None
        name = path.rpartition("/")[2] if passing else None
        return FileResponse(file, media_type=kind, headers=headers, background=after, filename=name)

    _add_uploads(app, service)


def _add_uploads(app: FastAPI, service: Service) -> None:
    database, folder, config = service.database, service.home / "data", service.config
    body = {"requestBody": {"required": True, "content": {
        name: {"schema": {"type": "string", "format": "binary"}} for name in ROWS}}}  # fmt: skip

    @app.post(f"{API}/data", status_code=201, summary="Upload rows (JSONL)", openapi_extra=body)
    async def upload(
        request: Request,
        name: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
    ) -> Upload:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ROWS:
            raise Refusal(415, "rows are sent as application/jsonl", "one JSON object a line")
        part = await uploads.received(request.stream(), folder)
        return await to_thread.run_sync(
            lambda: uploads.keep(database, part, folder, name=name, most=config.max_stored)
        )

    @app.get(f"{API}/data", summary="Uploaded rows")
    def every() -> list[Upload]:
        return uploads.every(database)

    @app.delete(f"{API}/data/{{upload}}", status_code=204, summary="Delete uploaded rows")
    def delete(upload: UploadId) -> None:
        uploads.remove(database, folder, upload.removeprefix("data:"))


def type_of(name: str) -> str:
    """Return the media type of a file; text that no browser shall take for a page is plain."""
    suffixes = {".md": "text/markdown", ".jsonl": "application/jsonl", ".yaml": "text/plain"}
    for suffix, kind in suffixes.items():
        if name.endswith(suffix):
            return kind
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
