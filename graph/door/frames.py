"""WebSocket frames made by hand, for what many sockets are told: made once, written below the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import orjson

from graph.live.listener import Listener, Notice

EXTENSION = "shelfgraph.frames"
"""The key under which a socket's scope has its Frames, where the server has them."""
_SHORT = 8  # characters; ids of that kind are counters, and one of them serves many sockets
_MOST_HEADS = 4_096


class Frames(Protocol):
    """A socket that takes whole frames."""

    has_room: bool
    """Whether its client takes what is written, or soon will."""
    on_room: Callable[[], None] | None
    """Called when there is room again."""
    on_stuck: Callable[[], None] | None
    """Called when there was no room for `stuck_seconds`."""
    stuck_seconds: float

    def write_frame(self, frame: bytes) -> None:
        """Writes an unmasked frame; on a socket that is closing it is dropped."""


class SocketListener(Listener):
    """Writes the notices of one operation to its socket."""

    __slots__ = ("_frames", "_head", "_over")

    def __init__(self, frames: Frames, id_: str, over: Callable[[Exception | None], None]) -> None:
        super().__init__()
        self._frames = frames
        self._head = _head_of(id_)
        self._over = over

    @property
    def has_room(self) -> bool:
        """Whether the socket takes what is written."""
        return self._frames.has_room

    def write(self, notice: Notice) -> None:
        """Sends one notice as a `next` message."""
        self._frames.write_frame(_FRAMER.frame(self._head, notice.payload))

    def over(self, error: Exception | None) -> None:
        """Has the client told that the operation is over."""
        self._over(error)


class _Framer:
    """Remembers the last frame: most sockets in a row are told the same under the same id."""

    def __init__(self) -> None:
        self._head = self._payload = self._frame = b""

    def frame(self, head: bytes, payload: bytes) -> bytes:
        if head is self._head and payload is self._payload:
            return self._frame
        frame = text_frame(head, payload, b"}")
        self._head, self._payload, self._frame = head, payload, frame
        return frame


_FRAMER = _Framer()
_HEADS: dict[str, bytes] = {}


def _head_of(id_: str) -> bytes:
    head = _HEADS.get(id_)
    if head is None:
        head = b'{"id":%b,"type":"next","payload":' % orjson.dumps(id_)
        if len(id_) <= _SHORT and len(_HEADS) < _MOST_HEADS:
            _HEADS[id_] = head
    return head


def text_frame(*parts: bytes) -> bytes:
    """One unfragmented, unmasked text frame of RFC 6455 (section 5.2)."""
    size = sum(map(len, parts))
    if size < 126:
        return b"".join((b"\x81", size.to_bytes(1, "big"), *parts))
    if size < 65_536:
        return b"".join((b"\x81\x7e", size.to_bytes(2, "big"), *parts))
    return b"".join((b"\x81\x7f", size.to_bytes(8, "big"), *parts))
