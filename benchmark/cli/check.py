"""`bench check`: all problems of a suite at once."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import candidates_option, debug_option, quiet_libraries


@click.command("check")
@click.argument("suite", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@candidates_option
@debug_option
def command(suite: Path, overrides: tuple[str, ...], max_candidates: int) -> int:
    """Say everything that is wrong with SUITE; fetch and load nothing.

    Exit code 0 if `bench run` can start, 2 if not.
    """
    from benchmark.core.plan import check
    from benchmark.errors import ConfigError
    from benchmark.suite_file import read

    quiet_libraries()  # a method's name is looked up in PEFT
    found, problems = check(read(suite, overrides, max_candidates=max_candidates))
    if problems or found is None:
        raise ConfigError(problems)
    click.echo(
        f"{suite}: ok. {len(found.candidates)} candidates, {len(found.metrics)} metrics, "
        f"{len(found.gates)} gates; baseline {found.baseline}"
    )
    return 0
