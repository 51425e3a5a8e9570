"""The ceiling of a fan-out: uvicorn alone, which encodes an event once and sends it to every socket."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

_sends: set[Any] = set()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Takes any socket, says what a subscriber expects to hear at first, and tells it what is POSTed."""
    if scope["type"] == "websocket":
        await _socket(receive, send)
    elif scope["type"] == "http":
        await _tell(int(parse_qs(scope["query_string"].decode()).get("events", ["0"])[0]))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def _socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            kind = orjson.loads(message["text"])["type"]
            if kind == "connection_init":
                await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
            elif kind == "subscribe":
                for event in ("SNAPSHOT", "BOOKMARK"):
                    await send({"type": "websocket.send", "text": _event(event)})
                _sends.add(send)
    finally:
        _sends.discard(send)


async def _tell(events: int) -> None:
    for _ in range(events):
        text = _event("CHANGE")
        for send in tuple(_sends):
            await send({"type": "websocket.send", "text": text})


def _event(kind: str) -> str:
    """As long as one of the house's own."""
    event = {
        "kind": kind,
        "cursor": "0001.00000000000000000001",
        "cause": "pricesSet",
        "sku": "DEMO-0000000000",
        "price": {"amount": {"amount": "18.00"}, "version": "1795423542000000"},
    }
    return orjson.dumps({"id": "1", "type": "next", "payload": {"data": {"priceChanged": event}}}).decode()


def main() -> None:
    """Serves on the port named as argument until told to end."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        backlog=2048,
    )


if __name__ == "__main__":
    main()
