"""`shelfgraph migrate` and `shelfgraph restored`."""

from __future__ import annotations

import asyncio

import typer

from graph.cli.terminal import log_as, one_line_refusals, settings_or_refusal


def migrate() -> None:
    """Bring the database to the schema of this release. Repeating it changes nothing."""
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from graph.ground import Company, running_database
        from persistence import migrate as migrations

        async def run() -> bool:
            async with running_database(settings, Company.BESIDE) as dsn:
                return await migrations.upgrade(dsn)

        changed = asyncio.run(run())
        typer.echo(f"{'Migrated to' if changed else 'Already at'} {migrations.head()}.")


def restored() -> None:
    """Raise the epoch of events: to be run once after a backup was restored, or a standby took over late.

    Every cursor given out before is then answered by RESYNC. Servers may run meanwhile.
    """
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from graph.ground import Company, running_database
        from persistence.database import connect
        from persistence.news import outbox

        async def run() -> int:
            async with running_database(settings, Company.BESIDE) as dsn:
                db = await connect(dsn)
                try:
                    return await outbox.raise_epoch(db)
                finally:
                    await db.close()

        epoch = asyncio.run(run())
        typer.echo(f"The epoch is {epoch}: subscribers with a cursor of before are told to RESYNC.")
