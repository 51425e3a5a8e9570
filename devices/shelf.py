"""The shelf: every simulated gateway of this process, seen as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from devices.simulated import Redraw, RedrawListener, SimulatedGateway, SimulatedLabel


class Shelf:
    """The gateways with all their labels; what changes on any of them is heard here."""

    def __init__(self, gateways: Sequence[SimulatedGateway]) -> None:
        """Raises ValueError when two gateways hold a label of the same code."""
        self.gateways = tuple(gateways)
        self._home = {label: gateway for gateway in self.gateways for label in gateway.labels}
        if len(self._home) != sum(len(gateway.labels) for gateway in self.gateways):
            raise ValueError("two gateways hold a label of the same code")
        self.last_ink_ms: int | None = None
        self.listen(self._note)

    @property
    def redraw_count(self) -> int:
        """Redraws of all labels since the start."""
        return sum(gateway.redraw_count for gateway in self.gateways)

    def find(self, label: str) -> tuple[SimulatedGateway, SimulatedLabel] | None:
        """The label of a code with the gateway that serves it."""
        gateway = self._home.get(label)
        return (gateway, gateway.labels[label]) if gateway else None

    def listen(self, listener: RedrawListener) -> Callable[[], None]:
        """Call `listener` after each redraw of any label; what comes back ends that."""
        stops = [gateway.listen(listener) for gateway in self.gateways]

        def stop() -> None:
            for one in stops:
                one()

        return stop

    async def run(self) -> None:
        """Keep every gateway hearing and drawing until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for gateway in self.gateways:
                tasks.create_task(gateway.run(), name=f"gateway {gateway.code}")

    def _note(self, redraw: Redraw) -> None:
        if redraw.ink_ms is not None:
            self.last_ink_ms = redraw.ink_ms
