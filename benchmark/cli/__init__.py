"""The command line: a table of commands, each in its own file, imported when it is called.

`bench --help` answers from the table alone: no torch, transformers, numpy, pydantic or yaml.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmark import __version__
from benchmark.errors import BenchError, ExitCode

COMMANDS = {
    "run": "Train, answer, score, compare, report: the whole suite.",
    "init": "Write a suite for your own data, ready to run.",
    "check": "Say everything that is wrong with a suite; fetch and load nothing.",
    "data": "Convert, check, clean and augment rows.",
    "adapters": "List trained adapters; show, compare, export, merge, import them.",
    "merge": "Write base and adapter as one model, with proof that it answers the same.",
    "power": "Say which differences a suite can show, and how many examples its gates need.",
    "show": "Show one run: verdict, leaderboard, gates.",
    "leaderboard": "Say who is best over all runs of a suite, and where a number got worse.",
    "report": "Write reports of a finished run: HTML, Markdown, JUnit, CSV, Parquet, JSON.",
    "push": "Send a finished run to MLflow or Weights & Biases.",
    "card": "Write a model card of an adapter, with its evaluation, for Hugging Face.",
    "gate": "Judge a finished run again, also against a baseline.",
    "baseline": "Accept a run as what later runs are compared with; show it.",
    "compare": "Compare two runs, example by example, after saying what differs.",
    "judge": "Label answers by hand, and say how far judges agree with people.",
    "serve": "Serve jobs over HTTP: create, follow, cancel, resume; with a page.",
    "ls": "List the plugins: metrics, judges, backends, datasets, reporters, executors.",
    "cache": "Say how much of each kind the cache holds; remove what is old.",
    "slurm": "Print a ready sbatch script that runs a suite on several nodes.",
    "doctor": "Say what this machine has, what is missing, and what installs it.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it.

    Attributes:
        table: Command -> its one-line help.
        prefix: What stands before a command's name in its module's name.
    """

    def __init__(self, name: str, table: Mapping[str, str], prefix: str, **settings: Any) -> None:
        super().__init__(name, context_settings=CONTEXT, **settings)
        self.table = table
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.table:
            return None
        command: click.Command = import_module(f"{self.prefix}{cmd_name}").command
        if not any(one.name == "no_color" for one in command.params):
            command.params.append(no_color())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, or say which one was probably meant."""
        if args and args[0] not in self.table and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.table, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.table)}"
            raise BenchError(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))


def no_color() -> click.Option:
    """Return `--no-color`, which stands before a command as well as behind it."""
    return click.Option(
        ["--no-color"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_without_colour,
        help="Use no colours; so does NO_COLOR=1.",
    )


def _without_colour(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        import os

        os.environ["NO_COLOR"] = "1"


CONTEXT = {"help_option_names": ["-h", "--help"]}

bench = LazyGroup(
    "bench",
    COMMANDS,
    "benchmark.cli.",
    help="""Evaluate fine-tuned language models against their base, with error bars.

    A suite file names a data set, candidates, metrics and gates. Start with:

        bench run suites/legi.yaml

    Exit codes: 0 pass, 1 gate failed, 2 usage or configuration error, 3 inconclusive,
    4 run incomplete, 130 interrupted.
    """,
)
click.version_option(__version__, prog_name="bench")(bench)
bench.params.append(no_color())


def main() -> None:
    """Run the command line; errors become one line on stderr and the right exit code."""
    try:
        status = bench.main(prog_name="bench", standalone_mode=False)
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
            click.echo(f"bench: {_inert(str(problem))}", err=True)
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        if _debugging():
            raise
        text = _inert(" ".join(str(error).split()))
        click.echo(f"bench: unexpected {type(error).__name__}: {text}", err=True)
        click.echo("bench: this is a bug in bench; --debug shows where", err=True)
        raise SystemExit(ExitCode.USAGE) from None
    raise SystemExit(status if isinstance(status, int) else ExitCode.PASS)


def _inert(text: str) -> str:
    """Return an error's text so that nothing a server or a model wrote moves the cursor."""
    from benchmark.reporters.format import clean

    return clean(text)


def _debugging() -> bool:
    return "--debug" in sys.argv


def _interrupted() -> int:
    click.echo("bench: interrupted; the same command goes on from here", err=True)
    return ExitCode.INTERRUPTED
