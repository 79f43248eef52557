"""The git checkout that a command runs in, for the record."""

from __future__ import annotations

import subprocess


def commit_here() -> tuple[str | None, bool | None]:
    """Return the git commit of the working folder and whether it has changes; None outside git."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None, None
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or no repository: a fact of the environment, not an error
    return done.stdout.strip()
