"""`bench serve`: jobs over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmark.cli import LazyGroup
from benchmark.cli.common import debug_option, quiet_libraries

TABLE = {"token": "Create, list and revoke the tokens of callers."}
PACKAGES = ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client")


@click.group(
    "serve",
    cls=LazyGroup,
    table=TABLE,
    prefix="benchmark.cli.serve_",
    invoke_without_command=True,
    help="""Serve jobs over HTTP: create, follow, cancel, resume; each is one `bench run`.

    On this machine alone, unless --host says otherwise: callers then need tokens. Jobs are
    kept; a server that was killed goes on with them when it is started again.
    """,
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535))
@click.option("--db", envvar="BENCH_SERVICE_DB", default="", metavar="URL",
              help="postgresql://... or sqlite:///FILE  [default: a file in --home]")  # fmt: skip
@click.option("--home", envvar="BENCH_SERVICE_HOME", type=click.Path(path_type=Path),
              help="Folder of jobs and uploads  [default: the user's data folder]")  # fmt: skip
@click.option("--suites", multiple=True, type=click.Path(path_type=Path),
              help="Suites to run by name: files or folders  [default: suites]")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), help="Allow-lists and bounds (YAML).")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(0, 256),
              help="Jobs at once where there is no GPU; 0: run none here.")  # fmt: skip
@click.option("--gpus", default="auto", show_default=True, metavar="auto|none|0,1",
              help="GPUs to use, one job each.")  # fmt: skip
@click.option("--auth", is_flag=True, help="Ask for tokens on this machine, too.")
@click.option("--name", "names", multiple=True, help="Host name by which callers may call it.")
@click.option("--node", default="", help="This machine's name among several  [default: its own]")
@click.option("--certificate", type=click.Path(exists=True, path_type=Path), help="For HTTPS.")
@click.option("--key", type=click.Path(exists=True, path_type=Path), help="The certificate's.")
@debug_option
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Serve until Ctrl-C."""
    home = given["home"] or default_home()
    context.obj = {"db": given["db"], "home": home}
    if context.invoked_subcommand:
        return 0
    check_packages()
    quiet_libraries()
    from benchmark.service.server import Options, serve

    suites = given["suites"] or ((Path("suites"),) if Path("suites").is_dir() else ())
    options = Options(**{**given, "home": home, "suites": suites})
    shown = f"[{options.host}]" if ":" in options.host else options.host
    scheme = "https" if options.certificate else "http"
    click.echo(f"bench: {scheme}://{shown}:{options.port}/ (Ctrl-C stops the server)", err=True)
    left = serve(options)
    if left:
        click.echo(f"bench: {left} jobs go on; the next `bench serve` takes them up", err=True)
    return 0


def default_home() -> Path:
    """Return where jobs are kept: in the user's data folder, whatever the working folder is."""
    import platformdirs

    return Path(platformdirs.user_data_dir("bench")) / "service"


def check_packages() -> None:
    """Say in one line what is not installed. Raises MissingDependency."""
    from importlib.util import find_spec

    from benchmark.errors import MissingDependency

    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingDependency(
            f"`bench serve` needs {', '.join(missing)}",
            hint="python -m pip install 'benchmark[service]'",
        )
