"""What the specification says of execution, held by compiled operations by themselves."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    GraphQLSchema,
    build_schema,
    create_source_event_stream,
    execute_subscription_event,
    parse,
    validate,
)

from graph.compiled.compiler import MOST_OUTCOMES, Compiler
from graph.compiled.executor import executor_class
from graph.compiled.writing import MOST_FUNCTIONS
from tests.compiled.comparing import exactly, executed

SCHEMA = build_schema(
    """
    directive @defer(if: Boolean) on FRAGMENT_SPREAD
    interface Node { id: ID! }
    type Person implements Node {
      id: ID! name: String friends: [Person]! best: Person! firm: [Person!]! sure: [Person!]
      picture(size: Int = 4): Int
    }
    type Query {
      me: Person  node(id: ID): Node  count: Int!  slow: Int  sum(of: [Int!]! = [1, 2]): Int
      person(is: Is): String
    }
    input Is { tall: Boolean = true name: String }
    type Mutation { add(number: Int!): Int!  last: Int  broken: Int! }
    type Subscription { counted(to: Int!): Int }
    """
)


class Person:
    """Somebody whose every field is what was said of it, or a function of it."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self._Person__typename = "Person"


class Asked:
    """One schema and the compiler for it; counts are a test's own."""

    def __init__(self, schema: GraphQLSchema = SCHEMA) -> None:
        self.schema = schema
        self.compiler = Compiler(schema)
        self.executor = executor_class(self.compiler)

    async def __call__(self, text: str, root: Any = None, **variables: Any) -> ExecutionResult:
        document = parse(text)
        assert not validate(self.schema, document)
        reference, mine = [
            await executed(kind, self.schema, document, root=root, variables=variables)
            for kind in (self.executor.__mro__[2], self.executor)
        ]
        assert exactly(mine) == exactly(reference)
        return mine


@pytest.fixture
def asked() -> Asked:
    return Asked()


def _raises(message: str) -> Any:
    def resolve(_: object) -> object:
        raise ValueError(message)

    return resolve


async def test_keys_stand_in_the_order_they_are_first_met(asked: Asked) -> None:
    root = {"me": Person(id="1", name="Ada", friends=[])}
    text = "{ me { b: name ...F a: id b: name } } fragment F on Person { friends { id } id }"
    result = await asked(text, root)
    assert result.data == {"me": {"b": "Ada", "friends": [], "id": "1", "a": "1"}}
    assert list(result.data["me"]) == ["b", "friends", "id", "a"]


@pytest.mark.parametrize(
    ("field", "value", "answer", "path"),
    [
        ("name", _raises("no"), {"id": "1", "name": None}, ["me", "name"]),
        ("best { id }", None, None, ["me", "best"]),
        ("best { id }", Person(id=None), None, ["me", "best", "id"]),
        ("friends { id }", [None, Person(id="2")], {"id": "1", "friends": [None, {"id": "2"}]}, None),
        (
            "friends { best { id } }",
            [Person(best=None), Person(best=Person(id="3"))],
            {"id": "1", "friends": [None, {"best": {"id": "3"}}]},
            ["me", "friends", 0, "best"],
        ),
        ("firm { id }", [Person(id="2"), None], None, ["me", "firm", 1]),
        ("sure { id }", [Person(id="2"), None], {"id": "1", "sure": None}, ["me", "sure", 1]),
        ("friends { id }", 7, None, ["me", "friends"]),
        ("picture", 2**31, {"id": "1", "picture": None}, ["me", "picture"]),
    ],
)
async def test_null_rises_to_the_nearest_place_that_may_be_null(
    asked: Asked, field: str, value: Any, answer: Any, path: list[Any] | None
) -> None:
    name = field.split(" ")[0]
    result = await asked(f"{{ me {{ id {field} }} }}", {"me": Person(id="1", **{name: value})})
    assert result.data == {"me": answer}
    assert [error.path for error in result.errors or ()] == ([] if path is None else [path])


async def test_an_answer_is_null_as_a_whole_when_nothing_in_it_may_be(asked: Asked) -> None:
    result = await asked("{ me { id } count }", {"me": Person(id="1"), "count": _raises("lost")})
    assert result.data is None
    assert [error.message for error in result.errors or ()] == ["lost"]


async def test_mutations_happen_one_after_another_and_stop_at_what_may_not_be_null(asked: Asked) -> None:
    log: list[str] = []

    async def add(_: object, number: int) -> int:
        log.append(f"begin {number}")
        await asyncio.sleep(0)
        log.append(f"end {number}")
        return number

    def last(_: object) -> int:
        log.append("last")
        return 7

    root = {"add": add, "last": last, "broken": _raises("broken")}
    result = await asked("mutation { a: add(number: 1) last b: add(number: 2) }", root)
    assert result.data == {"a": 1, "last": 7, "b": 2}
    once = ["begin 1", "end 1", "last", "begin 2", "end 2"]
    assert log == once + once
    log.clear()
    result = await asked("mutation { a: add(number: 1) broken last }", root)
    assert result.data is None
    assert log == ["begin 1", "end 1"] * 2


@pytest.mark.parametrize(
    ("text", "given", "variables"),
    [
        ("{ sum }", [1, 2], {}),
        ("{ sum(of: [5]) }", [5], {}),
        ("query ($n: Int!) { sum(of: [1, $n]) }", [1, 4], {"n": 4}),
        ("query ($of: [Int!]!) { sum(of: $of) }", [3], {"of": 3}),
        ("query ($of: [Int!]! = [8]) { sum(of: $of) }", [8], {}),
    ],
)
async def test_arguments_are_coerced(asked: Asked, text: str, given: list[int], variables: Any) -> None:
    seen: list[Any] = []

    def add(_: object, of: list[int]) -> int:
        seen.append(of)
        return sum(of)

    result = await asked(text, {"sum": add}, **variables)
    assert result.data == {"sum": sum(given)}
    assert seen == [given, given]


async def test_an_argument_that_was_left_out_is_not_null(asked: Asked) -> None:
    root = {"person": lambda _, **given: repr(given)}
    assert (await asked("{ person }", root)).data == {"person": "{}"}
    assert (await asked("query ($is: Is) { person(is: $is) }", root)).data == {"person": "{}"}
    text = "query ($name: String) { person(is: {name: $name}) }"
    assert (await asked(text, root)).data == {"person": "{'is': {'tall': True}}"}
    assert (await asked(text, root, name=None)).data == {"person": "{'is': {'tall': True, 'name': None}}"}


async def test_conditions_choose_among_programs_and_too_many_are_left(asked: Asked) -> None:
    count = 5
    declared = ", ".join(f"$c{number}: Boolean!" for number in range(count))
    fields = " ".join(f"a{number}: id @include(if: $c{number}) " for number in range(count))
    document = parse(f"query ({declared}) {{ me {{ {fields} x: id @skip(if: $c0) }} }}")
    for outcome in range(2**count):
        variables = {f"c{number}": bool(outcome >> number & 1) for number in range(count)}
        mine = await executed(
            asked.executor, SCHEMA, document, root={"me": Person(id="1")}, variables=variables
        )
        expected = [f"a{number}" for number in range(count) if variables[f"c{number}"]]
        assert list((mine.data or {})["me"]) == [*expected, *([] if variables["c0"] else ["x"])]
    assert asked.compiler.counts == {
        "compiled": MOST_OUTCOMES,
        "executed": MOST_OUTCOMES,
        "left: too many outcomes of its conditions": 2**count - MOST_OUTCOMES,
    }


async def test_what_cannot_be_compiled_is_left_and_counted(asked: Asked) -> None:
    root = {"me": Person(id="1")}
    await asked("{ me { id ...F @defer(if: false) } } fragment F on Person { name }", root)
    wide = " ".join(f"b{number}: best {{ id }}" for number in range(MOST_FUNCTIONS))
    document = parse(f"{{ me {{ {wide} }} }}")
    await executed(asked.executor, SCHEMA, document, root=root)
    assert asked.compiler.counts["left: @defer"] == 1
    assert asked.compiler.counts["left: it could not be compiled"] == 1


async def test_a_program_is_forgotten_with_its_document(asked: Asked) -> None:
    document = parse("{ me { id } }")
    for _ in range(3):
        await executed(asked.executor, SCHEMA, document)
    assert (asked.compiler.counts["compiled"], len(asked.compiler)) == (1, 1)
    del document
    gc.collect()
    assert len(asked.compiler) == 0


async def test_an_event_of_a_subscription_is_executed_with_its_payload(asked: Asked) -> None:
    async def counted(_: object, to: int) -> AsyncIterator[Any]:
        for number in range(to):
            yield {"counted": number if number % 2 == 0 else _raises("odd")}

    document = parse("subscription ($to: Int!) { counted(to: $to) }")
    executor: Any = asked.executor.build(SCHEMA, document, {"counted": counted}, None, {"to": 3})
    results = [
        execute_subscription_event(executor.build_per_event_executor(payload))
        async for payload in create_source_event_stream(executor)
    ]
    assert [result.data for result in results] == [{"counted": 0}, {"counted": None}, {"counted": 2}]
    assert [error.path for error in results[1].errors] == [["counted"]]
    assert asked.compiler.counts["executed"] == 3


# ------------------------------------------------------------------ what is awaited


async def test_siblings_are_awaited_together_whatever_their_depth(asked: Asked) -> None:
    together: list[int] = []
    running = 0

    async def name(_: object) -> str:
        nonlocal running
        running += 1
        await asyncio.sleep(0)
        together.append(running)
        running -= 1
        return "Ada"

    friends = [Person(name=name, friends=[Person(name=name)]) for _ in range(3)]
    root = {"me": Person(name=name, friends=friends)}
    text = "{ me { name friends { name friends { name } } } }"
    await executed(asked.executor, SCHEMA, parse(text), root=root)
    assert max(together) == 7


async def test_cancelled_it_lets_everything_clean_up_first(asked: Asked) -> None:
    cleaned: list[str] = []

    async def forever(what: str) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(what)
        return 0

    root = {"slow": lambda _: forever("slow"), "count": lambda _: forever("count")}
    task = asyncio.ensure_future(executed(asked.executor, SCHEMA, parse("{ slow count }"), root=root))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cleaned) == ["count", "slow"]


async def test_timeouts_and_task_groups_of_a_resolver_are_its_own(asked: Asked) -> None:
    async def late(_: object) -> int:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return 1
        return 0

    seen: list[int] = []

    async def grouped(_: object) -> int:
        async def fails() -> None:
            await asyncio.sleep(0)
            raise ValueError("one of the group")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await asyncio.Event().wait()
        except* ValueError as failed:
            seen.append(len(failed.exceptions))
        return 2

    root = {"slow": late, "count": grouped, "sum": lambda _, of: late(_)}
    result = await executed(asked.executor, SCHEMA, parse("{ slow count sum }"), root=root)
    assert result == ExecutionResult({"slow": 1, "count": 2, "sum": 1}, None)
    assert seen == [1]


async def test_an_answer_does_not_wait_for_what_is_no_part_of_it(asked: Asked) -> None:
    ended = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(_: object) -> str:
        await go_on.wait()
        ended.set()
        return "Ada"

    async def lost(_: object) -> None:
        await asyncio.sleep(0)

    root = {"me": Person(id="1", name=slow, best=lost)}
    result = await executed(asked.executor, SCHEMA, parse("{ me { name best { id } } }"), root=root)
    assert result.data == {"me": None}
    assert not ended.is_set()
    go_on.set()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_cancellation_from_within_ends_the_operation(asked: Asked) -> None:
    async def gives_up(_: object) -> int:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    async def waits(_: object) -> int:
        await asyncio.Event().wait()
        return 0

    with pytest.raises(asyncio.CancelledError):
        await executed(
            asked.executor, SCHEMA, parse("{ slow count }"), root={"slow": gives_up, "count": waits}
        )
