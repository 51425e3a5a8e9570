"""`shelfgraph serve` and `shelfgraph worker`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from graph.cli.terminal import log_as, one_line_refusals, settings_or_refusal


def serve(
    host: Annotated[str | None, typer.Option(help="Instead of SHELFGRAPH_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Instead of SHELFGRAPH_PORT.")] = None,
) -> None:
    """Serve the graph, on the configured database or on the embedded one.

    Ctrl-C or SIGTERM ends it: requests under way are answered, then everything it started is stopped.
    """
    settings = settings_or_refusal()
    settings = settings.model_copy(
        update={"host": host or settings.host, "port": port or settings.port},
    )
    log_as(settings)
    with one_line_refusals():
        from graph.app import build_app
        from graph.serving import serve as run

        run(settings, build_app)


def worker() -> None:
    """Relay news and wake at price boundaries, without a server. Any number may run beside each other."""
    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        from graph.workers import run

        asyncio.run(run(settings))
