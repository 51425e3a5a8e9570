"""`shelfgraph devices`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from graph.cli.terminal import log_as, refuse, settings_or_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from devices.simulation.labels import Behaviour
    from graph.settings import Settings

app = typer.Typer(name="devices", help="Shelf labels and what drives them.", no_args_is_help=True)


@app.callback()
def devices() -> None:
    """Shelf labels and what drives them."""


@app.command()
def simulate(
    labels: Annotated[int, typer.Option(min=1, help="how many hang in the store")] = 1_000,
    gateways: Annotated[int, typer.Option(min=1, help="how many drive them")] = 1,
    poll: Annotated[float, typer.Option(min=0.1, help="seconds between two polls of a label")] = 60.0,
    loss: Annotated[float, typer.Option(min=0, max=1, help="chance that a message is not heard")] = 0.01,
    store: Annotated[str | None, typer.Option(help="left out: the first the graph names")] = None,
    url: Annotated[str, typer.Option(help="of the graph")] = "http://127.0.0.1:8000/graphql",
    token: Annotated[
        str | None, typer.Option(help="of staff who may register devices; not needed in development")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="fetch and check each face's planes")] = True,
) -> None:
    """Hang up labels that exist only in memory, and drive them through the public graph alone.

    They are registered and bound once; a restart finds them, and they remember what they show.
    """
    settings = settings_or_refusal()
    log_as(settings)
    if token is None:
        if not settings.is_development:
            refuse(f"Name a token; SHELFGRAPH_ENV is {settings.env}.")
        token = _administrator(settings)
    import asyncio
    from contextlib import suppress

    from devices.control.graph import GraphAway, GraphRefused
    from devices.simulation.labels import Behaviour

    behaviour, folder = Behaviour(poll=poll, loss=loss), settings.data_dir / "simulated"
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_simulate(url, token, store, labels, gateways, behaviour, folder, pictures))
    except (GraphAway, GraphRefused, ValueError) as reason:
        refuse(str(reason))


async def _simulate(
    url: str,
    token: str,
    store: str | None,
    labels: int,
    gateways: int,
    behaviour: Behaviour,
    folder: Path,
    pictures: bool,
) -> None:
    from devices.control.graph import Graph
    from devices.simulation import fleet
    from devices.simulation.enrolment import enrolled

    async def staff() -> str:
        return token

    typer.echo(f"Registering and binding {labels:,} labels, unless they are there …")
    async with Graph(url, staff) as graph:
        secrets = await enrolled(graph, store, labels, gateways, folder)
    await fleet.run(url, secrets, behaviour, folder, pictures=pictures, say=typer.echo)


def _administrator(settings: Settings) -> str:
    from datetime import UTC, datetime

    from graph.tokens import DEVELOPMENT_LIFETIME, Tokens, principal_for

    principal = principal_for("admin")
    return Tokens.of(settings).issue(principal, now=datetime.now(UTC), lifetime=DEVELOPMENT_LIFETIME)
