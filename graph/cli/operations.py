"""`shelfgraph operations …`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from graph.cli.terminal import log_as, one_line_refusals, refuse, settings_or_refusal

app = typer.Typer(help="Published documents: those a client may call by their hash.", no_args_is_help=True)


@app.command()
def publish(
    client: Annotated[
        str, typer.Argument(metavar="CLIENT", help="A partner's code, or app:NAME or device:NAME.")
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Manifests of Apollo, Relay or graphql-codegen; .graphql files, or folders of them.",
        ),
    ],
) -> None:
    """Publish the documents of a client on the configured database: all of them, or none."""
    settings = settings_or_refusal()
    log_as(settings)
    from domain.refusals import Refused
    from graph.partners.commands import publish_documents
    from graph.partners.manifests import Unreadable, documents_in

    with one_line_refusals():
        try:
            found = documents_in(paths)
        except Unreadable as unreadable:
            refuse(str(unreadable))
        if not found:
            refuse("There are no documents in these files.")
        try:
            rows = asyncio.run(publish_documents(settings, client, found))
        except Refused as refused:
            refuse(
                *(_told(one.field, one.text.en, [each.where for each in found]) for one in refused.refusals)
            )
    for one, row in zip(found, rows, strict=True):
        typer.echo(f"{row.document_id}  {row.name}  {row.cost} points")
        if one.strange_id is not None:
            typer.secho(
                f"  {one.where}: {one.strange_id} is no hash of it; call it by the id above.",
                err=True,
                fg=typer.colors.YELLOW,
            )
    typer.echo(f"{len(rows)} published for {client}.")


@app.command()
def check(
    schema: Annotated[
        Path | None,
        typer.Option(help="The new schema, in GraphQL's own language; this program's if left out."),
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(help="Only what these clients published; may be given often.")
    ] = None,
) -> None:
    """Tell which published documents a schema would break; exit code 1 when there are any. For CI."""
    settings = settings_or_refusal()
    log_as(settings)
    from graph.partners.commands import broken_by, schema_of
    from graph.partners.manifests import Unreadable

    with one_line_refusals():
        try:
            wanted = schema_of(schema)
        except Unreadable as unreadable:
            refuse(str(unreadable))
        total, broken = asyncio.run(broken_by(settings, wanted, client or None))
    for one in broken:
        of = one.operation
        last = "never used" if of.last_used_at is None else f"last used {of.last_used_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{of.client}  {of.name}  {of.document_id}  {of.calls} calls, {last}")
        for reason in one.because:
            typer.echo(f"  {reason}")
    typer.echo(f"{len(broken)} of {total} published documents would break.")
    if broken:
        raise typer.Exit(1)


def _told(field: tuple[str, ...] | None, text: str, places: list[str]) -> str:
    if field is not None and field[:2] == ("input", "documents") and len(field) > 2:
        return f"{places[int(field[2])]}: {text}"
    return text
