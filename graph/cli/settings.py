"""`shelfgraph settings`."""

from __future__ import annotations

import typer

from graph.cli.terminal import settings_or_refusal


def settings() -> None:
    """Print every setting with its meaning, default and value; secrets are masked."""
    found = settings_or_refusal()
    from graph.settings import reference

    typer.echo(reference(found), nl=False)
