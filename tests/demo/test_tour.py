"""What a newcomer is given to paste works as it stands."""

from __future__ import annotations

from graphql import parse, validate

from graph.demo.tour import tour
from graph.schema import build_schema


def test_every_stop_is_a_valid_document() -> None:
    schema = build_schema()
    for stop in tour():
        assert validate(schema, parse(stop.document)) == [], stop.title


def test_the_mutation_can_be_pasted_twice() -> None:
    assert tour()[-1].document != tour()[-1].document
