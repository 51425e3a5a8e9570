"""Nobody learns who somebody is: every field and mutation of the schema, asked by those who may not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from domain.access import Principal, PrincipalKind
from domain.members.codes import member_number
from domain.members.consents import ConsentPurpose
from graph.schema import build_schema
from resolvers.shapes import global_id
from tests.makers import make_channel, make_consent, make_member, make_order, make_product, make_store
from tests.shop import Shop

DEPTH = 6
PHONE, NAME = "+8613987654321", "歐陽不可說"
OPENID, STREET = "oNobodyShallReadThis01", "1 Secret Garden Lane"
SECRETS = ("13987654321", NAME, OPENID, STREET)
# What tells nothing of people, and would make every document a hundred times as large.
GOODS = {
    "ProductVariant",
    "Product",
    "Price",
    "Channel",
    "Store",
    "PriceTrace",
    "StockLevel",
    "Promotion",
    "Label",
}


class Victim(NamedTuple):
    """Whom everybody asks about, with whatever an attacker may have got hold of."""

    member: str
    ids: list[str]
    number: str


@pytest.fixture(scope="module")
async def victim(shop: Shop) -> Victim:
    async with shop.database() as db:
        pos, sku = await make_channel(db, "pos"), (await make_product(db)).skus[0]
        await make_channel(db, "app")
        for store in ("central", "mongkok"):
            await make_store(db, store, till_channel=pos)
        member = await make_member(db, shop.house.vault, name=NAME, phone=PHONE, wechat=OPENID)
        # All that was agreed to but being served: what shops do with it is none of these callers' business.
        await make_consent(
            db, member, *(one for one in ConsentPurpose if one is not ConsentPurpose.CLIENTELING)
        )
        address = {
            "name": NAME, "phone": PHONE, "region": "HK", "city": "Hong Kong", "street": STREET,
            "postal_code": "999077",
        }  # fmt: skip
        order = await make_order(
            db, channel="app", member=str(member), fulfilment="DELIVERY", fulfilment_store="central",
            address=address, placed_by=f"member:{member}",
        )  # fmt: skip
        cart = await db.fetchval(
            "INSERT INTO cart (channel, member, fulfilment, lines, expires_at) "
            "VALUES ('app', $1, $2, $3, now() + interval '1 day') RETURNING id",
            str(member),
            {"kind": "DELIVERY", "store": "central", "address": address},
            [{"sku": sku, "quantity": 1, "shown": 100}],
        )
        serial = await db.fetchval("SELECT serial FROM member WHERE id = $1", member)
    ids = [global_id("Me", member), global_id("Or", order), global_id("Ct", cart)]
    return Victim(str(member), [*map(str, ids)], member_number(serial))


def strangers() -> dict[str, Principal | None]:
    kind = PrincipalKind
    return {
        "visitor": None,
        "another member": Principal(kind.MEMBER, "0193b6d2-6f52-7c1e-9a57-5be1f6a4c0d2", tier="diamond"),
        "clerk of another store": Principal(kind.STAFF, "c", store="mongkok", roles=frozenset({"staff"})),
        "till of another store": Principal(kind.DEVICE, "d", store="mongkok"),
        "partner without scope": Principal(kind.PARTNER, "p"),
    }


# ------------------------------------------------------------------ documents made from the schema


class Asking:
    """Writes a document for every field of a root, with the victim's keys wherever one fits."""

    def __init__(self, schema: GraphQLSchema, victim: Victim, id_: str) -> None:
        self.schema, self.victim, self.id = schema, victim, id_

    def documents(self, root: str) -> Iterator[tuple[str, str]]:
        """By name of the field, the document that asks all of it."""
        kind = self.schema.type_map[root]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            for value in self._choices(field):
                for selection in self._selections(field.type):
                    yield name, f"{root.lower()} {{ {name}{value}{selection} }}"

    def _selections(self, kind: GraphQLOutputType) -> list[str]:
        """All of what a field answers; of what may be of many shapes, one after the other."""
        named = get_named_type(kind)
        if not isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return [self._selection(kind, (), DEPTH)]
        shapes = [one for one in self.schema.get_possible_types(named) if one.name not in GOODS]
        return [f"{{ ... on {one.name} {self._selection(one, (), DEPTH)} }}" for one in shapes]

    def _choices(self, field: GraphQLField) -> list[str]:
        """The arguments, once for each way to say whom one means."""
        alone = [name for name, one in field.args.items() if _is_one_of(one.type)]
        if not alone:
            return [self._arguments(field, {})]
        kind = get_named_type(field.args[alone[0]].type)
        assert isinstance(kind, GraphQLInputObjectType)
        return [
            self._arguments(field, {alone[0]: f"{{{key}: {self._value(key, one.type)}}}"})
            for key, one in kind.fields.items()
        ]

    def _arguments(self, field: GraphQLField, given: dict[str, str]) -> str:
        values = [
            f"{name}: {given.get(name) or self._value(name, argument.type)}"
            for name, argument in field.args.items()
            if is_required_argument(argument) or name in given
        ]
        return f"({', '.join(values)})" if values else ""

    def _value(self, name: str, kind: GraphQLInputType) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type)
        if isinstance(kind, GraphQLList):
            return f"[{self._value(name, kind.of_type)}]"
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            fields = [
                f"{key}: {self._value(key, one.type)}"
                for key, one in kind.fields.items()
                if is_required_argument(one) or (key in ("memberCode", "phone") and not kind.is_one_of)
            ]
            if kind.is_one_of:
                key, one = next(iter(kind.fields.items()))
                fields = [f"{key}: {self._value(key, one.type)}"]
            return f"{{{', '.join(fields)}}}"
        return self._scalar(name, kind.name)

    def _scalar(self, name: str, kind: str) -> str:
        known = {
            "phone": f'"{PHONE}"', "memberCode": f'"{self.victim.number}"', "channel": '"app"',
            "store": '"central"', "from": '"central"', "to": '"mongkok"',
        }  # fmt: skip
        if kind == "ID":
            return f'"{self.id}"'
        plain = {"Int": "1", "Float": "1.0", "Boolean": "true", "Decimal": '"1.00"', "BigInt": '"1"',
                 "DateTime": '"2026-01-01T00:00:00Z"', "CurrencyCode": '"HKD"', "Locale": '"en"'}  # fmt: skip
        return plain.get(kind) or known.get(name, '"x"')

    def _selection(self, kind: GraphQLOutputType, path: tuple[str, ...], depth: int, alias: str = "") -> str:
        named = get_named_type(kind)
        if not is_composite_type(named):
            return ""
        if named.name == "UserError":
            return "{ message }"
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            shapes = [one for one in self.schema.get_possible_types(named) if one.name not in GOODS]
            # Under names of their own: shapes of one union may differ in what a field answers.
            told = [f"... on {one.name} {self._selection(one, path, depth, one.name)}" for one in shapes]
            return f"{{ __typename {' '.join(told)} }}"
        assert isinstance(named, GraphQLObjectType)
        if depth == 0 or named.name in path or named.name in GOODS:
            return "{ __typename }"
        fields = [
            f"{alias and f'{alias}_{name}: '}{name}{self._arguments(field, {})}"
            f"{self._selection(field.type, (*path, named.name), depth - 1)}"
            for name, field in named.fields.items()
        ]
        return f"{{ __typename {' '.join(fields)} }}"


def _is_one_of(kind: GraphQLInputType) -> bool:
    named = get_named_type(kind)
    return isinstance(named, GraphQLInputObjectType) and named.is_one_of


# ------------------------------------------------------------------ asked by everybody


async def told(shop: Shop, who: Principal | None, document: str) -> dict[str, Any]:
    """The whole answer, as text and as it stands; fails when the document was not even run."""
    headers = {}
    if who is not None:
        token = shop.token_of(who)
        partner = who.kind is PrincipalKind.PARTNER
        headers = {"X-API-Key": token} if partner else {"Authorization": f"Bearer {token}"}
    response = await shop.client.post("/graphql", json={"query": document}, headers=headers)
    for secret in SECRETS:
        assert secret not in response.text, f"{who} reads {secret} by {document[:200]}"
    body: dict[str, Any] = response.json()
    unrun = ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_TOO_COSTLY", "INTERNAL")
    for error in body.get("errors", []):
        assert error["extensions"]["code"] not in unrun, (document[:300], error)
    return body


@pytest.mark.parametrize("who", strangers())
async def test_no_query_tells_a_stranger_who_somebody_is(shop: Shop, victim: Victim, who: str) -> None:
    schema = build_schema()
    asked = [one for id_ in victim.ids for one in Asking(schema, victim, id_).documents("Query")]
    for document in dict(zip((text for _, text in asked), asked, strict=True)):
        await told(shop, strangers()[who], document)


@pytest.mark.parametrize("who", strangers())
async def test_no_mutation_tells_a_stranger_or_touches_what_is_somebodys(
    shop: Shop, victim: Victim, who: str
) -> None:
    schema = build_schema()
    before = await held_of(shop, victim)
    asked = [one for id_ in victim.ids for one in Asking(schema, victim, id_).documents("Mutation")]
    for document in dict.fromkeys(text for _, text in asked):
        await told(shop, strangers()[who], document)
    assert await held_of(shop, victim) == before


HELD = [
    "SELECT * FROM member WHERE id::text = $1",
    "SELECT * FROM member_identity WHERE member_id::text = $1 ORDER BY id",
    "SELECT * FROM member_consent WHERE member_id::text = $1 ORDER BY id",
    "SELECT * FROM cart WHERE member = $1",
    "SELECT * FROM sales_order WHERE member = $1",
]


async def held_of(shop: Shop, victim: Victim) -> list[Any]:
    """All that is kept of the victim."""
    async with shop.database() as db:
        return [[tuple(row) for row in await db.fetch(one, victim.member)] for one in HELD]


async def test_this_walk_reaches_what_the_member_may_read(shop: Shop, victim: Victim) -> None:
    """The same documents tell the member all of it: they ask in the right places."""
    schema = build_schema()
    own = Principal(PrincipalKind.MEMBER, victim.member)
    seen: set[str] = set()
    for name, document in Asking(schema, victim, victim.ids[1]).documents("Query"):
        if name in ("me", "node"):
            text = (
                await shop.client.post(
                    "/graphql",
                    json={"query": document},
                    headers={"Authorization": f"Bearer {shop.token_of(own)}"},
                )
            ).text
            seen |= {secret for secret in SECRETS if secret in text}
    assert seen == set(SECRETS)
