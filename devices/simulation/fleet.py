"""Gateways with simulated labels, run against a graph anywhere."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from devices.control.controller import Controller
from devices.control.graph import Graph, signed_in
from devices.simulation import memory
from devices.simulation.labels import Behaviour, SimulatedLabels
from devices.simulation.radio import SimulatedRadio

_TELL_SECONDS = 10.0

Say = Callable[[str], None]


async def run(
    url: str, secrets: Mapping[str, str], behaviour: Behaviour, folder: Path, *, pictures: bool, say: Say
) -> None:
    """Drive the gateways until cancelled. What their labels remember is kept in `folder`."""
    shelves: dict[str, SimulatedLabels] = {}
    try:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            controllers = []
            for gateway, secret in secrets.items():
                labels = SimulatedLabels(
                    behaviour,
                    random.Random(),  # noqa: S311 - losses, not secrets
                    memory.load(_path(folder, gateway)),
                )
                shelves[gateway] = labels
                graph = await stack.enter_async_context(Graph(url, signed_in(url, gateway, secret)))
                controller = Controller(gateway, graph, SimulatedRadio(labels, pictures=pictures))
                controllers.append(controller)
                tasks.create_task(controller.run())
            while True:
                await asyncio.sleep(_TELL_SECONDS)
                _keep(folder, shelves)
                states = ", ".join(f"{one.gateway} {one.state}" for one in controllers)
                shown = sum(1 for one in shelves.values() for kept in one.memories.values() if kept.version)
                drawn = sum(one.ink_count for one in shelves.values())
                say(f"{states}: {shown:,} labels show a face, {drawn:,} redraws")
    finally:
        _keep(folder, shelves)


def _keep(folder: Path, shelves: Mapping[str, SimulatedLabels]) -> None:
    for gateway, labels in shelves.items():
        memory.save(_path(folder, gateway), labels.memories)


def _path(folder: Path, gateway: str) -> Path:
    return folder / f"{gateway}.labels.json"
