"""What every endpoint of the door needs of the house."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from graph.door import negotiation
from graph.door.caller import OpenContext
from graph.door.connections import Connections
from graph.door.errors import Errors, Translate
from graph.door.execution import Execution
from graph.door.limits import Limits


@dataclass(frozen=True, slots=True)
class Inside:
    """What stands behind every endpoint."""

    execution: Execution
    open_context: OpenContext
    limits: Limits
    default_locale: str
    translate: Translate
    connections: Connections
    finishing: set[asyncio.Task[None]] = field(default_factory=set)
    """Mutations whose client left; they run to their end, and the shutdown waits for them."""

    def let_finish(self, task: asyncio.Task[None]) -> None:
        """Lets a task outlive its connection."""
        self.finishing.add(task)
        task.add_done_callback(self.finishing.discard)

    def errors(self, accept_language: str | None) -> Errors:
        """Words for what goes wrong with one operation, in the language that the caller reads."""
        return Errors(negotiation.language(accept_language, self.default_locale), self.translate)
