"""`shelfgraph demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from graph.cli.terminal import log_as, one_line_refusals, settings_or_refusal

if TYPE_CHECKING:
    from graph.settings import Settings

_PAGES = {"/graphql": "try the graph", "/labels": "watch the shelf redraw"}


def demo() -> None:
    """Load the demo mall where it is not there yet, serve it, and say where to look.

    Ten Hong Kong chains, 3,193 articles, 90 days of real shelf prices. The second start finds it loaded.
    """
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from graph.app import build_app
        from graph.serving import serve

        serve(settings, build_app, prepare=_prepare, on_ready=_say_where)


async def _prepare(settings: Settings) -> None:
    """Fills the database that runs, with a bar while it does."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    from graph.demo.loader import load_demo

    assert settings.database_url is not None  # noqa: S101 - the server says which one runs
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("Looking for the demo mall", total=1.0)
        mall = await load_demo(
            settings.database_url, lambda what, done: bar.update(task, description=what, completed=done)
        )
    if mall is not None:
        typer.echo(
            f"Loaded {mall.products:,} products, {mall.prices:,} prices, {mall.stock_levels:,} stock levels "
            f"and {mall.labels} labels."
        )


def _say_where(address: str) -> None:
    """Prints the addresses, and three documents to paste."""
    from graph.demo.tour import tour

    typer.secho("\nThe demo mall is open. Ctrl-C closes it.\n", bold=True)
    for path, what in _PAGES.items():
        typer.echo(f"  {address}{path:<10} {what}")
    typer.echo("\nThree to paste:")
    for stop in tour():
        typer.secho(f"\n# {stop.title}", dim=True)
        typer.echo(stop.document)
    typer.echo()
