"""The documents of docs/labels.md, run in the order in which a controller needs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.labels.shelf import make_shelf
from tests.shop import Shop, socket_to

GUIDE = Path(__file__).parents[2] / "docs" / "labels.md"
DOCUMENTS = {
    found[2]: found[1]
    for found in re.finditer(
        r"```graphql\n((?:query|mutation|subscription) (\w+).*?)```", GUIDE.read_text(), re.S
    )
}


async def test_the_guide_leads_from_the_box_to_the_shelf(shop: Shop) -> None:
    shelf = await make_shelf(shop)
    sku = await shelf.article(1000)

    async def run(name: str, token: str | None, **given: Any) -> Any:
        (answer,) = (await shop.ask(DOCUMENTS.pop(name), token=token, **given)).data.values()
        assert not answer.get("userErrors"), answer
        return answer

    device = {"idempotencyKey": "gw", "code": "GW-DOCS", "kind": "GATEWAY", "store": shelf.store}
    secret = (await run("Register", shelf.staff, input=device))["secret"]
    token = (await run("SignIn", None, input={"code": "GW-DOCS", "secret": secret}))["accessToken"]
    shelf.gateway = "GW-DOCS"
    label = await shelf.label()
    bound = await run("Bind", shelf.staff, input={"label": label, "sku": sku, "position": "A01-1-01"})
    assert bound["label"]["desired"]["price"] == {"amount": {"amount": "10.00"}}
    epoch = (await run("Claim", token, input={"gateway": "GW-DOCS"}))["epoch"]
    listed = await run("Snapshot", token, gateway="GW-DOCS")
    assert [one["code"] for one in listed["labels"]] == [label]
    async with socket_to(shop, token=token) as speaker:
        asked = {"gateway": "GW-DOCS", "epoch": epoch, "after": listed["cursor"]}
        await speaker.ask(DOCUMENTS.pop("Work"), variables=asked)
        message: Any = await speaker.hear()
        work = message["payload"]["data"]["labelWork"]
        assert (work["__typename"], work["label"]["code"], work["priority"]) == ("FaceSet", label, "URGENT")
    version = work["face"]["version"]
    report = {"reportId": "1", "label": label, "version": version, "state": "RECEIVED"}
    told = await run("Report", token, input={"gateway": "GW-DOCS", "epoch": epoch, "reports": [report]})
    assert told["results"] == [{"reportId": "1", "outcome": "ACCEPTED", "desiredVersion": version}]
    vouched = {"idempotencyKey": "v", "label": label, "version": version, "note": "a paper strip"}
    assert (await run("ByHand", shelf.staff, input=vouched))["label"] == {"content": "IN_SYNC"}
    assert (await run("Integrity", shelf.staff, store=shelf.store))["integrityPercent"] == "100.00"
    assert DOCUMENTS == {}
