"""The page of labels over HTTP: its headers, its files, pictures, state, and the stream of redraws."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from PIL import Image

from graph import shelf_events
from tests.labels.price_graph import price
from tests.labels.wall import Wall, served_wall, until


@pytest.fixture
async def wall() -> AsyncIterator[Wall]:
    async with served_wall() as wall:
        yield wall


@pytest.fixture
async def client(wall: Wall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=wall.url, trust_env=False, timeout=10) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "language"),
    [("en-GB,en;q=0.9", "en"), ("zh-HK", "zh-CN"), ("fr, zh;q=0.1", "en"), (None, "zh-CN"), ("*", "zh-CN")],
)
async def test_the_page_opens_in_the_readers_language(
    client: httpx.AsyncClient, accept: str | None, language: str
) -> None:
    client.headers.pop("accept-language", None)
    answer = await client.get("/labels", headers={"accept-language": accept} if accept else {})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["vary"] == "Accept-Language"


async def test_nothing_in_the_page_needs_more_than_its_own_files(client: httpx.AsyncClient) -> None:
    page = (await client.get("/labels")).text
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", page)
    names = set(re.findall(r'(?:src|href)="labels/static/([^"]+)"', page))
    assert names == {"icon.svg", "shelf.css", "shelf.js"}
    for name in (*names, "words.js"):
        answer = await client.get(f"/labels/static/{name}")
        assert answer.status_code == 200
        if name != "icon.svg":
            assert not re.search(r"https?://|@import", answer.text)
        again = await client.get(
            f"/labels/static/{name}", headers={"if-none-match": f"W/{answer.headers['etag']}"}
        )
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/labels", "/labels/state.json", "/labels/W1.png", "/labels/static/shelf.js"]
)
async def test_every_answer_carries_the_rules_for_browsers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] in ("no-cache", "no-store")


@pytest.mark.parametrize(
    "path",
    ["/labels/static/page.html", "/labels/static/..%2f..%2fsettings.py", "/labels/static/", "/labels/X9.png"],
)
async def test_what_is_not_there_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_picture_is_tagged_with_its_face(wall: Wall, client: httpx.AsyncClient) -> None:
    before = await client.get("/labels/W1.png")
    gateway, label = wall.shelf.find("W1") or pytest.fail("no label")
    face = gateway.shown(label.code)
    assert face is not None
    assert before.headers["etag"] == f'"{face.hash}"'
    assert before.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(before.content)).size == (400, 300)
    held = {"if-none-match": before.headers["etag"]}
    assert (await client.get("/labels/W1.png", headers=held)).status_code == 304
    await wall.graph.change("oil", price(9990, 200))
    await until(lambda: wall.shelf.redraw_count == 6)
    after = await client.get("/labels/W1.png", headers=held)
    assert after.status_code == 200
    assert after.content != before.content


async def test_the_state_tells_every_label_and_what_a_tenth_less_is(
    wall: Wall, client: httpx.AsyncClient
) -> None:
    state = (await client.get("/labels/state.json")).json()
    assert [store["code"] for store in state["stores"]] == ["wellcome", "parknshop"]
    assert [gateway["state"] for gateway in state["gateways"]] == ["LIVE", "LIVE"]
    faces = {label["code"]: label["face"] for label in state["labels"]}
    told = {
        code: (face["price"], face["tenPercentLess"], face["memberPrice"], face["template"])
        for code, face in faces.items()
    }
    assert told == {
        "W1": ("$129.90", "116.91", None, "REGULAR"),
        "W2": ("$20.50", "18.45", "$19.90", "MEMBER"),
        "W3": (None, None, None, "NOT_FOR_SALE"),
        "P1": ("$129.90", "116.91", None, "REGULAR"),
    }


@pytest.mark.parametrize(
    ("minor", "less"), [(1, "0.01"), (5, "0.05"), (4, "0.04"), (15, "0.14"), (1005, "9.05")]
)
async def test_a_tenth_less_is_rounded_half_up_and_never_nothing(
    wall: Wall, client: httpx.AsyncClient, minor: int, less: str
) -> None:
    await wall.graph.change("tea", price(minor, 300))
    await until(lambda: wall.shelf.redraw_count == 5)
    state = (await client.get("/labels/state.json")).json()
    assert next(one for one in state["labels"] if one["code"] == "W2")["face"]["tenPercentLess"] == less


async def read_until(chunks: AsyncIterator[bytes], wanted: bytes, seen: bytes = b"") -> bytes:
    async with asyncio.timeout(10):
        while wanted not in seen:
            seen += await anext(chunks)
    return seen


async def test_redraws_are_streamed_with_bare_line_feeds(wall: Wall, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/labels/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in answer.headers
        chunks = answer.aiter_raw()
        seen = await read_until(chunks, b"event: gateways\n")
        await wall.graph.change("tea", price(1850, 200))
        seen = await read_until(chunks, b'"label":"W2"', seen)
        seen = await read_until(chunks, b"\n\n", seen[seen.index(b"event: redraw") :])
    assert b"\r" not in seen
    assert seen.startswith(b'event: redraw\ndata: {"label":"W2","kind":"CHANGE"')
    assert b'"price":"$18.50"' in seen


async def test_silence_is_broken_by_comments(
    wall: Wall, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf_events.ALIVE_SECONDS + shelf_events._LOOK_SECONDS < 15
    monkeypatch.setattr(shelf_events, "ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(shelf_events, "_LOOK_SECONDS", 0.02)
    async with client.stream("GET", "/labels/events") as answer:
        chunks = answer.aiter_raw()
        await read_until(chunks, b"\n: alive\n\n", await read_until(chunks, b": alive\n\n"))


async def test_a_reader_that_hangs_up_leaves_nothing_behind(wall: Wall, client: httpx.AsyncClient) -> None:
    listeners = [gateway._listeners for gateway in wall.shelf.gateways]
    before = [len(one) for one in listeners]
    async with client.stream("GET", "/labels/events") as answer:
        await read_until(answer.aiter_raw(), b"event: gateways\n")
        assert [len(one) for one in listeners] == [count + 1 for count in before]
    await until(lambda: [len(one) for one in listeners] == before)


async def test_a_server_that_stops_ends_its_streams(wall: Wall, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/labels/events") as answer:
        chunks = answer.aiter_raw()
        await read_until(chunks, b"event: gateways\n")
        started = asyncio.get_running_loop().time()
        ending = asyncio.create_task(wall.end())
        assert b"".join([chunk async for chunk in chunks]).count(b"event: redraw") == 0
        await ending
        assert asyncio.get_running_loop().time() - started < 4


async def test_a_reader_far_behind_is_told_to_read_anew(
    wall: Wall, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_events, "_MOST_WAITING", 1)
    async with client.stream("GET", "/labels/events") as answer:
        chunks = answer.aiter_raw()
        await read_until(chunks, b"event: gateways\n")
        redraws = []
        wall.shelf.listen(redraws.append)
        await wall.graph.change("tea", price(1850, 200))
        await until(lambda: len(redraws) == 1)
        for gateway in wall.shelf.gateways:
            for listener in tuple(gateway._listeners):
                for _ in range(3):
                    listener(redraws[0])
        assert b"event: reload\ndata: {}\n\n" in await read_until(chunks, b"event: reload")
