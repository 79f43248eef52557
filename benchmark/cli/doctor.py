"""`bench doctor`: what this machine has, what is missing, and what installs it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import NamedTuple

import click

from benchmark.cli.common import debug_option, quiet_libraries


class Finding(NamedTuple):
    """One line of the doctor's report."""

    ok: bool
    what: str
    found: str
    mend: str = ""


@click.command("doctor")
@debug_option
def command() -> int:
    """Say what this machine has, what is missing, and the command that installs it.

    Exit code 0 if `bench run suites/legi.yaml` can start, 2 if something it needs is missing.
    """
    quiet_libraries()
    findings = [*packages(), *tools(), *cache(), *device()]
    for finding in findings:
        mark = (
            click.style("ok     ", fg="green") if finding.ok else click.style("missing", fg="red")
        )
        click.echo(f"{mark}  {finding.what:<22} {finding.found}")
        if not finding.ok and finding.mend:
            click.echo(f"         {'':<22} {finding.mend}")
    return 0 if all(finding.ok for finding in findings) else 2


def packages() -> Iterator[Finding]:
    """Check every package that the project declares, against the range it declares."""
    import sys
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    yield Finding(sys.version_info >= (3, 11), "python", sys.version.split()[0], "Python 3.11+")
    for line in requires("benchmark") or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        mend = f'python -m pip install "{wanted.name}{wanted.specifier}"'
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield Finding(False, wanted.name, "not installed", mend)
            continue
        fits = wanted.specifier.contains(found, prereleases=True)
        yield Finding(
            fits, wanted.name, found if fits else f"{found}, not {wanted.specifier}", mend
        )


def tools() -> Iterator[Finding]:
    """Check the clients that fetch packages."""
    import sys
    from importlib.machinery import PathFinder

    # Not by importlib.util.find_spec: asked for pip, setuptools' hook gives up its distutils.
    found = PathFinder.find_spec("pip") is not None
    yield Finding(found, "pip", sys.executable, "python -m ensurepip")
    npm = shutil.which("npm")
    # Not needed: without it, the corpus comes from GitHub.
    yield Finding(True, "npm", npm or "not installed; the corpus will come from GitHub")


def cache() -> Iterator[Finding]:
    """Check that the cache can be written and has room for the default suite."""
    import os

    from benchmark.references import cache_root

    root = cache_root()
    existing = next(path for path in (root, *root.parents) if path.exists())
    writable = existing.is_dir() and os.access(existing, os.W_OK)
    used = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    yield Finding(
        writable,
        "cache",
        f"{root} ({used / 1e9:.1f} GB used)",
        "set BENCH_CACHE to a folder that you can write",
    )
    free = shutil.disk_usage(existing).free
    yield Finding(free > 2e9, "free disk", f"{free / 1e9:.0f} GB", "make 2 GB of room")


def device() -> Iterator[Finding]:
    """Say where models will run, and in which format."""
    import os

    try:
        from benchmark.devices import cpu_has_bfloat16, memory_bytes, placement

        place = placement()
    except ImportError as error:
        yield Finding(False, "device", str(error), 'python -m pip install "torch>=2.13,<3"')
        return
    yield Finding(True, "device", f"{place.device}, {place.dtype}")
    yield Finding(
        True,
        "processor",
        f"{os.cpu_count()} cores, {memory_bytes() / 2**30:.0f} GiB, "
        f"bfloat16 {'in hardware' if cpu_has_bfloat16() else 'emulated'}",
    )
