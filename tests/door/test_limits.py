"""What documents weigh, on both sides of every limit, and how long that takes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from graphql import build_schema, get_introspection_query, parse

from domain.refusals import RequestCode
from graph.door.documents import Documents
from graph.door.errors import Rejected
from graph.door.limits import Limits, Scales, TooCostly, points

SCHEMA = build_schema("""
  type Query {
    shop: Shop
    products(first: Int!, after: String): Products
    variants(skus: [String!]!): [Variant]!
    nodes(ids: [ID!]!): [Shop]!
    name: String
  }
  type Mutation { set(name: String): Shop }
  type Shop { name: String shop: Shop products(first: Int!): Products }
  type Products { edges: [Edge!]! nodes: [Product!]! totalCount: Int facets: [Facet!]! }
  type Edge { node: Product! cursor: String }
  type Facet { name: String }
  type Product { name: String variants: [Variant!]! }
  type Variant { sku: String price: Price }
  type Price { amount: String }
""")
LIMITS = Limits()


def weighed(query: str, limits: Limits = LIMITS, **variables: object) -> int:
    (cost,) = Scales(SCHEMA, limits).weigh(parse(query)).values()
    return points(cost, variables, limits)


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ name }", {}, 0),
        ("{ __typename }", {}, 0),
        ("mutation { set { name } }", {}, 10),
        ("mutation { set { name shop { name } } }", {}, 11),
        ("{ shop { name } }", {}, 1),
        # products 1, ten nodes
        ("{ products(first: 10) { totalCount nodes { name } } }", {}, 11),
        # products 1, ten times (edge 1 + node 1)
        ("{ products(first: 10) { edges { node { name } } } }", {}, 21),
        ("query ($n: Int!) { products(first: $n) { nodes { name } } }", {"n": 10}, 11),
        ("query ($n: Int!) { products(first: $n) { nodes { name } } }", {"n": 0}, 1),
        ("query ($n: Int!) { products(first: $n) { nodes { name } } }", {"n": -3}, 1),
        # facets has no size: products 1, five of them
        ("{ products(first: 10) { facets { name } } }", {}, 6),
        # products 1, 10 x (node 1 + 5 x (variant 1 + price 1))
        ("{ products(first: 10) { nodes { variants { price { amount } } } } }", {}, 111),
        ('{ variants(skus: ["a", "b", "c"]) { sku } }', {}, 3),
        ("query ($s: [String!]!) { variants(skus: $s) { sku } }", {"s": ["a", "b"]}, 2),
        # two sizes multiply: 2 x (shop 1 + products 1 + 3 nodes)
        (
            "query ($i: [ID!]!, $n: Int!) { nodes(ids: $i) { products(first: $n) { nodes { name } } } }",
            {"i": ["a", "b"], "n": 3},
            10,
        ),
        # a page inside a fragment is still a page of the field around it
        ("{ products(first: 10) { ...P } } fragment P on Products { nodes { name } }", {}, 11),
        # a fragment counts wherever it is spread
        ("{ shop { ...S shop { ...S } } } fragment S on Shop { shop { name } }", {}, 4),
        ("{ a: shop { name } ... on Query { b: shop { name } } }", {}, 2),
    ],
)
def test_the_cost_of_a_document(query: str, variables: dict[str, object], cost: int) -> None:
    assert weighed(query, **variables) == cost


def test_a_field_may_have_a_price_of_its_own() -> None:
    assert weighed("{ shop { name } }", replace(LIMITS, field_costs={"Shop.name": 40})) == 41


@pytest.mark.parametrize(
    ("limits", "fits", "too_much", "measure", "found"),
    [
        ({"depth": 3}, "{ shop { shop { name } } }", "{ shop { shop { shop { name } } } }", "depth", 4),
        (
            {"depth": 2},
            "{ ...F } fragment F on Query { shop { name } }",
            "{ shop { ...F } } fragment F on Shop { shop { name } }",
            "depth",
            3,
        ),
        ({"aliases": 1}, "{ a: name name }", "{ a: name b: name }", "aliases", 2),
        (
            {"aliases": 1},
            "{ name: name a: name }",
            "{ ...F ...F } fragment F on Query { a: name }",
            "aliases",
            2,
        ),
        (
            {"root_fields": 2},
            "{ name shop { name } }",
            "{ name ...F } fragment F on Query { shop { name } name }",
            "root fields",
            3,
        ),
        ({"fields": 3}, "{ name shop { name } }", "{ name shop { name shop { name } } }", "fields", 5),
    ],
)
def test_each_limit_of_shape(
    limits: dict[str, int], fits: str, too_much: str, measure: str, found: int
) -> None:
    scales = Scales(SCHEMA, replace(LIMITS, **limits))
    scales.weigh(parse(fits))
    with pytest.raises(TooCostly) as refused:
        scales.weigh(parse(too_much))
    assert refused.value.extensions["measure"] == measure
    assert refused.value.extensions["limit"] == limits[measure.replace(" ", "_")]
    assert refused.value.extensions["cost"] == found


def doubling(levels: int, body: str) -> str:
    fragments = "".join(
        f"fragment f{n} on Query{{{body.format(next=f'...f{n + 1}')}}}" for n in range(levels)
    )
    return f"{fragments}fragment f{levels} on Query{{name}}{{...f0}}"


def seconds_to_refuse(source: str) -> float:
    documents = Documents(SCHEMA, LIMITS, introspection=True)
    began = time.process_time()
    with pytest.raises((TooCostly, Rejected)):
        documents.operation(source, None)
    return time.process_time() - began


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        (doubling(25, "{next} {next}"), 0.5),
        (doubling(60, "a:shop{{...S}} {next} {next}") + "fragment S on Shop{name}", 0.5),
        ("{" + "".join(f"...f{n} " for n in range(900)) + "}", 1.0),
        # a chain that no stack of Python is deep enough for
        ("".join(f"fragment f{n} on Query{{...f{n + 1}}}" for n in range(450)) + "{...f0}", 0.5),
        # one name over and over: compared in pairs by validation
        ("{" + "shop{name}" * 900 + "}", 1.5),
        ("{shop{" + "shop{name}" * 900 + "}}", 1.5),
        ("{" + "{shop" * 300 + "}" * 300, 0.5),
    ],
    ids=["doubling", "doubling-fields", "unknown", "chain", "wide-root", "wide", "nested"],
)
def test_bombs_are_refused_at_once(source: str, seconds: float) -> None:
    assert seconds_to_refuse(source) < seconds


def test_the_901_byte_bomb() -> None:
    bomb = doubling(25, "{next} {next}")
    assert len(bomb) < 1_000
    with pytest.raises(TooCostly) as refused:
        Documents(SCHEMA, LIMITS, introspection=True).operation(bomb, None)
    assert refused.value.code is RequestCode.OPERATION_TOO_COSTLY


def test_a_fragment_inside_itself_is_left_to_validation() -> None:
    with pytest.raises(Rejected) as rejected:
        Documents(SCHEMA, LIMITS, introspection=True).operation(
            "{ shop { ...F } } fragment F on Shop { shop { ...F } }", None
        )
    assert rejected.value.code is RequestCode.GRAPHQL_VALIDATION_FAILED


def test_tools_may_ask_for_the_whole_schema_and_only_where_it_is_open() -> None:
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
    assert Documents(SCHEMA, LIMITS, introspection=True).operation(query, None).fixed_cost < LIMITS.cost
    with pytest.raises(Rejected):
        Documents(SCHEMA, LIMITS, introspection=False).operation(query, None)


@pytest.mark.parametrize(
    ("limits", "fits", "too_much", "measure"),
    [
        ({"tokens": 3}, "{name}", "{name name}", "tokens"),
        ({"characters": 6}, "{name}", "{ name}", "characters"),
    ],
)
def test_limits_of_reading(limits: dict[str, int], fits: str, too_much: str, measure: str) -> None:
    documents = Documents(SCHEMA, replace(LIMITS, **limits), introspection=True)
    documents.operation(fits, None)
    with pytest.raises(TooCostly) as refused:
        documents.operation(too_much, None)
    assert refused.value.extensions["measure"] == measure


def test_only_valid_documents_are_kept_and_the_oldest_goes_first() -> None:
    documents = Documents(SCHEMA, LIMITS, introspection=True, most=2)
    first = documents.operation("{ name }", None)
    documents.operation("{ a: name }", None)
    assert documents.operation("{ name }", None) is first
    for bad in ("{ name", "{ nothing }", "{ shop }"):
        with pytest.raises(Rejected):
            documents.operation(bad, None)
    assert len(documents) == 2
    documents.operation("{ b: name }", None)
    assert len(documents) == 2
    assert documents.operation("{ name }", None) is first, "the least recently used was { a: name }"


def test_long_documents_push_out_more() -> None:
    documents = Documents(SCHEMA, LIMITS, introspection=True, most_characters=100)
    for n in range(9):
        documents.operation(f"{{ a{n}: name }}", None)
    assert len(documents) == 8
    documents.operation("{ name " + "#" * 60 + "\n}", None)
    assert len(documents) == 3


@pytest.mark.parametrize(("name", "chosen"), [("A", "A"), ("B", "B"), (None, None), ("", None), ("C", None)])
def test_the_operation_is_the_one_that_is_named(name: str | None, chosen: str | None) -> None:
    documents = Documents(SCHEMA, LIMITS, introspection=True)
    source = "query A { name } query B { shop { name } }"
    if chosen is None:
        with pytest.raises(Exception, match="operation") as refused:
            documents.operation(source, name)
        assert refused.value.code is RequestCode.BAD_USER_INPUT
    else:
        assert documents.operation(source, name).name == chosen
