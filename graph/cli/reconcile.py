"""`shelfgraph reconcile`: hold what is counted against what explains it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from graph.cli.terminal import log_as, one_line_refusals, settings_or_refusal

if TYPE_CHECKING:
    from graph.settings import Settings
    from persistence.database import Connection

DifferenceT = TypeVar("DifferenceT")

app = typer.Typer(
    name="reconcile", help="Hold what is counted against what explains it.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Hold what is counted against what explains it."""


@app.command()
def stock(limit: int = typer.Option(100, min=1, help="The most differences to print.")) -> None:
    """Hold every stock level against its movements, holds and allotments; exit code 1 when any differs."""
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from persistence.inventory.books import differences

        found = _found(settings, differences, limit)
    if not found:
        typer.echo("Every stock level is what its movements, holds and allotments say.")
        return
    columns = " ".join(f"{name:>9}" for name in ("on hand", "moved", "reserved", "held", "allotted", "left"))
    typer.echo(f"{'store':16} {'sku':24} {columns}")
    for one in found:
        numbers = " ".join(f"{number:9}" for number in one[2:])
        typer.echo(f"{one.store:16} {one.sku:24} {numbers}")
    raise typer.Exit(1)


@app.command()
def points(limit: int = typer.Option(100, min=1, help="The most differences to print.")) -> None:
    """Hold every member's points against the ledger and what remains of it; exit code 1 when any differs."""
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from persistence.loyalty.ledger import differences

        found = _found(settings, differences, limit)
    if not found:
        typer.echo("Every member's points are what the ledger and its lots say.")
        return
    columns = " ".join(f"{name:>9}" for name in ("balance", "ledger", "lots", "debt", "lines", "serial"))
    typer.echo(f"{'member':36} {columns}")
    for one in found:
        typer.echo(f"{one.member:36} " + " ".join(f"{number:9}" for number in one[1:]))
    raise typer.Exit(1)


def _found(
    settings: Settings,
    differences: Callable[[Connection, int], Awaitable[list[DifferenceT]]],
    limit: int,
) -> list[DifferenceT]:
    """The differences in the configured database, so many at most."""
    from graph.ground import Company, migrated_database
    from persistence.database import connect

    async def run() -> list[DifferenceT]:
        async with migrated_database(settings, Company.BESIDE) as dsn:
            db = await connect(dsn)
            try:
                return await differences(db, limit)
            finally:
                await db.close()

    return asyncio.run(run())
