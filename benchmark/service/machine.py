"""This machine: what jobs may have of it, and which servers on it live."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

import psutil


def own_name(node: str) -> str:
    """Return the name of this server: a process number alone may be used again."""
    return f"{node}:{os.getpid()}:{psutil.Process().create_time()}"


def slots_of(node: str, workers: int, gpus: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return this machine's slots: one for each GPU, else as many as jobs may share the CPU."""
    if gpus:
        return {f"{node}/gpu-{gpu}": {"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus}
    share = (
        {} if workers == 1 else {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // workers))}
    )
    return {f"{node}/cpu-{at}": share for at in range(workers)}


def gpus_here() -> list[str]:
    """Return the numbers of the NVIDIA GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [part.strip() for part in visible.split(",") if part.strip() not in ("", "-1")]
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()


def is_gone(owner: str, node: str) -> bool:
    """Tell whether a server of this machine is gone: its number may be another's by now."""
    name, pid, started = owner.rsplit(":", 2)
    if name != node:
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(started)) > 1)
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError):
        return False
