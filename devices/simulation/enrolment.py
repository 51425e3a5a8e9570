"""Simulated hardware taken on through the public graph, as real hardware is: registered, bound, let in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import orjson

from devices.control.graph import Graph, GraphRefused, Json

_PAGE = 100
_TOGETHER = 10  # mutations in one document
_AT_ONCE = 4  # documents side by side
_MODELS = ("epd-2.13-bwr", "epd-2.9-bwr", "epd-2.9-bwr", "epd-2.66-bwr", "epd-1.54-bwr", "epd-4.2-bwry")

_STORE = "query Store($code: String!) { store(code: $code) { code tillChannel { code } } }"
_STORES = "{ stores(first: 1) { nodes { code } } }"
_SOLD = """
query Sold($first: Int!, $after: String, $context: SalesContext!) {
  products(first: $first, after: $after, context: $context) {
    nodes { variants { sku price(context: $context) { version } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_REGISTER = """
mutation Register($input: DeviceRegisterInput!) {
  deviceRegister(input: $input) { secret userErrors { code message } }
}
"""
_ROTATE = """
mutation Rotate($input: DeviceSecretRotateInput!) {
  deviceSecretRotate(input: $input) { secret userErrors { code message } }
}
"""


async def enrolled(
    staff: Graph, store: str | None, labels: int, gateways: int, folder: Path
) -> dict[str, str]:
    """By gateway: its secret. Hardware that is not in the graph yet is registered, and its labels are bound.

    `folder` keeps the secrets, which are shown once. No store: the first the graph names. Raises ValueError
    for a store that is not there or sells nothing.
    """
    store = store or (await staff.ask(_STORES))["stores"]["nodes"][0]["code"]
    path = folder / f"{store}.json"
    if path.exists():
        kept: dict[str, str] = orjson.loads(path.read_bytes())
        return kept
    found = (await staff.ask(_STORE, code=store))["store"]
    if found is None:
        raise ValueError(f"there is no store {store}")
    context = {"channel": found["tillChannel"]["code"], "store": store}
    skus = await _sold(staff, context, labels)
    if not skus:
        raise ValueError(f"store {store} sells nothing")
    codes = [f"SIM-{store}-{number + 1}" for number in range(gateways)]
    secrets = {code: await _gateway(staff, store, code) for code in codes}
    await _hang(staff, store, codes, list(islice(cycle(skus), labels)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(secrets))
    path.chmod(0o600)
    return secrets


async def _sold(staff: Graph, context: Json, most: int) -> list[str]:
    """Skus that have a price in the store, as many as there are labels."""
    skus: list[str] = []
    after: str | None = None
    while len(skus) < most:
        page = (await staff.ask(_SOLD, first=_PAGE, after=after, context=context))["products"]
        variants = (variant for product in page["nodes"] for variant in product["variants"])
        skus += [variant["sku"] for variant in variants if variant["price"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    return skus[:most]


async def _gateway(staff: Graph, store: str, code: str) -> str:
    """The secret of a gateway, a new one where it was registered before."""
    key = uuid.uuid4().hex
    given = {"idempotencyKey": key, "code": code, "kind": "GATEWAY", "store": store}
    try:
        secret: str = (await staff.change(_REGISTER, input=given))["secret"]
    except GraphRefused as refused:
        if refused.code != "CONFLICT":
            raise
        secret = (await staff.change(_ROTATE, input={"idempotencyKey": key, "code": code}))["secret"]
    return secret


async def _hang(staff: Graph, store: str, gateways: Sequence[str], skus: Sequence[str]) -> None:
    """Register and bind a label for each sku, spread over the gateways."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def hang(documents: Iterator[tuple[str, Json]]) -> None:
        async with room:
            for document, variables in documents:
                for payload in (await staff.ask(document, **variables)).values():
                    # Registered before, or bound to another article by a person: left as it is.
                    for error in payload["userErrors"]:
                        if error["code"] not in ("CONFLICT", "LABEL_ALREADY_BOUND"):
                            raise GraphRefused(error["code"], error["message"])

    labels = [(f"SIM{store[:12]}{number:05}".upper(), sku) for number, sku in enumerate(skus)]
    async with asyncio.TaskGroup() as tasks:
        for start in range(0, len(labels), _TOGETHER):
            few = list(enumerate(labels))[start : start + _TOGETHER]
            registrations = [
                {
                    "idempotencyKey": uuid.uuid4().hex,
                    "code": code,
                    "kind": "LABEL",
                    "store": store,
                    "model": _MODELS[number % len(_MODELS)],
                    "gateway": gateways[number % len(gateways)],
                }
                for number, (code, _) in few
            ]
            bindings = [
                {
                    "label": code,
                    "sku": sku,
                    "position": f"S{number // 60 + 1:02}/{number // 12 % 5}/{number % 12}",
                }
                for number, (code, sku) in few
            ]
            documents = (
                _many("deviceRegister", "DeviceRegisterInput", registrations),
                _many("labelBind", "LabelBindInput", bindings),
            )
            tasks.create_task(hang(iter(documents)))


def _many(mutation: str, kind: str, inputs: Sequence[Json]) -> tuple[str, Json]:
    """One document that does a mutation for each input, with its variables."""
    names = [f"i{number}" for number in range(len(inputs))]
    given = ", ".join(f"${name}: {kind}!" for name in names)
    each = "\n".join(
        f"  {name}: {mutation}(input: ${name}) {{ userErrors {{ code message }} }}" for name in names
    )
    return f"mutation({given}) {{\n{each}\n}}", dict(zip(names, inputs, strict=True))
