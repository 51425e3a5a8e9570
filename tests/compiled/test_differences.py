"""Whatever a document asks and whatever goes wrong: compiled it is answered as graphql-core answers it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSchema, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from graph.compiled.compiler import Compiler
from graph.compiled.executor import CompiledExecutor, executor_class
from graph.compiled.insight import NoInsight
from graph.compiled.seeing_strawberry import StrawberryInsight
from tests.chance import examples
from tests.compiled.comparing import both, exactly, within_the_specification
from tests.compiled.documents import Drawing
from tests.compiled.nasty import PLAIN, TYPED, Chances

# graphql-core drops what it has begun when a type turns out wrong; ours would fail `make test` elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SCHEMAS = {"plain": PLAIN, "typed": TYPED}
COMPILERS = {"plain": Compiler(PLAIN, NoInsight()), "typed": Compiler(TYPED, StrawberryInsight(TYPED))}
EXECUTORS: dict[str, type[CompiledExecutor[Any]]] = {
    name: executor_class(compiler) for name, compiler in COMPILERS.items()
}
DRAWN, GENERATED = (60, 15) if examples(1) == 1 else (9_000, 1_500)
"""Documents for each schema: a few in every run, 21,000 for both under `make fuzz`."""

_SEEDS = st.integers(0, 2**32)
_MOMENTS = {"Moment": st.sampled_from(["then", "now"]).map(nodes.String)}


async def _must_agree(
    name: str, document: DocumentNode, chances: Chances, variables: dict[str, Any] | None = None
) -> None:
    executor = EXECUTORS[name]
    reference, compiled = await both(
        executor, SCHEMAS[name], document, context=lambda: chances, variables=variables
    )
    assert within_the_specification(reference, compiled) is None
    if name == "plain" and not chances.awaits:
        # Nothing is left open: not even the order of errors.
        assert exactly(compiled) == exactly(reference)


def _chances(chance: Random) -> Chances:
    return Chances(chance.randrange(2**32), chance.random() < 0.6, chance.choice([0, 4, 12, 30]))


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=DRAWN, suppress_health_check=list(HealthCheck))
@given(seed=_SEEDS)
async def test_drawn_documents_with_fragments_conditions_and_variables(name: str, seed: int) -> None:
    schema, chance = SCHEMAS[name], Random(seed)
    drawing = Drawing(schema, chance)
    document = parse(drawing.draw(chance.choice(["query", "query", "mutation"])))
    if not validate(schema, document):
        await _must_agree(name, document, _chances(chance), drawing.variables)


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=GENERATED, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=_SEEDS)
async def test_generated_documents(name: str, data: st.DataObject, seed: int) -> None:
    schema: GraphQLSchema = SCHEMAS[name]
    drawn = data.draw(from_schema(schema, custom_scalars=_MOMENTS if name == "plain" else None))
    assert isinstance(drawn, str)
    await _must_agree(name, parse(drawn), _chances(Random(seed)))


def test_nothing_was_left_to_graphql_core() -> None:
    """Runs last of this file: all that was asked above was compiled."""
    for compiler in COMPILERS.values():
        assert set(compiler.counts) <= {
            "compiled",
            "executed",
            "left: too many outcomes of its conditions",
        }
