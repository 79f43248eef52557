"""The real hub client, in a process of its own (it reads its address at import), on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from references_helpers import Site, body

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pickle.bin": b"code"}
PROGRAM = """
import sys
from benchmark.errors import FetchError
from benchmark.progress import Silent
from benchmark.references import fetch
try:
    found = fetch(sys.argv[1], Silent())
except FetchError as error:
    print("FetchError", error)
else:
    print(found.label, found.sha256, *sorted(path.name for path in found.path.iterdir()))
"""


def _fetch(reference: str, endpoint: str, home: Path) -> str:
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    settings |= {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, reference],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_a_model_on_the_hub(site: Site, tmp_path: Path) -> None:
    siblings = [{"rfilename": name} for name in FILES]
    about = json.dumps({"id": "org/name", "sha": COMMIT, "siblings": siblings}).encode()
    tree = json.dumps(
        [
            {"type": "file", "path": name, "size": len(content), "oid": f"{number:040x}"}
            for number, (name, content) in enumerate(FILES.items(), 1)
        ]
    ).encode()
    for revision in ("main", COMMIT, "v1"):
        site.serve(f"/api/models/org/name/revision/{revision}", body(about))
        site.serve(f"/api/models/org/name/tree/{revision}?recursive=True&expand=False", body(tree))
        site.serve(f"/api/models/org/name/tree/{revision}?recursive=true&expand=false", body(tree))
    for number, (name, content) in enumerate(FILES.items(), 1):
        answer = body(content, ETag=f'"{number:040x}"', X_Repo_Commit=COMMIT)
        site.serve(f"/org/name/resolve/{COMMIT}/{name}", answer)
    said = _fetch("org/name", site.url, tmp_path)
    label, digest, *names = said.split()
    assert label == f"hub:org/name@{COMMIT}", said
    assert names == ["config.json", "model.safetensors"]
    assert len(digest) == 64
    assert _fetch(label, site.url, tmp_path) == said
    # What is cached needs no hub.
    assert _fetch("hub:org/name", "http://127.0.0.1:9", tmp_path) == said
    said = _fetch("hub:org/other", site.url, tmp_path)
    assert said.startswith("FetchError hub:org/other: not fetched") and "\n" not in said


def test_without_a_network(tmp_path: Path) -> None:
    said = _fetch("org/name", "http://127.0.0.1:9", tmp_path)
    assert said.startswith("FetchError org/name: not fetched from the hub")
    assert "\n" not in said and "check the name, your access and the network" in said
