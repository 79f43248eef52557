"""The git checkout that a command runs in, for the record."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_here() -> tuple[str | None, bool | None]:
    """Return the git commit of the working folder and whether it has changes; None outside git."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None, None
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def resolve(commit: str) -> str | None:
    """Return the full SHA of a commit; None where git does not know it."""
    if not commit or commit.startswith("-") or any(sign.isspace() for sign in commit):
        return None
    return _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def text_at(commit: str, path: Path) -> str | None:
    """Return a file as it was at a commit, the path taken from the working folder; None: absent."""
    if path.is_absolute():
        try:
            path = path.resolve().relative_to(Path.cwd().resolve())
        except ValueError:
            return None
    return _git("show", f"{commit}:./{path.as_posix()}")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, encoding="utf-8", timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None  # no git, or no repository: a fact of the environment, not an error
    return done.stdout.strip()
