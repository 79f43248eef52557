"""The command line: a table of commands, each in its own file, imported when it is called.

`bench --help` answers from the table alone: no torch, transformers, numpy, pydantic or yaml.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from benchmark import __version__
from benchmark.errors import BenchError, ExitCode

COMMANDS = {
    "run": "Train, answer, score, compare, report: the whole suite.",
    "check": "Say everything that is wrong with a suite; fetch and load nothing.",
    "show": "Show one run: verdict, leaderboard, gates.",
    "leaderboard": "Show the latest complete run of each suite, or all runs of one.",
    "gate": "Judge a finished run again, also against a baseline file.",
    "ls": "List the plugins: metrics, judges, backends, datasets, reporters.",
    "doctor": "Say what this machine has, what is missing, and what installs it.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"benchmark.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
def bench() -> None:
    """Evaluate fine-tuned language models against their base, with error bars.

    A suite file names a data set, candidates, metrics and gates. Start with:

        bench run suites/legi.yaml

    Exit codes: 0 pass, 1 gate failed, 2 usage or configuration error, 3 inconclusive,
    4 run incomplete, 130 interrupted.
    """


def main() -> None:
    """Run the command line; errors become one line on stderr and the right exit code."""
    try:
        status = bench(standalone_mode=False)
    except click.exceptions.Abort:
        raise SystemExit(_interrupted()) from None
    except KeyboardInterrupt:
        raise SystemExit(_interrupted()) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(ExitCode.USAGE) from None
    except BenchError as error:
        if _debugging():
            raise
        for problem in error.problems:
            click.echo(f"bench: {problem}", err=True)
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        if _debugging():
            raise
        text = " ".join(str(error).split())
        click.echo(f"bench: unexpected {type(error).__name__}: {text}", err=True)
        click.echo("bench: this is a bug in bench; --debug shows where", err=True)
        raise SystemExit(ExitCode.USAGE) from None
    raise SystemExit(status if isinstance(status, int) else ExitCode.PASS)


def _debugging() -> bool:
    return "--debug" in sys.argv


def _interrupted() -> int:
    click.echo("bench: interrupted; the same command goes on from here", err=True)
    return ExitCode.INTERRUPTED
