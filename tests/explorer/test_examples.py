"""The example tabs: each is a document the contract allows, for the demo mall."""

from __future__ import annotations

import re
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from graph.examples import EXAMPLES, Example

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema((Path(__file__).parents[1] / "contract.graphql").read_text())


def _operation(example: Example) -> OperationDefinitionNode:
    (operation,) = parse(example.query).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


@by_name
def test_the_document_and_its_variables_fit_the_contract(contract: GraphQLSchema, example: Example) -> None:
    assert validate(contract, parse(example.query)) == []
    coerced = get_variable_values(
        contract, _operation(example).variable_definitions or (), dict(example.variables)
    )
    assert not isinstance(coerced, list), coerced


@by_name
def test_the_tab_is_titled_after_the_operation(example: Example) -> None:
    name = _operation(example).name
    assert name is not None
    assert name.value == example.name


@by_name
def test_the_description_is_there_in_both_languages(example: Example) -> None:
    assert re.search(r"[a-z]{4}", example.description.en)
    assert re.search(r"[\u4e00-\u9fff]{4}", example.description.zh)


@by_name
def test_the_description_is_seen_whole_beside_the_result(example: Example) -> None:
    for text in (example.description.en, example.description.zh):
        for line in text.splitlines():
            columns = sum(2 if east_asian_width(character) in "FW" else 1 for character in line)
            assert columns <= 44, line


def test_the_five_tabs_show_reading_tracing_writing_watching_and_nearness() -> None:
    kinds = [(example.name, _operation(example).operation) for example in EXAMPLES]
    assert kinds == [
        ("SearchProducts", OperationType.QUERY),
        ("TillPriceTrace", OperationType.QUERY),
        ("SetPrices", OperationType.MUTATION),
        ("WatchTillPrices", OperationType.SUBSCRIPTION),
        ("NearestStores", OperationType.QUERY),
    ]


def test_what_the_writing_tab_changes_is_what_the_watching_tab_watches() -> None:
    _, _, write, watch, _ = EXAMPLES
    (row,) = write.variables["input"]["prices"]  # type: ignore[index]
    assert row["sku"] in watch.variables["skus"]  # type: ignore[operator]
    assert row["store"] == watch.variables["till"]["store"]  # type: ignore[index]
