"""`shelfgraph migrate`."""

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
