"""`shelfgraph operations explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph.cli.terminal import refuse


def explain(
    file: Annotated[Path, typer.Argument(help="A document in GraphQL.", dir_okay=False)],
    operation: Annotated[
        str | None, typer.Option(help="Which of its operations; the first without it.")
    ] = None,
    off: Annotated[
        list[str] | None,
        typer.Option(help="A variable of @include or @skip to take as false; the others hold."),
    ] = None,
) -> None:
    """Print the Python that an operation is compiled to, and what its numbered names stand for."""
    from graphql import GraphQLSyntaxError, parse, validate

    from graph.compiled.writing import CannotCompile
    from graph.compiling import house_compiler
    from graph.schema import build_schema

    try:
        document = parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}.")
    except (GraphQLSyntaxError, UnicodeDecodeError) as error:
        refuse(f"{file} is no document: {error}.")
    schema = build_schema()
    if errors := validate(schema, document):
        refuse("\n".join(error.message for error in errors))
    try:
        written = house_compiler(schema).written(document, operation, off=off or ())
    except CannotCompile as why:
        refuse(f"graphql-core executes it: {why}.")
    except LookupError:
        refuse(f"{file} has no operation {operation}.")
    for name, meaning in written.legend.items():
        typer.echo(f"# {name}: {meaning}")
    typer.echo(f"\n{written.source}", nl=False)
