"""Label work through the graph: listed, watched, reported, fenced, and never shown backward."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.door.serving import Speaker
from tests.labels.shelf import UNBIND, Shelf, make_shelf
from tests.shop import Shop, socket_to


@pytest.fixture
async def shelf(shop: Shop) -> Shelf:
    return await make_shelf(shop)


@pytest.fixture
async def speaker(shop: Shop, shelf: Shelf) -> AsyncIterator[Speaker]:
    async with socket_to(shop, token=shelf.device) as one:
        yield one


async def test_a_label_gets_its_face_and_follows_its_price(
    shop: Shop, shelf: Shelf, speaker: Speaker
) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    assert (await shelf.look(label))["content"] == "PENDING"
    async with shelf.watched(speaker) as work:
        item = await work.next()
        face = item["face"]
        assert (item["label"]["code"], face["version"], face["price"]["amount"]["amount"]) == (
            label,
            "1",
            "10.00",
        )
        picture = await shop.client.get(face["imageUrl"].partition("/faces/")[1] + face["hash"] + ".png")
        assert (picture.status_code, picture.content[:4]) == (200, b"\x89PNG")
        for state, content in (("RECEIVED", "SENT"), ("DISPLAYED", "IN_SYNC")):
            told = await shelf.report(
                {
                    "label": label,
                    "version": "1",
                    "state": state,
                    "faceHash": face["hash"],
                    "batteryMillivolts": 2300,
                }
            )
            assert told["results"][0]["outcome"] == "ACCEPTED"
            assert (await shelf.look(label))["content"] == content
        seen = await shelf.look(label)
        assert (seen["contact"], seen["telemetry"]["batteryLow"], seen["staleSeconds"]) == ("ONLINE", True, 0)
        await shelf.price(sku, "8.00")
        assert await work.face() == (label, "2", "8.00")
        await shelf.displayed(label, "2")
        await shelf.price(sku, "8.00")
        await shelf.price(sku, "9.00")
        assert await work.face() == (label, "3", "9.00")
    before = face["hash"]
    assert (await shelf.look(label))["desired"]["hash"] != before


async def test_reports_count_once_and_never_fall_back(shelf: Shelf, speaker: Speaker) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    async with shelf.watched(speaker) as work:
        assert (await work.face())[1] == "1"
        shown = {"reportId": "once", "label": label, "version": "1", "state": "DISPLAYED"}
        told = await shelf.report(shown, shown, {"label": "XX", "version": "1", "state": "DISPLAYED"})
        assert [one["outcome"] for one in told["results"]] == ["ACCEPTED", "DUPLICATE", "UNKNOWN_LABEL"]
        assert [one["desiredVersion"] for one in told["results"]] == ["1", "1", None]
        await shelf.price(sku, "9.00")
        assert (await work.face())[1] == "2"
        cases = [
            ({"version": "1", "state": "DISPLAYED"}, "ACCEPTED"),
            ({"version": "1", "state": "RECEIVED"}, "STALE"),
            ({"version": "7", "state": "DISPLAYED"}, "STALE"),
            ({"version": "2", "state": "RECEIVED", "faceHash": "0" * 64}, "HASH_MISMATCH"),
            ({"version": "2", "state": "STAGED"}, "ACCEPTED"),
            ({"version": "2", "state": "RECEIVED"}, "STALE"),
            ({"version": "2", "state": "DISPLAYED"}, "ACCEPTED"),
            ({"version": "1", "state": "DISPLAYED"}, "STALE"),
            ({"version": "2", "state": "FAILED", "error": "RADIO"}, "STALE"),
        ]
        for given, outcome in cases:
            told = await shelf.report({"label": label} | given)
            assert told["results"][0]["outcome"] == outcome, given
            assert told["results"][0]["desiredVersion"] == "2"
    seen = await shelf.look(label)
    assert (seen["content"], seen["reported"]["version"]) == ("IN_SYNC", "2")
    stranger = await shelf.shop.ask('{ device(code: "XX") { lifecycle __typename } }', token=shelf.staff)
    assert stranger.data["device"] == {"lifecycle": "QUARANTINED", "__typename": "PlainDevice"}


async def test_a_price_that_goes_and_comes_back_is_sent_again_while_in_doubt(
    shelf: Shelf, speaker: Speaker
) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    async with shelf.watched(speaker) as work:
        await work.face()
        await shelf.displayed(label, "1")
        await shelf.price(sku, "8.00")
        assert await work.face() == (label, "2", "8.00")
        await shelf.price(sku, "10.00")
        assert await work.face() == (label, "3", "10.00")
        await shelf.displayed(label, "3")
    assert (await shelf.look(label))["content"] == "IN_SYNC"


async def test_the_window_holds_back_and_the_mark_stays_low(shelf: Shelf, speaker: Speaker) -> None:
    sku = await shelf.article(1000)
    labels = [await shelf.label(sku) for _ in range(3)]
    start = (await shelf.snapshot())["cursor"]
    async with shelf.watched(speaker, window=2) as work:
        first, second = await work.next(), await work.next()
        assert [first["cursor"], second["cursor"]] == [start, start]
        codes = [first["label"]["code"], second["label"]["code"]]
        assert set(codes) < set(labels)
        await shelf.report({"label": codes[0], "version": "1", "state": "RECEIVED"})
        third = await work.next()
        assert {*codes, third["label"]["code"]} == set(labels)


async def test_a_new_controller_fences_the_old_one_off_and_has_everything_again(
    shop: Shop, shelf: Shelf, speaker: Speaker
) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    async with shelf.watched(speaker) as work:
        assert (await work.face())[0] == label
        await shelf.report({"label": label, "version": "1", "state": "RECEIVED"})
        old = shelf.epoch
        assert await shelf.claim() == old + 1
        assert await work.next() == {"__typename": "Fenced", "epoch": old + 1}
    told = await shelf.report({"label": label, "version": "1", "state": "DISPLAYED"}, epoch=old)
    assert told["userErrors"] == [{"code": "EPOCH_FENCED", "field": ["input", "epoch"]}]
    async with shelf.watched(speaker) as work:
        assert await work.face() == (label, "1", "10.00")
    async with shelf.watched(speaker) as work:
        assert await work.face() == (label, "1", "10.00")
    async with shelf.watched(speaker, after="0001.00000000000000000000") as work:
        assert (await work.next())["__typename"] in ("CursorExpired", "FaceSet")
    async with shelf.watched(speaker, after="9999.00000000000000000001") as work:
        assert (await work.next())["__typename"] == "CursorExpired"
    abroad = shop.token("device", store=shelf.store, subject="GW-OTHER")
    refused = await shelf.do(
        "mutation($input: GatewayClaimInput!) { gatewayClaim(input: $input) { epoch userErrors { code } } }",
        token=abroad,
        gateway=shelf.gateway,
    )
    assert refused == {"epoch": None, "userErrors": [{"code": "DEVICE_UNKNOWN"}]}


async def test_a_label_taken_off_is_cancelled_and_one_is_made_to_flash(
    shelf: Shelf, speaker: Speaker
) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    flash = """mutation($input: LabelFlashInput!) { labelFlash(input: $input) {
      label { code } userErrors { code } } }"""
    async with shelf.watched(speaker) as work:
        await work.face()
        await shelf.do(UNBIND, label=label)
        item = await work.next()
        assert (item["__typename"], item["label"]["code"], item["version"]) == ("FaceCancelled", label, "1")
        await shelf.do(flash, idempotencyKey=f"f-{label}", label=label, seconds=5)
        item = await work.next()
        assert (item["__typename"], item["kind"], item["seconds"]) == ("LabelCommand", "FLASH", 5)
