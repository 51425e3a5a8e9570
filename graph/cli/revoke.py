"""`shelfgraph revoke`."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

import typer

from graph.cli.terminal import log_as, one_line_refusals, refuse, settings_or_refusal

_SUBJECT = re.compile(r"(member|staff|device|partner):.+")


def revoke(
    token: Annotated[
        str | None, typer.Argument(metavar="[TOKEN]", help="The token that is to count no more.")
    ] = None,
    all_of: Annotated[
        str | None,
        typer.Option(metavar="KIND:SUBJECT", help="Every token issued so far to one, such as member:m-1."),
    ] = None,
) -> None:
    """End a sign-in: its token is refused everywhere, and its open streams end, within seconds."""
    if (token is None) == (all_of is None):
        refuse("Name a token, or somebody with --all-of KIND:SUBJECT.")
    if all_of is not None and not _SUBJECT.fullmatch(all_of):
        refuse(f"{all_of!r} is nobody: write KIND:SUBJECT, such as member:m-1.")
    settings = settings_or_refusal()
    log_as(settings)
    from graph import revoked
    from graph.tokens import TokenRefused, Tokens
    from persistence.revocations import token_name

    with one_line_refusals():
        name = all_of
        if token is not None:
            try:
                name = token_name(Tokens.of(settings).read(token).token_id)
            except TokenRefused as worthless:
                refuse(f"Nothing to revoke: {worthless}.")
        asyncio.run(revoked.revoke(settings, name or ""))
    typer.echo(f"Revoked: {'that token' if all_of is None else all_of}.")
