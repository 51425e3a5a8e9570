"""`shelfgraph staff …`: who works for the group, and signs in."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from graph.cli.terminal import log_as, one_line_refusals, refuse, settings_or_refusal

app = typer.Typer(
    name="staff",
    help="Accounts of staff: who signs in, and what they may do in which store.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def add(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[STORE:]ROLE",
            help="What they may do in a store, or everywhere: central:staff, admin. Several may be given.",
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    oidc_subject: Annotated[
        str | None, typer.Option(metavar="SUB", help="Whom the configured OpenID issuer calls so.")
    ] = None,
) -> None:
    """Add an account, or change one: its roles become these; a password or subject left out stays."""
    settings = settings_or_refusal()
    log_as(settings)
    password: str | None = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif oidc_subject is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    from graph import staff

    with one_line_refusals():
        try:
            asyncio.run(
                staff.add(settings, username, role or ["staff"], password=password, subject=oidc_subject)
            )
        except ValueError as wrong:
            refuse(str(wrong))
    typer.echo(f"{username} may sign in.")


@app.command()
def leave(username: Annotated[str, typer.Argument(help="Who signs in no more.")]) -> None:
    """Close an account: its sign-ins end everywhere within seconds."""
    settings = settings_or_refusal()
    log_as(settings)
    from graph import staff

    with one_line_refusals():
        if not asyncio.run(staff.leave(settings, username)):
            refuse(f"There is no account {username!r}.")
    typer.echo(f"{username} signs in no more.")
