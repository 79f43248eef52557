"""Judges' tests wait little, and go through no proxy."""

from __future__ import annotations

import pytest
from judge_helpers import KEY

from benchmark.backends import pace


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
