"""`shelfgraph export …`: what the house knows, as files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from graph.cli.terminal import log_as, one_line_refusals, refuse, settings_or_refusal

app = typer.Typer(name="export", help="Take data out, as a stream.", no_args_is_help=True)


@app.command()
def prices(
    channel: Annotated[str, typer.Option(help="Whose prices: a channel's code.")],
    store: Annotated[str | None, typer.Option(help="In this store; outside any store without it.")] = None,
    tier: Annotated[str | None, typer.Option(help="For members of this tier; else for everybody.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of 2026-11-22T09:00:00+08:00; now without it.")
    ] = None,
    format: Annotated[Literal["csv", "jsonl"], typer.Option(help="CSV, or one JSON object a line.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a file instead of printing."),
    ] = None,
) -> None:
    """What every article costs in a channel, or in a store of it: one line per sku that is for sale there."""
    from graph.exports import CannotExport, NobodyReads, PricesOrder, export_prices
    from persistence.imports.files.cells import BadCell, moment

    settings = settings_or_refusal()
    log_as(settings)
    try:
        order = PricesOrder(channel, store, tier, moment(at or ""), format, output)
        with one_line_refusals():
            count = export_prices(settings, order)
    except (BadCell, CannotExport) as wrong:
        refuse(str(wrong))
    except NobodyReads:
        # Nothing more may be said to a closed pipe, not even when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    if output is not None:
        typer.echo(f"{count:,} prices written to {output}.")


@app.command()
def orders(
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Placed from then on, as 2026-11-01T00:00:00+08:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Placed before then.")] = None,
    channel: Annotated[str | None, typer.Option(help="Of this channel; of all without it.")] = None,
    format: Annotated[Literal["csv", "jsonl"], typer.Option(help="CSV, or one JSON object a line.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a file instead of printing."),
    ] = None,
) -> None:
    """Every line of every order, the oldest order first; nothing in it names a person."""
    from graph.exports import CannotExport, NobodyReads
    from graph.order_exports import OrdersAsked, export_orders
    from persistence.imports.files.cells import BadCell, moment

    settings = settings_or_refusal()
    log_as(settings)
    try:
        asked = OrdersAsked(moment(since or ""), moment(until or ""), channel, format, output)
        with one_line_refusals():
            count = export_orders(settings, asked)
    except (BadCell, CannotExport) as wrong:
        refuse(str(wrong))
    except NobodyReads:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    if output is not None:
        typer.echo(f"{count:,} lines of orders written to {output}.")
