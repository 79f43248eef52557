"""Where finished runs can be sent: experiment trackers, by name."""

from __future__ import annotations

TRACKERS = {
    "mlflow": "benchmark.trackers.to_mlflow",
    "wandb": "benchmark.trackers.to_wandb",
}
"""Name -> module with `send(content, experiment)`."""
