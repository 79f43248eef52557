"""Quantities and durations as the command line says them."""

from __future__ import annotations


def amount(value: float, unit: str) -> str:
    """Return a quantity for people: bytes as MB, others with their unit."""
    if unit == "B":
        return f"{value / 1e6:.1f} MB"
    return f"{value:,.0f} {unit}".rstrip()


def rate(value: float, unit: str) -> str:
    """Return a speed for people: "338 tok/s", "0.17 steps/s", "2.4 MB/s"."""
    if unit == "B":
        return f"{value / 1e6:.1f} MB/s"
    return f"{value:,.0f} {unit}/s" if value >= 10 else f"{value:.2g} {unit}/s"


def friendly(seconds: float) -> str:
    """Return a duration for people: "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
