"""`bench serve token`: who may call the service, and how far that reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option
from benchmark.cli.serve import check_packages

if TYPE_CHECKING:
    from benchmark.service.database import Database


@click.group("token")
def command() -> None:
    """Create, list and revoke the tokens of callers.

    `bench serve --home DIR token ...` or `--db URL` say of which server.
    """


@command.command("create")
@click.option("--scope", required=True, type=click.Choice(["read", "run", "admin"]),
              help="read; run: also create and stop jobs; admin: also delete.")  # fmt: skip
@click.option("--name", default="", help="Whose it is.")
@debug_option
@click.pass_context
def create(context: click.Context, scope: str, name: str) -> int:
    """Make a token and print it, this once: only its hash is kept."""
    database = opened(context)
    from benchmark.service import tokens

    token, secret = tokens.create(database, scope, name)  # type: ignore[arg-type]
    click.echo(secret)
    click.echo(f"bench: token {token.id}, scope {token.scope}; it is not shown again", err=True)
    return 0


@command.command("list")
@debug_option
@click.pass_context
def listing(context: click.Context) -> int:
    """List tokens, without their secrets."""
    database = opened(context)
    from benchmark.service import tokens
    from benchmark.service.jobs import iso

    for token in tokens.every(database):
        state = "revoked" if token.revoked else "valid"
        click.echo(f"{token.id}  {token.scope:<5}  {state:<7}  {iso(token.created)}  {token.name}")
    return 0


@command.command("revoke")
@click.argument("token")
@debug_option
@click.pass_context
def revoke(context: click.Context, token: str) -> int:
    """Make TOKEN (its id) worthless, at once."""
    database = opened(context)
    from benchmark.service import tokens

    click.echo(f"revoked {tokens.revoke(database, token).id}", err=True)
    return 0


def opened(context: click.Context) -> Database:
    """Return the server's database."""
    check_packages()
    from benchmark.service.server import open_database

    found = context.obj
    return open_database(found["db"], found["home"])
