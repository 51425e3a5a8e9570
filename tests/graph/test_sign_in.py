"""Who is let in: every kind by its own header, and nobody by a token that proves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from graph.tokens import KINDS, Tokens, principal_for
from tests.door.serving import Speaker
from tests.shop import Shop, opened, served_app

CHANNELS = "{ channels { code } }"
STOCK = """{ stockLevels(store: "nowhere", skus: ["MILK"]) { onHand } }"""
SET = """mutation { pricesSet(input: {idempotencyKey: "sign-in", prices: [
  {sku: "no-such-sku", kind: LIST, amount: "1.00", currencyCode: "HKD"}]}) { userErrors { code } } }"""

Answer = tuple[int, str | None]


async def ask(shop: Shop, query: str = CHANNELS, **headers: str) -> Answer:
    """The status, and the code of the first error; fails when a refused caller was told anything else."""
    response = await shop.client.post("/graphql", json={"query": query}, headers=headers)
    body = response.json()
    if "errors" not in body:
        return response.status_code, None
    if response.status_code == 401:
        assert "data" not in body
        assert response.headers["www-authenticate"].startswith("Bearer ")
    return response.status_code, body["errors"][0]["extensions"]["code"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def expired(shop: Shop) -> str:
    then = shop.clock() - timedelta(hours=2)
    return shop.tokens.issue(principal_for("admin"), now=then, lifetime=timedelta(hours=1))


def another_key(shop: Shop) -> str:
    stranger = Tokens(Ed25519PrivateKey.generate())
    return stranger.issue(principal_for("admin"), now=shop.clock(), lifetime=timedelta(hours=1))


def claims(shop: Shop) -> dict[str, object]:
    return jwt.decode(shop.token("admin"), options={"verify_signature": False})


def unsigned(shop: Shop) -> str:
    return jwt.encode(claims(shop), None, algorithm="none")


def signed_with_a_guess(shop: Shop) -> str:
    return jwt.encode(claims(shop), "a secret of thirty-two characters", algorithm="HS256")


def another_kind(shop: Shop) -> str:
    return jwt.encode(claims(shop) | {"kind": "owner"}, shop.tokens._key, algorithm="EdDSA")


def another_issuer(shop: Shop) -> str:
    return jwt.encode(claims(shop) | {"iss": "elsewhere"}, shop.tokens._key, algorithm="EdDSA")


def endless(shop: Shop) -> str:
    kept = {name: value for name, value in claims(shop).items() if name != "exp"}
    return jwt.encode(kept, shop.tokens._key, algorithm="EdDSA")


def changed(shop: Shop) -> str:
    head, body, signature = shop.token("member").split(".")
    admin = shop.token("admin").split(".")[1]
    assert admin != body
    return f"{head}.{admin}.{signature}"


def garbage(shop: Shop) -> str:
    return "garbage"


def nothing(shop: Shop) -> str:
    return ""


WORTHLESS: list[Callable[[Shop], str]] = [
    expired,
    another_key,
    unsigned,
    signed_with_a_guess,
    another_kind,
    another_issuer,
    endless,
    changed,
    garbage,
    nothing,
]


@pytest.mark.parametrize("make", WORTHLESS)
async def test_a_token_that_proves_nothing_is_refused_everywhere(
    shop: Shop, make: Callable[[Shop], str]
) -> None:
    token = make(shop)
    for headers in (bearer(token), {"X-API-Key": token}):
        # Also where a visitor would be answered: whoever shows a token means to be somebody.
        for query in (CHANNELS, STOCK, "{ __typename }"):
            assert await ask(shop, query, **headers) == (401, "UNAUTHENTICATED"), headers


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer,"])
async def test_another_scheme_is_refused(shop: Shop, scheme: str) -> None:
    assert await ask(shop, Authorization=f"{scheme} {shop.token('admin')}") == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_let_in_by_its_own_header_only(shop: Shop, kind: str) -> None:
    token = shop.token(kind)
    in_authorization, as_key = await ask(shop, **bearer(token)), await ask(shop, **{"X-API-Key": token})
    let_in, refused = (200, None), (401, "UNAUTHENTICATED")
    assert (in_authorization, as_key) == ((refused, let_in) if kind == "partner" else (let_in, refused))


@pytest.mark.parametrize(
    ("kind", "stock", "setting"),
    [
        (None, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        ("member", "FORBIDDEN", "FORBIDDEN"),
        ("device", None, "FORBIDDEN"),
        ("staff", None, None),
        ("admin", None, None),
        ("partner", None, None),
    ],
)
async def test_what_a_kind_may_never_ask_is_said_apart_from_who_did_not_sign_in(
    shop: Shop, kind: str | None, stock: str | None, setting: str | None
) -> None:
    headers = {}
    if kind is not None:
        token = shop.token(kind, store="nowhere")
        headers = {"X-API-Key": token} if kind == "partner" else bearer(token)
    assert (await ask(shop, STOCK, **headers))[1] == stock
    assert (await ask(shop, SET, **headers))[1] == setting


async def test_a_partner_without_the_scope_is_forbidden(shop: Shop) -> None:
    for scopes, stock in ((["STOCK_READ"], None), (["PRICE_READ"], "FORBIDDEN"), ([], "FORBIDDEN")):
        key = shop.token("partner", scopes=scopes)
        assert (await ask(shop, STOCK, **{"X-API-Key": key}))[1] == stock


@pytest.mark.parametrize(("make", "code"), [(garbage, 4401), (another_key, 4401), (expired, 4403)])
async def test_a_socket_is_closed_for_a_token_that_proves_nothing(
    shop: Shop, make: Callable[[Shop], str], code: int
) -> None:
    async with (
        served_app(shop.app) as port,
        websockets.connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
        ) as line,
    ):
        speaker = Speaker(line)
        await speaker.say(type="connection_init", payload={"authorization": f"Bearer {make(shop)}"})
        assert (await speaker.closed())[0] == code


def printed(kind: str, folder: Path) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from graph.cli import main; main()", "token", kind],
        env=kept | {"SHELFGRAPH_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_tokens_printed_for_development_are_let_in(shop: Shop, tmp_path: Path) -> None:
    printing = {kind: printed(kind, tmp_path) for kind in KINDS}
    tokens = {kind: process.communicate(timeout=30)[0].strip() for kind, process in printing.items()}
    async with opened(shop.dsn, tmp_path) as same_folder:
        for kind, token in tokens.items():
            headers = {"X-API-Key": token} if kind == "partner" else bearer(token)
            assert await ask(same_folder, **headers) == (200, None), kind
            assert await ask(shop, **headers) == (401, "UNAUTHENTICATED"), kind
