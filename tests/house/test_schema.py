"""The promise to clients: `schema.graphql` is what the code says, and nothing of the contract is broken."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLObjectType, GraphQLSchema, build_schema, is_introspection_type
from graphql.utilities import BreakingChangeType, find_breaking_changes

from domain.access import Rule
from graph.schema import build_schema as build_house_schema
from graph.schema import printed
from resolvers.access import RULE

ROOT = Path(__file__).parents[2]
ROOTS = ("Query", "Mutation", "Subscription")
# Whole areas of the contract are still to be built: what is absent is listed, what is there must hold.
ABSENT = {
    BreakingChangeType.TYPE_REMOVED,
    BreakingChangeType.FIELD_REMOVED,
    BreakingChangeType.TYPE_REMOVED_FROM_UNION,
}


def test_schema_graphql_is_what_the_code_says() -> None:
    committed = (ROOT / "schema.graphql").read_text()
    assert committed == printed(build_house_schema()), "schema.graphql has drifted: run `make schema`"


def test_what_is_built_of_the_contract_holds() -> None:
    contract = build_schema((ROOT / "tests" / "contract.graphql").read_text())
    changes = find_breaking_changes(contract, build_house_schema())
    broken = [change.description for change in changes if change.type not in ABSENT]
    missing = [change.description for change in changes if change.type in ABSENT]
    print(f"\nStill missing of the contract ({len(missing)}):", *sorted(missing), sep="\n  ")  # noqa: T201
    assert broken == []


def test_every_field_has_a_rule() -> None:
    unruled = [
        f"{kind.name}.{name}"
        for kind in _object_types(build_house_schema())
        for name, rule in _rules(kind)
        if not isinstance(rule, Rule)
    ]
    assert unruled == [], "default is deny: declare these with @shape, @query, @mutation or @stream"


def test_everything_is_described_or_speaks_for_itself() -> None:
    schema = build_house_schema()
    silent = [
        f"{root}.{name}"
        for root in ROOTS
        for name, answered in _fields(schema, root).items()
        if not answered.description
    ]
    assert silent == []


def _object_types(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    return [
        kind
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind)
    ]


def _fields(schema: GraphQLSchema, name: str) -> dict[str, object]:
    kind = schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return dict(kind.fields)


def _rules(kind: GraphQLObjectType) -> list[tuple[str, object]]:
    definition = kind.extensions["strawberry-definition"]
    own = getattr(definition.origin, RULE, None)
    return [
        (field.name, field.metadata.get(RULE, None if kind.name in ROOTS else own))
        for field in definition.fields
    ]
