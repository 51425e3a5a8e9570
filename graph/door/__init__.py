"""The door of the graph: everything between a socket and the schema."""

from graph.door.caller import Caller, OpenContext, OperationContext, TokenExpired
from graph.door.door import Door
from graph.door.limits import Limits

__all__ = ["Caller", "Door", "Limits", "OpenContext", "OperationContext", "TokenExpired"]
