"""The API by its own rules: statuses, bounds, tokens, hosts, uploads, files; on both databases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_helpers import canned, rows
from starlette.testclient import TestClient

from benchmark.service import child, events, jobs, queue, tokens, uploads
from benchmark.service.app import create_app
from benchmark.service.config import ServerConfig
from benchmark.service.database import Database
from benchmark.service.requests import Allowed
from benchmark.service.security import Rates, host_of, is_loopback
from benchmark.service.state import Service

API = "/api/v1"
HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def service_of(database: Database, folder: Path, **more: Any) -> Service:
    """Return a service over a suite of controls; nobody runs its jobs."""
    text = (folder / "suites" / "canned.yaml").read_text(encoding="utf-8")
    text = text.replace("{use: canned, answer: oui, seconds: 0.2, log: " + str(folder / "asked"),
                        "{use: oracle")  # fmt: skip
    (folder / "suites" / "canned.yaml").write_text(text, encoding="utf-8")
    config = more.pop("config", ServerConfig())
    allowed = Allowed.load([folder / "suites"], config)
    return Service(database, folder / "home", config, allowed, **{"hosts": HERE, **more})


def client_of(service: Service, **headers: str) -> TestClient:
    """Return a client of it."""
    app = create_app(service)
    return TestClient(app, base_url="http://127.0.0.1", headers=headers)


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Service:
    """Return a service."""
    canned(tmp_path)
    (tmp_path / "home").mkdir()
    return service_of(database, tmp_path)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    """Return a client of it."""
    with client_of(service) as found:
        yield found


def make(client: TestClient, **more: Any) -> dict[str, Any]:
    """Create a job."""
    answer = client.post(f"{API}/jobs", json={"suite": "canned", **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{API}/jobs/{answer.json()['id']}"
    return dict(answer.json())


def test_a_job_is_created_listed_read_cancelled_resumed_deleted(client: TestClient) -> None:
    first, second = make(client, name="one", priority=3), make(client, name="two")
    assert (first["state"], first["priority"], first["suite"]) == ("queued", 3, "canned")
    page = client.get(f"{API}/jobs", params={"limit": 1}).json()
    assert [job["id"] for job in page["jobs"]] == [second["id"]]
    rest = client.get(f"{API}/jobs", params={"cursor": page["next"]}).json()
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == ([first["id"]], None)
    assert client.get(f"{API}/jobs?q=ONE&state=queued&state=failed").json()["jobs"] == [first]
    here = f"{API}/jobs/{first['id']}"
    assert client.get(here).json() == first
    assert client.post(f"{here}/resume").status_code == 409
    assert client.post(f"{here}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{here}/cancel").status_code == 409
    assert client.post(f"{here}/resume").json()["state"] == "queued"
    assert client.delete(here).status_code == 204
    assert client.get(here).status_code == 404
    for path in ("events", "logs", "results", "artefacts", "artefacts/report.html"):
        assert client.get(f"{here}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "exactly one"),
        ({"suite": "canned", "suite_yaml": "suite: x"}, 422, "exactly one"),
        ({"suite": "../canned"}, 422, "pattern"),
        ({"suite": "other"}, 403, "no suite of this server"),
        ({"suite": "canned", "priority": 10**30}, 422, "less than or equal"),
        ({"suite": "canned", "name": "a\x00b"}, 422, "pattern"),
        ({"suite": "canned", "more": 1}, 422, "not permitted"),
        ({"suite": "canned", "overrides": ["limit"]}, 422, "has no `=`"),
        ({"suite": "canned", "overrides": ["limit=nine"]}, 422, "limit"),
        ({"suite": "canned", "overrides": ["dataset.path=/etc/passwd"]}, 403, "does not allow"),
        ({"suite_yaml": "a: b: c"}, 422, "second"),
        ({"suite_yaml": "suite: x\n" + "a: &a [1]\n" * 3}, 422, "second occurrence"),
        ({"suite_yaml": "x: &x [1,1]\ny: &y [*x,*x,*x]\n" * 30}, 422, ""),
        ({"training": {"base": "x", "data": "data:" + "0" * 64}}, 422, "upload"),
    ],
)
def test_what_is_wrong_is_told(
    client: TestClient, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(f"{API}/jobs", json=body)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"error", "problems"}
    assert set(told["error"]) == {"what", "where", "hint"}
    assert words in answer.text


@pytest.mark.parametrize(
    "content",
    [b"{", b"[" * 100_000, b'{"suite": "\xff"}', b"1" * 10_000, b"null", b'"x"', b"",
     b'{"suite": "canned", "priority": 1e999}', b'{"suite_yaml": "\\ud800"}'],
)  # fmt: skip
def test_broken_bodies_are_the_callers_fault(client: TestClient, content: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    assert 400 <= client.post(f"{API}/jobs", content=content, headers=kind).status_code < 500


def test_a_body_is_bounded_however_it_comes(service: Service) -> None:
    small = service_of(service.database, service.home.parent, config=ServerConfig(max_body=2000))
    with client_of(small) as client:
        kind = {"Content-Type": "application/json"}
        long = b'{"suite_yaml": "' + b"x" * 5000 + b'"}'
        assert client.post(f"{API}/jobs", content=long, headers=kind).status_code == 413
        pieces = (long[at : at + 100] for at in range(0, len(long), 100))  # says no length
        assert client.post(f"{API}/jobs", content=pieces, headers=kind).status_code == 413


def test_strangers_pages_and_names_are_refused(client: TestClient) -> None:
    body = {"suite": "canned"}
    assert client.get(f"{API}/jobs", headers={"Host": "evil.test"}).status_code == 421
    assert client.get(f"{API}/jobs", headers={"Host": "localhost:9"}).status_code == 200
    for headers in ({"Origin": "http://evil.test"}, {"Origin": "null"}, {"Origin": "http://["},
                    {"Sec-Fetch-Site": "cross-site"}):  # fmt: skip
        answer = client.post(f"{API}/jobs", json=body, headers=headers)
        assert answer.status_code == 403, headers
    same = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"{API}/jobs", json=body, headers=same).status_code == 201
    form = client.post(f"{API}/jobs", content='{"suite": "canned"}',
                       headers={"Content-Type": "text/plain"})  # fmt: skip
    assert form.status_code == 422  # what a page may send without being asked is no JSON to us


def test_tokens_and_their_scopes(service: Service) -> None:
    database = service.database
    made = {scope: tokens.create(database, scope) for scope in tokens.SCOPES}
    closed = service_of(database, service.home.parent, auth=True)
    with client_of(closed) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/").status_code == 200
        for path in (f"{API}/jobs", "/metrics", f"{API}/openapi.json"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        wrong = {"Authorization": "Bearer bench_" + "x" * 43}
        assert client.get(f"{API}/jobs", headers=wrong).status_code == 401
        allowed = {}
        for scope, (_, secret) in made.items():
            mine = {"Authorization": f"Bearer {secret}"}
            posted = client.post(f"{API}/jobs", json={"suite": "canned"}, headers=mine)
            job = posted.json().get("id", "0" * 16)
            allowed[scope] = (
                client.get(f"{API}/jobs", headers=mine).status_code,
                posted.status_code,
                client.delete(f"{API}/jobs/{job}", headers=mine).status_code,
            )
        assert allowed == {"read": (200, 403, 403), "run": (200, 201, 403),
                           "admin": (200, 201, 204)}  # fmt: skip
        token, secret = made["read"]
        tokens.revoke(database, token.id)
        mine = {"Authorization": f"Bearer {secret}"}
        assert client.get(f"{API}/jobs", headers=mine).status_code == 401
    with database.read() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM bench_tokens").all())
    assert not any(secret in kept for _, secret in made.values())


def test_too_many_requests_are_told_to_wait(service: Service) -> None:
    slow = service_of(
        service.database, service.home.parent, config=ServerConfig(rate=0.01, burst=3)
    )
    with client_of(slow) as client:
        answers = [client.get(f"{API}/suites") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    rates = Rates(rate=2.0, burst=1)
    waits = [rates.take("a", now) for now in (0.0, 0.0, 0.25, 0.5)]
    assert waits == [0.0, 0.5, 0.25, 0.0]
    assert rates.take("b", 0.0) == 0.0  # everybody has their own


def test_rows_are_uploaded_checked_used_and_deleted(client: TestClient, tmp_path: Path) -> None:
    kind = {"Content-Type": "application/jsonl"}
    content = rows(tmp_path / "mine.jsonl").read_bytes()
    first = client.post(f"{API}/data", params={"name": "mine"}, content=content, headers=kind)
    assert first.status_code == 201, first.text
    kept = first.json()
    assert (kept["rows"], kept["bytes"], kept["name"]) == (12, len(content), "mine")
    again = client.post(f"{API}/data", content=content, headers=kind).json()
    assert again["id"] == kept["id"]  # the same rows are one thing
    job = make(client, overrides=[f"dataset.path={kept['id']}"])
    assert job["state"] == "queued"
    assert [one["id"] for one in client.get(f"{API}/data").json()] == [kept["id"]]
    assert client.delete(f"{API}/data/{kept['id']}").status_code == 204
    assert client.delete(f"{API}/data/{kept['id']}").status_code == 404
    gone = {"suite": "canned", "overrides": [f"dataset.path={kept['id']}"]}
    assert client.post(f"{API}/jobs", json=gone).status_code == 422


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no rows"), (b"not json\n", "rows:1"), (b"[1]\n", "rows:1"), (b"\xff\xfe\xff", ""),
     (b'{"prompt": "a"}\n', "no answer"), (b"\x1f\x8b\x08\x00", "")],
)  # fmt: skip
def test_bad_rows_are_refused(
    client: TestClient, service: Service, content: bytes, words: str
) -> None:
    kind = {"Content-Type": "application/x-ndjson"}
    answer = client.post(f"{API}/data", content=content, headers=kind)
    assert answer.status_code == 422, answer.text
    assert words in answer.text and str(service.home) not in answer.text
    assert list((service.home / "data").iterdir()) == []
    assert uploads.every(service.database) == []
    plain = {"Content-Type": "text/plain"}
    assert client.post(f"{API}/data", content=content, headers=plain).status_code == 415


def test_only_what_is_listed_is_given(client: TestClient, service: Service) -> None:
    job = make(client)["id"]
    run = service.folder(job) / "reports" / "canned" / "20261124-000000-00000000"
    run.mkdir(parents=True)
    (run / "report.html").write_text("<script>1</script>", encoding="utf-8")
    (run / ".lock").write_text("", encoding="utf-8")
    (service.folder(job) / "secret.txt").write_text("secret", encoding="utf-8")
    (run / "link.txt").symlink_to(service.folder(job) / "secret.txt")
    here = f"{API}/jobs/{job}/artefacts"
    assert [one["path"] for one in client.get(here).json()] == ["report.html"]
    page = client.get(f"{here}/report.html")
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"
    for path in ("link.txt", ".lock", "%2e%2e/%2e%2e/%2e%2e/secret.txt", "..%2f..%2fsecret.txt",
                 "//etc/passwd", "adapters/x.zip", "adapters/../../x.zip", "%00", ""):  # fmt: skip
        assert client.get(f"{here}/{path}").status_code == 404, path


def test_logs_and_streams_go_on_where_one_stopped(client: TestClient, service: Service) -> None:
    job = make(client)["id"]
    held = queue.claim(service.database, owner="me", node="here", slots=["s"], lease=30)
    assert held is not None
    said = [("log", {"line": f"line {at}"}) for at in range(5)]
    queue.report(service.database, held, said, lease=30, progress={"stage": "train", "done": 3})
    first = client.get(f"{API}/jobs/{job}/logs", params={"limit": 3}).json()
    rest = client.get(f"{API}/jobs/{job}/logs", params={"after": first["next"]}).json()
    lines = [one["line"] for one in first["lines"] + rest["lines"]]
    assert lines == [f"line {at}" for at in range(5)]
    queue.finish(service.database, held, [], state="succeeded", verdict="pass")
    head = {"Last-Event-ID": "5"}
    text = client.get(f"{API}/jobs/{job}/events", headers=head).text
    ids = [line for line in text.splitlines() if line.startswith(("id:", "event:"))]
    assert ids == ["id: 6", "event: log", "id: 7", "event: log", "id: 8", "event: end"]
    found = client.get(f"{API}/jobs/{job}").json()
    assert found["progress"]["stage"] == "train" and found["verdict"] == "pass"
    assert [one.seq for one in events.after(service.database, held.number, 0)] == list(range(1, 9))


def test_figures_for_prometheus(client: TestClient) -> None:
    from prometheus_client.parser import text_string_to_metric_families as parsed

    job = make(client)["id"]
    make(client)
    client.post(f"{API}/jobs/{job}/cancel")
    text = client.get("/metrics").text
    samples = {
        (one.name, *one.labels.values()): one.value for family in parsed(text) for one in
        family.samples
    }  # fmt: skip
    assert samples["bench_jobs", "queued"] == 1 and samples["bench_jobs", "cancelled"] == 1
    assert samples["bench_queue_length",] == 1
    assert samples["bench_request_seconds_count", "POST", f"{API}/jobs"] == 2
    assert job not in text  # ids would make figures without number


def test_jobs_see_no_secrets_and_logs_hold_none() -> None:
    server = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "BENCH_CACHE": "/c", "OMP_NUM_THREADS": "2",
        "AWS_SECRET_ACCESS_KEY": "aws-secret-value", "GOOGLE_API_KEY": "google-key-value",
        "BENCH_SERVICE_DB": "postgresql://me:dbpassword@host/x", "ANYTHING": "else",
        "HTTPS_PROXY": "http://user:proxypass@proxy:1", "PIP_INDEX_URL": "https://host/simple",
    }  # fmt: skip
    seen = child.environment(server, allowed=["GOOGLE_API_KEY"], job="j", more={"X": "1"})
    assert seen == {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "BENCH_CACHE": "/c", "OMP_NUM_THREADS": "2",
        "GOOGLE_API_KEY": "google-key-value", "HTTPS_PROXY": "http://user:proxypass@proxy:1",
        "PIP_INDEX_URL": "https://host/simple", "PYTHONUNBUFFERED": "1", "X": "1",
        child.MARK: "j",
    }  # fmt: skip
    secrets = child.secrets_of(server)
    line = "bench: aws-secret-value google-key-value user:proxypass https://a:b@c dbpassword"
    told = child.hidden(line, secrets)
    for secret in ("aws-secret", "google-key", "proxypass", "a:b@"):
        assert secret not in told
    assert "me:dbpassword" not in child.hidden("postgresql://me:dbpassword@host/x", secrets)


@pytest.mark.parametrize(
    ("host", "name"),
    [("localhost:80", "localhost"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A.B.", "a.b"),
     ("127.0.0.1", "127.0.0.1"), ("", ""), ("x:y", "x:y")],
)  # fmt: skip
def test_hosts(host: str, name: str) -> None:
    assert host_of(host) == name


def test_loopback() -> None:
    inside = ("127.0.0.1", "127.9.9.9", "::1", "localhost", "[::1]")
    assert all(is_loopback(host) for host in inside)
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.test", ""))


def test_the_schema_is_served(client: TestClient) -> None:
    schema = client.get(f"{API}/openapi.json").json()
    assert {f"{API}/jobs", f"{API}/jobs/{{job}}/events", f"{API}/leaderboard"} <= set(
        schema["paths"]
    )
    assert client.get(f"{API}/docs").status_code == 200
    assert json.loads(client.get("/ready").text)["status"] == "ready"
    assert os.environ.get("BENCH_CACHE")  # of this test, not the user's
    assert jobs.PAGE == 50
