"""Devices through the graph: taken on, let in, hung at articles, watched and taken out of service."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from domain.channels import ChannelKind
from tests.makers import make_channel, make_price, make_product, make_store
from tests.shop import Shop, socket_to

_keys = itertools.count(1)
REGISTER = """mutation($input: DeviceRegisterInput!) { deviceRegister(input: $input) {
  secret device { id code kind lifecycle contact store { code } telemetry { batteryLow lastSeenAt }
    ... on Label { model { code width timedDisplay } gateway { code epoch queueDepth }
      content staleSeconds } }
  userErrors { code field } } }"""
ROTATE = """mutation($input: DeviceSecretRotateInput!) { deviceSecretRotate(input: $input) {
  secret userErrors { code field } } }"""
RETIRE = """mutation($input: DeviceRetireInput!) { deviceRetire(input: $input) {
  secret device { lifecycle } userErrors { code field } } }"""
SIGN_IN = """mutation($input: DeviceSignInInput!) { deviceSignIn(input: $input) {
  accessToken expiresAt userErrors { code field } } }"""
BIND = """mutation($input: LabelBindInput!) { labelBind(input: $input) {
  label { code lifecycle position template variant { sku } } userErrors { code field } } }"""
UNBIND = """mutation($input: LabelUnbindInput!) { labelUnbind(input: $input) {
  label { lifecycle position variant { sku } desired { hash } } userErrors { code } } }"""
DEVICE = "query($code: String!) { device(code: $code) { id code kind lifecycle __typename } }"
LABELS = """query($store: String!, $first: Int!, $after: String, $where: LabelWhere) {
  labels(store: $store, first: $first, after: $after, where: $where) {
    nodes { code } edges { cursor } totalCount pageInfo { hasNextPage endCursor } } }"""
WATCH = """subscription($store: String!, $kinds: [DeviceKind!]) {
  deviceChanged(store: $store, kinds: $kinds) {
  kind cause device { code lifecycle } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        till = await make_channel(db, "till", kind=ChannelKind.POS)
        for store in ("central", "harbour"):
            await make_store(db, store, till_channel=till)
        milk = (await make_product(db, "milk")).skus[0]
        await make_product(db, "ghost")
        bread = (await make_product(db, "bread")).skus[0]
        for sku in (milk, bread):
            await make_price(db, sku, 1000)


async def do(
    shop: Shop, document: str, *, token: str | None = None, key: str | None = None, **given: Any
) -> Any:
    """What a mutation answers, asked by staff of central unless a token is given."""
    if "idempotencyKey: String!" in document or document in (REGISTER, ROTATE, RETIRE):
        given["idempotencyKey"] = key or f"key-{next(_keys)}"
    token = token or shop.token("staff", store="central")
    (answer,) = (await shop.ask(document, token=token, input=given)).data.values()
    return answer


async def registered(shop: Shop, code: str, kind: str = "LABEL", **more: Any) -> Any:
    if kind == "LABEL":
        more.setdefault("model", "epd-2.9-bwr")
    answer = await do(shop, REGISTER, code=code, kind=kind, store="central", **more)
    assert answer["userErrors"] == []
    return answer


async def test_a_label_is_taken_on_with_its_model_and_gateway(shop: Shop) -> None:
    gateway = await registered(shop, "GW-1", "GATEWAY")
    assert gateway["device"]["kind"] == "GATEWAY"
    label = await registered(shop, "AA01", gateway="GW-1")
    assert {**label["device"], "id": None} == {
        "id": None,
        "code": "AA01",
        "kind": "LABEL",
        "lifecycle": "REGISTERED",
        "contact": "NEVER_SEEN",
        "store": {"code": "central"},
        "telemetry": {"batteryLow": False, "lastSeenAt": None},
        "model": {"code": "epd-2.9-bwr", "width": 296, "timedDisplay": False},
        "gateway": {"code": "GW-1", "epoch": 0, "queueDepth": 0},
        "content": "IN_SYNC",
        "staleSeconds": 0,
    }
    node = "query($id: ID!) { node(id: $id) { ... on Label { code } } }"
    at_home, abroad = shop.token("staff", store="central"), shop.token("staff", store="harbour")
    asked = {"id": label["device"]["id"]}
    assert (await shop.ask(node, token=at_home, **asked)).data == {"node": {"code": "AA01"}}
    assert (await shop.ask(node, token=abroad, **asked)).data == {"node": None}
    assert (await shop.ask(DEVICE, token=abroad, code="AA01")).data == {"device": None}


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"code": ""}, "INVALID_INPUT", "code"),
        ({"code": "x" * 65}, "INVALID_INPUT", "code"),
        ({"model": None}, "INVALID_INPUT", "model"),
        ({"model": "no-such"}, "INVALID_INPUT", "model"),
        ({"gateway": "no-such"}, "DEVICE_UNKNOWN", "gateway"),
        ({"gateway": "AA01"}, "DEVICE_UNKNOWN", "gateway"),
        ({"kind": "SCANNER"}, "INVALID_INPUT", "model"),
        ({"kind": "SCANNER", "model": None, "gateway": "GW-1"}, "INVALID_INPUT", "gateway"),
        ({"store": "nowhere"}, "NOT_FOUND", "store"),
        ({"store": "harbour"}, "NOT_FOUND", "store"),
        ({"code": "AA01"}, "CONFLICT", "code"),
    ],
)
async def test_what_is_not_taken_on(shop: Shop, given: dict[str, Any], code: str, field: str) -> None:
    wanted = {"code": "AA02", "kind": "LABEL", "store": "central", "model": "epd-2.9-bwr"} | given
    answer = await do(shop, REGISTER, **wanted)
    assert answer == {
        "device": None,
        "secret": None,
        "userErrors": [{"code": code, "field": ["input", field]}],
    }


async def test_a_gateway_signs_in_with_its_secret_until_it_gets_another(shop: Shop) -> None:
    first = await do(shop, REGISTER, key="again", code="GW-2", kind="GATEWAY", store="central")
    assert await do(shop, REGISTER, key="again", code="GW-2", kind="GATEWAY", store="central") == first
    async with shop.database() as db:
        kept = await db.fetchval("SELECT secret_hash FROM device WHERE code = 'GW-2'")
    assert first["secret"].encode() not in kept
    inside = await do(shop, SIGN_IN, code="GW-2", secret=first["secret"])
    token = inside["accessToken"]
    assert (await shop.ask(DEVICE, token=token, code="GW-2")).data["device"]["code"] == "GW-2"
    unknown = [{"code": "DEVICE_UNKNOWN", "field": ["input", "code"]}]
    for code, secret in (("GW-2", "wrong"), ("GW-9", first["secret"]), ("AA01", ""), ("GW-2", "")):
        assert await do(shop, SIGN_IN, code=code, secret=secret) == {
            "accessToken": None,
            "expiresAt": None,
            "userErrors": unknown,
        }
    second = await do(shop, ROTATE, code="GW-2")
    assert second["secret"] != first["secret"]
    assert (await do(shop, SIGN_IN, code="GW-2", secret=first["secret"]))["userErrors"] == unknown
    await shop.app.state.revoked.look()
    assert (await shop.ask(DEVICE, token=token, code="GW-2")).codes == ["UNAUTHENTICATED"]
    again = (await do(shop, SIGN_IN, code="GW-2", secret=second["secret"]))["accessToken"]
    assert (await shop.ask(DEVICE, token=again, code="GW-2")).data["device"]["code"] == "GW-2"
    gone = await do(shop, RETIRE, code="GW-2", reason="fell off the ceiling")
    assert gone == {"secret": None, "device": {"lifecycle": "RETIRED"}, "userErrors": []}
    assert (await do(shop, SIGN_IN, code="GW-2", secret=second["secret"]))["userErrors"] == unknown
    for document, more in ((ROTATE, {}), (RETIRE, {"reason": "again"})):
        assert (await do(shop, document, code="GW-2", **more))["userErrors"] == unknown


async def test_a_label_hangs_at_one_article_that_is_for_sale(shop: Shop) -> None:
    await registered(shop, "BB01")
    bound = await do(shop, BIND, label="BB01", sku="MILK", position="A03-2-05")
    assert bound["label"] == {
        "code": "BB01",
        "lifecycle": "BOUND",
        "position": "A03-2-05",
        "template": None,
        "variant": {"sku": "MILK"},
    }
    moved = await do(shop, BIND, label="BB01", sku="MILK", position="A01-1-01", template="PROMOTION")
    assert (moved["label"]["position"], moved["label"]["template"]) == ("A01-1-01", "PROMOTION")
    refused = {
        ("BB01", "BREAD"): ("LABEL_ALREADY_BOUND", "label"),
        ("BB99", "MILK"): ("DEVICE_UNKNOWN", "label"),
        ("GW-1", "MILK"): ("DEVICE_UNKNOWN", "label"),
    }
    for (label, sku), (code, field) in refused.items():
        answer = await do(shop, BIND, label=label, sku=sku)
        assert answer == {"label": None, "userErrors": [{"code": code, "field": ["input", field]}]}
    await registered(shop, "BB02")
    for sku, code in (("GHOST", "NOT_FOR_SALE_HERE"), ("NONE", "NOT_FOUND")):
        assert (await do(shop, BIND, label="BB02", sku=sku))["userErrors"] == [
            {"code": code, "field": ["input", "sku"]}
        ]
    for more, field in (({"position": "x" * 65}, "position"), ({"template": "WILD"}, "template")):
        assert (await do(shop, BIND, label="BB02", sku="MILK", **more))["userErrors"] == [
            {"code": "INVALID_INPUT", "field": ["input", field]}
        ]
    abroad = shop.token("staff", store="harbour")
    assert (await do(shop, BIND, label="BB02", sku="MILK", token=abroad))["userErrors"] == [
        {"code": "DEVICE_UNKNOWN", "field": ["input", "label"]}
    ]
    free = await do(shop, UNBIND, label="BB01")
    assert free["label"] == {"lifecycle": "UNBOUND", "position": None, "variant": None, "desired": None}
    assert (await do(shop, BIND, label="BB01", sku="BREAD"))["label"]["variant"] == {"sku": "BREAD"}
    async with shop.database() as db:
        history = await db.fetch(
            "SELECT sku, unbound_at IS NULL AS open FROM label_binding WHERE label = 'BB01' ORDER BY bound_at"
        )
    assert [tuple(row) for row in history] == [("MILK", False), ("BREAD", True)]


async def test_labels_are_listed_page_by_page_and_counted(shop: Shop) -> None:
    token = shop.token("staff", store="central")
    for code in ("CC01", "CC02", "CC03"):
        await registered(shop, code)
    await do(shop, BIND, label="CC02", sku="BREAD")
    first = await shop.ask(LABELS, token=token, store="central", first=2)
    assert len(first.statements) <= 4
    page = first.data["labels"]
    rest = (
        await shop.ask(LABELS, token=token, store="central", first=100, after=page["pageInfo"]["endCursor"])
    ).data["labels"]
    codes = [node["code"] for node in [*page["nodes"], *rest["nodes"]]]
    assert codes == sorted(codes)
    assert {"CC01", "CC02", "CC03"} <= set(codes)
    assert page["totalCount"] == len(codes)
    for where, found in (
        ({"sku": "BREAD"}, {"BB01", "CC02"}),
        ({"sku": "NONE"}, set()),
        ({"contact": ["NEVER_SEEN"], "sku": "BREAD"}, {"BB01", "CC02"}),
        ({"contact": ["ONLINE", "LOST"]}, set()),
        ({"batteryLow": True}, set()),
        ({"content": ["FAILED", "STAGED"]}, set()),
    ):
        listed = (await shop.ask(LABELS, token=token, store="central", first=100, where=where)).data["labels"]
        assert {node["code"] for node in listed["nodes"]} == found, where
        assert listed["totalCount"] == len(found)
    abroad = await shop.ask(LABELS, token=token, store="harbour", first=10)
    assert (abroad.data["labels"]["nodes"], abroad.data["labels"]["totalCount"]) == ([], 0)
    assert (await shop.ask(LABELS, store="central", first=1)).codes == ["UNAUTHENTICATED"]
    for wrong in ({"first": 0}, {"first": 101}, {"after": "x"}, {"where": {"staleForSeconds": 0}}):
        asked = {"store": "central", "first": 1} | wrong
        assert (await shop.ask(LABELS, token=token, **asked)).codes == ["BAD_USER_INPUT"]
    models = (await shop.ask("{ labelModels { code width height palette } }")).data["labelModels"]
    assert {"epd-2.9-bwr", "epd-4.2-bwry"} <= {model["code"] for model in models}


async def test_a_store_s_devices_are_watched(shop: Shop) -> None:
    token = shop.token("staff", store="harbour")

    async def take(code: str, kind: str, **more: Any) -> None:
        await do(shop, REGISTER, token=token, code=code, kind=kind, store="harbour", **more)

    await take("HH01", "SCANNER")
    async with socket_to(shop, token=token) as speaker:
        await speaker.ask(WATCH, variables={"store": "harbour", "kinds": ["SCANNER", "LABEL"]})

        async def heard() -> Any:
            message: Any = await speaker.hear()
            return message["payload"]["data"]["deviceChanged"]

        scanner = {"code": "HH01", "lifecycle": "REGISTERED"}
        assert await heard() == {"kind": "SNAPSHOT", "cause": "snapshot", "device": scanner}
        assert (await heard())["kind"] == "BOOKMARK"
        await take("HH02", "LABEL", model="epd-2.9-bwr")
        label = {"code": "HH02", "lifecycle": "REGISTERED"}
        told = await heard()
        if told["device"] == scanner:  # what the snapshot holds may be told once more
            told = await heard()
        assert told == {"kind": "CHANGE", "cause": "deviceRegister", "device": label}
        await do(shop, BIND, token=token, label="HH02", sku="MILK")
        assert await heard() == {
            "kind": "CHANGE",
            "cause": "labelBind",
            "device": label | {"lifecycle": "BOUND"},
        }
    async with socket_to(shop, token=token) as speaker:
        await speaker.ask(WATCH, variables={"store": "central"})
        message: Any = await speaker.hear()
        assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
