"""`shelfgraph schema …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph.cli.terminal import refuse

app = typer.Typer(help="The promise to clients.", no_args_is_help=True)


@app.callback()
def _several() -> None:
    """The promise to clients."""  # keeps `export` a word of its own while it is the only one


@app.command()
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file to write instead of printing.")
    ] = None,
) -> None:
    """Print the schema as the code has it, in GraphQL's own language."""
    from graph.schema import build_schema, printed

    text = printed(build_schema())
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(f"{output} cannot be written: {error.strerror}.")
