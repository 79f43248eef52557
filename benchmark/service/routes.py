"""The routes of jobs."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

from anyio import to_thread
from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from benchmark.service import events, jobs
from benchmark.service.requests import suite_of
from benchmark.service.routes_plain import API
from benchmark.service.schemas import Job, JobRequest, Jobs, LogLine, Logs, State
from benchmark.service.security import Refusal
from benchmark.service.state import Service
from benchmark.service.stream import Hub

JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="A job's id.")]
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
MOST = 9_007_199_254_740_991
"""The largest number that JSON's readers agree on."""


def add_routes(app: FastAPI, service: Service, hub: Hub) -> None:
    """Add them."""
    _add_changes(app, service)
    _add_reads(app, service, hub)


def _add_changes(app: FastAPI, service: Service) -> None:
    database, config = service.database, service.config

    @app.post(f"{API}/jobs", status_code=201, summary="Create a job")
    def create(request: JobRequest, response: Response) -> Job:
        made = suite_of(request, service.allowed, service.home / "data")
        job = jobs.create(
            database,
            name=request.name,
            suite=made.name,
            text=made.text,
            priority=request.priority,
            most=config.max_waiting,
        )
        response.headers["Location"] = job.links["self"]
        return job

    @app.delete(f"{API}/jobs/{{job}}", status_code=204, summary="Delete a job that does not run")
    def delete(job: JobId) -> None:
        jobs.remove(database, job)
        shutil.rmtree(service.folder(job), ignore_errors=True)

    @app.post(f"{API}/jobs/{{job}}/cancel", summary="Stop a job; it can be resumed")
    def cancel(job: JobId) -> Job:
        return jobs.cancel(database, job)

    @app.post(f"{API}/jobs/{{job}}/resume", summary="Go on with a job that ended too early")
    def resume(job: JobId) -> Job:
        return jobs.resume(database, job, config.max_waiting)


def _add_reads(app: FastAPI, service: Service, hub: Hub) -> None:
    database = service.database

    @app.get(f"{API}/jobs", summary="List jobs, the newest first")
    def every(
        state: Annotated[list[State] | None, Query()] = None,
        suite: Text = "",
        q: Text = "",
        limit: Annotated[int, Query(ge=1, le=200)] = jobs.PAGE,
        cursor: Annotated[str | None, Query(pattern="^[0-9]{1,15}$")] = None,
    ) -> Jobs:
        found, last = jobs.page(
            database,
            states=tuple(state or ()),
            suite=suite,
            q=q,
            limit=limit,
            before=int(cursor) if cursor else None,
        )
        return Jobs(jobs=found, next=None if last is None else str(last))

    @app.get(f"{API}/jobs/{{job}}", summary="Read a job")
    def read(job: JobId) -> Job:
        return jobs.get(database, job)

    @app.get(f"{API}/jobs/{{job}}/logs", summary="What the job wrote")
    def logs(
        job: JobId,
        after: Annotated[int, Query(ge=0, le=MOST)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> Logs:
        number = jobs.row_of(database, job)["number"]
        found = events.after(database, number, after, kinds=["log"], limit=limit)
        lines = [
            LogLine(seq=one.seq, at=jobs.iso(one.at) or "", line=str(one.data.get("line", "")))
            for one in found
        ]
        return Logs(lines=lines, next=lines[-1].seq if lines else after)

    _add_stream(app, service, hub)


def _add_stream(app: FastAPI, service: Service, hub: Hub) -> None:
    database, config = service.database, service.config

    @app.get(
        f"{API}/jobs/{{job}}/events",
        summary="Follow a job (server-sent events)",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def follow(
        request: Request,
        job: JobId,
        after: Annotated[int, Query(ge=0, le=MOST)] = 0,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        row = await to_thread.run_sync(lambda: jobs.row_of(database, job))
        key = request.state.caller.key
        if hub.open[key] >= config.streams:
            raise Refusal(429, f"{config.streams} streams are open already", Retry_After="5")
        seen = last_event_id or ""
        start = int(seen) if seen.isdecimal() and len(seen) < 16 else after
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = _counted(hub, key, row["number"], start)
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _counted(hub: Hub, key: str, number: int, after: int) -> Any:
    hub.open[key] += 1
    try:
        async for text in hub.listen(number, after):
            yield text
    finally:
        hub.open[key] -= 1
        if not hub.open[key]:
            del hub.open[key]
