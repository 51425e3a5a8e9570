"""An access point that behaves as OpenEPaperLink's does, on a real port: pages, uploads, news, and moods."""

from __future__ import annotations

import asyncio
import email
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.shop import served_app

PAGE = 2


@dataclass
class Tags:
    """The access point's memory: tags by MAC, pictures that wait, and who listens."""

    tags: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: dict[str, bytes] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)
    commands: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    uploads: int = 0
    listed: int = 0
    wraps: bool = False
    sockets: set[WebSocket] = field(default_factory=set)
    url: str = ""

    def add(self, mac: str) -> None:
        self.tags[mac] = {"mac": mac, "hash": "0" * 32, "pending": 0, "batteryMv": 2900, "RSSI": -61} | {
            "LQI": 132,
            "temperature": 21,
            "nextcheckin": 1_800_000_000,
            "ver": 41,
        }

    async def poll(self, mac: str, *, heard: bool = True) -> None:
        """The tag asks, fetches what waits and shows it; `heard`: listeners are told."""
        picture = self.waiting.pop(mac, None)
        tag = self.tags[mac]
        if picture is not None:
            self.shown[mac] = picture
            tag |= {"hash": hashlib.md5(picture, usedforsecurity=False).hexdigest(), "pending": 0}
        if heard:
            await self.say({"tags": [tag]})

    async def say(self, message: object) -> None:
        for socket in tuple(self.sockets):
            await socket.send_json(message)

    async def drop(self) -> None:
        """Break every connection, as a restart does."""
        for socket in tuple(self.sockets):
            await socket.close(1001)


def application(point: Tags) -> Starlette:
    async def get_db(request: Request) -> Response:
        point.listed += 1
        position = int(request.query_params.get("pos", 0)) % 256
        every = list(point.tags.values())
        page: dict[str, Any] = {"tags": every[position : position + PAGE]}
        if position + PAGE < len(every) or point.wraps:
            page["continu"] = (position + PAGE) % len(every) if point.wraps else position + PAGE
        return JSONResponse(page)

    async def imgupload(request: Request) -> Response:
        point.uploads += 1
        form = await _form(request)
        if point.answers:
            status, text = point.answers.pop(0)
            return PlainTextResponse(text, status)
        mac = form["mac"].decode()
        if mac not in point.tags:
            return PlainTextResponse("Error while saving: mac not found", 200)
        assert form["dither"] == b"0"
        point.waiting[mac] = form["file"]
        point.tags[mac]["pending"] = 1
        await point.say({"tags": [point.tags[mac]]})
        return PlainTextResponse("Ok, saved")

    async def tag_cmd(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        point.commands.append((form["mac"][0], form["cmd"][0]))
        return PlainTextResponse("Ok, done")

    async def news(socket: WebSocket) -> None:
        await socket.accept()
        point.sockets.add(socket)
        try:
            await socket.send_json({"sys": {"alias": "AP"}})
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            point.sockets.discard(socket)

    return Starlette(
        routes=[
            Route("/get_db", get_db),
            Route("/imgupload", imgupload, methods=["POST"]),
            Route("/tag_cmd", tag_cmd, methods=["POST"]),
            WebSocketRoute("/ws", news),
        ]
    )


async def _form(request: Request) -> dict[str, bytes]:
    """The parts of a multipart body by their names."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + await request.body())
    return {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")
        for part in whole.walk()
        if not part.is_multipart()
    }


@asynccontextmanager
async def access_point(*macs: str) -> AsyncIterator[Tags]:
    """A running one with tags of these MACs."""
    point = Tags()
    for mac in macs:
        point.add(mac)
    async with served_app(application(point)) as port:
        point.url = f"http://127.0.0.1:{port}"
        yield point
        await asyncio.sleep(0)
        await point.drop()
