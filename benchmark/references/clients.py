"""pip and npm, run as their users run them: same index, same proxy, same certificates.

Both only download. No code of a package is run: wheels only, and no npm scripts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path

from benchmark.errors import FetchError
from benchmark.progress import Tick
from benchmark.references.syntax import Reference

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_CREDENTIALS = re.compile(r"(://)[^\s/]+@")
_ERROR = re.compile(r"^(ERROR:|npm (error|ERR!))\s*")
_VERSIONS = re.compile(r" \(from versions: .*?\)")
_NETWORK = "check the name, the version and the network; what is fetched once needs no network"


def pip(reference: Reference, folder: Path, tick: Tick) -> Path:
    """Download a wheel into `folder` and return its path. Raises FetchError."""
    # -P: a folder called "pip" where the user happens to be is not pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps"]
    command += ["--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", _progress_bar()]
    command += ["--dest", str(folder), f"{reference.name}=={reference.version}"]
    code, errors = _run(command, None, tick)
    if code:
        if "No module named pip" in errors:
            raise FetchError(
                f"{reference.label}: this Python has no pip", hint="python -m ensurepip --upgrade"
            )
        raise FetchError(f"{reference.label}: pip failed: {_reason(errors)}", hint=_NETWORK)
    return _only(folder, "*.whl", reference, errors)


def npm(reference: Reference, folder: Path, tick: Tick) -> Path:
    """Download a package's `.tgz` into `folder` and return its path. Raises FetchError."""
    client = shutil.which("npm")
    if client is None:
        raise FetchError(
            f"{reference.label}: npm is not installed",
            hint="install Node.js, which brings npm (a package of your system, or nodejs.org)",
        )
    command = [client, "pack", f"{reference.name}@{reference.version}"]
    # An exact version never changes, so npm's own cache needs no look at the network.
    command += ["--prefer-offline", "--ignore-scripts", "--loglevel", "error"]
    # npm waits 10 s and then 60 s before it tries again; without a network that helps nobody.
    command += ["--fetch-retry-mintimeout", "500", "--fetch-retry-maxtimeout", "4000"]
    # In an empty folder, so that no package.json around us has a say.
    code, errors = _run([*command, "--pack-destination", str(folder)], folder, tick)
    if code:
        raise FetchError(f"{reference.label}: npm failed: {_reason(errors)}", hint=_NETWORK)
    return _only(folder, "*.tgz", reference, errors)


def redact(text: str) -> str:
    """Return `text` without the user names and passwords of its URLs."""
    return _CREDENTIALS.sub(r"\1***@", text)


def _run(command: list[str], folder: Path | None, tick: Tick) -> tuple[int, str]:
    """Run a client (in `folder`), move the bar; return exit code and the end of what it said."""
    tail: deque[str] = deque(maxlen=200)
    done = 0
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                moved = _PROGRESS.match(line)
                if moved:
                    tick(int(moved[1]) - done, total=int(moved[2]))
                    done = int(moved[1])
                else:
                    tail.append(line)
        except BaseException:
            process.kill()  # Ctrl-C: the download must not go on behind our back
            raise
    return process.returncode, "".join(tail)


def _progress_bar() -> str:
    """Return pip's setting: "raw" prints lines for programs, from pip 24.1 on."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        major, minor = (int(part) for part in version("pip").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return "off"
    return "raw" if (major, minor) >= (24, 1) else "off"


def _reason(output: str) -> str:
    """Return the client's own words in one line: its errors, else the last line it wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line for line in lines if _ERROR.match(line) and "complete log of this run" not in line]
    short = [_VERSIONS.sub("", _ERROR.sub("", line)) for line in said[:4]]
    if "connection broken" in output:
        short.insert(0, "no connection to the package index")  # pip calls that "no such package"
    text = "; ".join(part for part in short if part) or (lines[-1] if lines else "no reason")
    return redact(text)[:400]


def _only(folder: Path, pattern: str, reference: Reference, errors: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FetchError(
            f"{reference.label}: the client left {len(found)} archives, not one: {_reason(errors)}"
        )
    return found[0]
