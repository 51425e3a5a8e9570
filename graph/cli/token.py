"""`shelfgraph token`."""

from __future__ import annotations

from typing import Annotated

import typer

from graph.cli.terminal import refuse, settings_or_refusal


def token(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="staff, admin, member, device or partner.")],
    store: Annotated[str | None, typer.Option(help="The store it is bound to, by code.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who it is: an id or a name.")] = None,
    tier: Annotated[str | None, typer.Option(help="A member's tier.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A partner's scope; several may be given.")] = None,
) -> None:
    """Print a token that signs in as that principal for 12 hours. Development only.

    Use it as: Authorization: Bearer TOKEN. A member is there once the token is used; a subject that is no id
    names the same member every time.
    """
    settings = settings_or_refusal()
    if not settings.is_development:
        refuse(f"Tokens are printed in development only; SHELFGRAPH_ENV is {settings.env}.")
    from datetime import UTC, datetime

    from domain.refusals import RequestError
    from graph.settings import BadSettings
    from graph.tokens import DEVELOPMENT_LIFETIME, Tokens, principal_for, with_an_id

    try:
        principal = with_an_id(principal_for(kind, store=store, subject=subject, tier=tier, scopes=scope))
        issued = Tokens.of(settings).issue(principal, now=datetime.now(UTC), lifetime=DEVELOPMENT_LIFETIME)
    except RequestError as refused:
        refuse(refused.text.en)
    except BadSettings as bad:
        refuse(*bad.problems)
    typer.echo(issued)
