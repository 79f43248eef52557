"""What every test gets: a cache of its own, and terminals of one width."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# In CI the same examples each time: what a new example finds belongs on a developer's desk, not
# in the way of somebody else's change. No deadlines anywhere: nothing here is timed.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_settings(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Keep the user's settings out of a test, and the test out of the user's cache."""
    for name in ("BENCH_REPORTS", "BENCH_OFFLINE", "FORCE_COLOR", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    # Real models are 100 MB and more: their tests share the user's cache.
    if not any(request.node.get_closest_marker(name) for name in ("model", "network", "e2e")):
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def plugin_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install `plugin_package/` as pip does for a user, and return the folder it went to."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--no-warn-conflicts"]
    command += ["--target", str(folder), str(ROOT / "tests" / "plugin_package")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder
