"""An order's whole way, as docs/pickup.md tells it: through the public graph only, with its own documents."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from tests.loyalty.making import a_member, points, programme, rule, rules
from tests.orders.buying import a_cart, a_key, make_goods, make_mall
from tests.shop import Shop, socket_to

_GUIDE = Path(__file__).parents[2] / "docs" / "pickup.md"
GUIDE = {
    found[2]: found[1]
    for found in re.finditer(
        r"```graphql\n((?:query|mutation|subscription) (\w+).*?)```", _GUIDE.read_text(), re.DOTALL
    )
}
_RUN = set(re.findall(r'(?:ask\(\s*|GUIDE\[)"(\w+)"', Path(__file__).read_text()))


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


def scanned(svg: str) -> str:
    """What a scanner reads off the SVG of a QR: its path is drawn row by row, dark modules only."""
    (path,) = re.findall(r' d="([^"]+)"', svg)
    (side,) = map(int, re.findall(r'viewBox="0 0 (\d+) \1"', svg))
    picture = Image.new("L", (side, side), 255)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]+)", path):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            picture.paste(0, (int(x), int(y), int(x + values[0]), int(y) + 1))
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    (found,) = zxingcpp.read_barcodes(picture.resize((6 * side, 6 * side)))
    text: str = found.text
    return text


async def test_an_order_is_placed_collected_and_brought_back_in_part(shop: Shop) -> None:
    mei, admin = await a_member(shop), shop.token("admin")
    member = mei.token
    # A point for every dollar, to be used as soon as the goods are there.
    await programme(shop, waitsDays=0)
    await rules(shop, rule("BASE"))
    central, harbour = (shop.token("staff", store=store, subject=store) for store in ("central", "harbour"))
    tea = await make_goods(shop, 2590, central=5, harbour=0)
    milk = await make_goods(shop, 1005, central=5, harbour=0)
    began = datetime.now(UTC)

    async def ask(name: str, token: str | None, **variables: Any) -> Any:
        """The only field's answer to a document of the guide."""
        (answer,) = (await shop.ask(GUIDE[name], token=token, **variables)).data.values()
        assert not (answer or {}).get("userErrors"), answer
        return answer

    async def levels() -> dict[tuple[str, str], tuple[int, int]]:
        answers = {
            store: (await shop.ask(GUIDE["Levels"], token=admin, store=store, skus=[tea, milk])).data
            for store in ("central", "harbour")
        }
        return {
            (store, level["sku"]): (level["onHand"], level["reserved"])
            for store, data in answers.items()
            for level in data["stockLevels"]
        }

    # A poster in harbour leads to it; who was touched last is credited.
    last = {"idempotencyKey": a_key(), "which": "LAST", "days": 7}
    assert (await ask("SetRule", admin, input=last))["rule"]["version"]
    poster = {"idempotencyKey": a_key(), "store": "harbour", "kind": "POSTER", "clerk": "ada"}
    (code,) = (await ask("Issue", harbour, input=poster))["touchCodes"]
    pickup = {"kind": "PICKUP", "store": "central"}
    cart_id = await a_cart(shop, (tea, 1), (milk, 3), token=member, fulfilment=pickup)
    touched = await ask("Touch", member, input={"cartId": cart_id, "code": code["code"]})
    assert touched["cart"]["attribution"][0]["store"] == {"code": "harbour"}

    async with socket_to(shop, token=central) as store:
        await store.ask(GUIDE["Queue"], "1", variables={"store": "central"})

        async def heard() -> Any:
            message: Any = await store.hear()
            return message["payload"]["data"]["pickupQueueChanged"]

        assert (await heard())["kind"] == "BOOKMARK"
        bought = await ask(
            "Buy",
            member,
            input={
                "idempotencyKey": a_key(),
                "cartId": cart_id,
                "expectedTotal": "56.05",
                "payment": {"provider": "sandbox", "token": "ok"},
            },
        )
        order_id = bought["order"]["id"]
        told = await heard()
        assert (told["cause"], told["pickup"]["state"]) == ("pickupRequested", "REQUESTED")
        assert (await levels())["central", milk] == (5, 3)
        assert await points(shop, mei) == (0, 56)
        pickup_id = told["pickup"]["id"]
        await ask("Prepare", central, input={"pickupId": pickup_id})
        ready = {"idempotencyKey": a_key(), "pickupId": pickup_id, "shelf": "A3"}
        assert (await ask("Ready", central, input=ready))["pickup"]["state"] == "READY"
        shown = (await ask("MyPickup", member, id=order_id))["pickup"]
        text = scanned(shown["qrSvg"])
        looked = await ask("Look", central, input={"store": "central", "code": text})
        assert [(line["sku"], line["quantity"]) for line in looked["pickup"]["order"]["lines"]] == [
            (tea, 1),
            (milk, 3),
        ]
        collect = {"idempotencyKey": a_key(), "store": "central", "code": text}
        collected = (await ask("Collect", central, input=collect))["pickup"]
        assert (collected["state"], collected["order"]["state"]) == ("COLLECTED", "COMPLETED")
        causes = [(await heard())["cause"] for _ in range(3)]
        assert causes == ["pickupPrepare", "pickupReady", "pickupCollect"]
    assert (await levels())["central", milk] == (2, 0)
    assert await points(shop, mei) == (56, 0)

    async def credited() -> dict[str | None, Decimal]:
        period = {"since": began.isoformat(), "before": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        rows = (await shop.ask(GUIDE["Report"], token=admin, **period)).data["attributionReport"]
        return {(row["store"] or {}).get("code"): Decimal(row["amount"]["amount"]) for row in rows}

    assert await credited() == {"harbour": Decimal("56.05")}
    milk_line = next(line["id"] for line in bought["order"]["lines"] if line["sku"] == milk)
    back = {
        "idempotencyKey": a_key(),
        "orderId": order_id,
        "store": "harbour",
        "lines": [{"lineId": milk_line, "quantity": 3, "restock": True}],
        "reason": "sour",
    }
    returned = (await ask("Return", harbour, input=back))["order"]
    assert (returned["state"], returned["refunded"]["amount"]) == ("PARTIALLY_RETURNED", "30.15")
    assert [refund["amount"]["amount"] for refund in returned["refunds"]] == ["30.15"]
    assert [(one["store"], one["amount"]["amount"]) for one in returned["attribution"]] == [
        ({"code": "harbour"}, "25.90")
    ]
    assert await credited() == {"harbour": Decimal("25.90")}
    assert await points(shop, mei) == (26, 0)
    after = await levels()
    assert (after["central", milk], after["harbour", milk]) == ((2, 0), (3, 0))
    tea_line = next(line["id"] for line in bought["order"]["lines"] if line["sku"] == tea)
    back |= {"idempotencyKey": a_key(), "lines": [{"lineId": tea_line, "quantity": 1, "restock": False}]}
    whole = (await ask("Return", harbour, input=back))["order"]
    assert (whole["state"], whole["refunded"]) == ("RETURNED", whole["totals"]["total"])
    assert await credited() == {"harbour": Decimal(0)}
    assert await points(shop, mei) == (0, 0)


async def test_the_rest_of_the_guide_is_answered_too(shop: Shop) -> None:
    """What the journey does not run is asked of nothing that is there."""
    answer = await shop.ask(GUIDE["Rotate"], input={"pickupId": "x"})
    assert [error["code"] for error in answer.data["pickupCodeRotate"]["userErrors"]] == ["NOT_FOUND"]
    kiosk = shop.token("staff", store="kiosk")
    (key,) = (await shop.ask(GUIDE["Offline"], token=kiosk)).data.values()
    assert (key["algorithm"], len(base64.b64decode(key["publicKey"]))) == ("Ed25519", 32)
    given = {
        "idempotencyKey": a_key(),
        "store": "kiosk",
        "ticket": "SGP1:AA",
        "handedOverAt": "2026-01-01T00:00:00Z",
    }
    answer = await shop.ask(GUIDE["Settle"], token=kiosk, input=given)
    assert [error["code"] for error in answer.data["pickupSettle"]["userErrors"]] == ["PICKUP_CODE_UNKNOWN"]
    assert GUIDE.keys() == _RUN
