"""Two schemas where everything goes wrong that can: what each field does is drawn from a seed.

Both ways of executing a document draw the same, because a draw depends on nothing but the seed, the object
and the field. `PLAIN` is made with graphql-core and answers by info and path, `TYPED` with Strawberry.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import strawberry
from graphql import GraphQLResolveInfo, GraphQLSchema, Undefined, build_schema, is_object_type
from graphql.type import GraphQLEnumType, GraphQLInterfaceType, GraphQLList, GraphQLNonNull, GraphQLUnionType
from graphql.type.definition import GraphQLOutputType, is_abstract_type


@dataclass(frozen=True)
class Chances:
    """What an execution draws from; without `awaits` nothing of it is asynchronous."""

    seed: int
    awaits: bool = True
    trouble: int = 12
    """Of a hundred fields, how many go wrong."""

    def draw(self, *what: object) -> int:
        return zlib.crc32(repr((self.seed, what)).encode())


SDL = """
interface Named { name: String! id: ID }
interface Sized implements Named { name: String! id: ID size: Int! }
type Cat implements Named & Sized {
  name: String! id: ID size: Int! mood: Mood! friend: Named friends: [Named!]!
  pet(loudly: Boolean = false, times: Int!): Pet
}
type Dog implements Named & Sized {
  name: String! id: ID size: Int! barks: Boolean! mother: Dog! puppies: [Dog] tags: [[String!]] near: Sized
}
type Stone implements Named {
  name: String! id: ID weight: Float! at: Moment maybe: Moment! inside: Stone
}
union Pet = Cat | Dog
union Thing = Cat | Dog | Stone
enum Mood { GRUMPY SLEEPY }
scalar Moment
input Wish { text: String = "none" depth: Int! more: Wish }
type Query {
  cat: Cat  mustCat: Cat!  dog(name: String, moods: [Mood!]): Dog  stone(wish: Wish): Stone!
  thing: Thing  things: [Thing!]  mustThings: [Thing!]!  named: [Named]  pets: [[Pet!]!]  sized: Sized!
  number: Int!  text(of: ID): String  moods: [Mood!]  moment(at: Moment): Moment
}
type Mutation { feed(times: Int = 1): Cat  walk: Dog!  throw: Stone  count: Int! }
type Subscription { thing: Thing  cat: Cat! }
"""


class Beast:
    """An object of PLAIN, which knows its type and nothing else."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def _value(type_: GraphQLOutputType, draw: Callable[..., int], depth: int = 0) -> Any:
    """Something that a field of a type may well answer."""
    if isinstance(type_, GraphQLNonNull):
        return _value(type_.of_type, draw, depth)
    if isinstance(type_, GraphQLList):
        items = [_item(type_.of_type, draw, depth, number) for number in range(draw("length", depth) % 4)]
        return tuple(items) if draw("tuple", depth) % 5 == 0 else items
    name = type_.name
    if isinstance(type_, GraphQLEnumType):
        return ("GRUMPY", "SLEEPY")[draw("mood") % 2]
    if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType) or is_object_type(type_):
        return Beast({"Named": "Stone", "Sized": "Dog", "Pet": "Cat", "Thing": "Dog"}.get(name, name))
    number = draw("leaf", depth) % 7
    return {"Int": number, "Float": number / 2, "Boolean": number > 3, "ID": f"id{number}"}.get(
        name, f"text {number}"
    )


def _item(type_: GraphQLOutputType, draw: Callable[..., int], depth: int, number: int) -> Any:
    if not isinstance(type_, GraphQLNonNull) and draw("null", depth, number) % 9 == 0:
        return None
    return _value(type_, lambda *what: draw(*what, number), depth + 1)


async def _later(value: Any, turns: int) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


async def _one_by_one(items: Any, fails: bool) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item
    if fails:
        raise ValueError("no more of it")


def _resolve(_: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    chances: Chances = info.context
    path = info.path.as_list()

    def draw(*what: object) -> int:
        return chances.draw(path, arguments, *what)

    value = _value(info.return_type, draw)
    if draw("trouble") % 100 < chances.trouble:
        value = _trouble(draw("what") % 7, info)
    if not chances.awaits:
        if isinstance(value, ValueError):
            raise value
        return value
    how = draw("how") % 10
    if how < 4:
        return _later(value, draw("turns") % 4)
    if isinstance(value, ValueError):
        raise value
    if how == 4 and isinstance(value, list):
        return _one_by_one(value, draw("fails") % 4 == 0)
    if how == 5 and isinstance(value, list):
        return [_later(item, number % 3) for number, item in enumerate(value)]
    return value


def _trouble(what: int, info: GraphQLResolveInfo) -> Any:
    name = f"{info.parent_type.name}.{info.field_name}"
    return (
        ValueError(f"{name} is not to be had"),
        None,
        RuntimeError(f"{name} came as an exception"),
        Undefined,
        object,
        {"neither": "this"},
        None,
    )[what]


def _type_of(value: Any, info: GraphQLResolveInfo, abstract: Any) -> Any:
    chances: Chances = info.context
    path = info.path.as_list()
    kind = getattr(value, "kind", None)
    draw = chances.draw(path, "type", kind) % 100
    if draw < 4:
        return (None, "Nobody", "Query", 7)[draw]
    if draw == 4:
        raise ValueError(f"no telling what {abstract.name} is")
    if (
        kind is not None
        and draw % 3 == 0
        and not info.schema.is_sub_type(abstract, info.schema.type_map[kind])
    ):
        kind = info.schema.get_possible_types(abstract)[0].name
    return _later(kind, 1) if chances.awaits and draw % 4 == 0 else kind


def _is_dog(value: Any, info: GraphQLResolveInfo) -> Any:
    chances: Chances = info.context
    draw = chances.draw(info.path.as_list(), "dog") % 40
    verdict = draw > 0
    return _later(verdict, 1) if chances.awaits and draw % 5 == 0 else verdict


def _moment(value: Any) -> Any:
    if value == "text 3":
        return None
    if value == "text 4":
        raise ValueError("a moment that never was")
    return f"moment of {value}"


def _plain_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if is_object_type(kind):
            for field in kind.fields.values():
                field.resolve = _resolve
        elif is_abstract_type(kind):
            kind.resolve_type = _type_of
    schema.type_map["Dog"].is_type_of = _is_dog
    schema.type_map["Moment"].coerce_output_value = _moment
    return schema


PLAIN = _plain_schema()

# ------------------------------------------------------------------ with Strawberry

Info = strawberry.Info[Chances, None]


@strawberry.enum
class Colour(Enum):
    RED = "r"
    GREEN = "g"


@strawberry.interface
class Plant:
    number: strawberry.Private[int]
    label: str

    @strawberry.field
    async def height(self, info: Info) -> int:
        return await _drawn(info, self.number, "height", self.number % 9)


@strawberry.type
class Leaf:
    colour: Colour
    veins: list[int]
    width: float | None


@strawberry.input
class Care:
    water: int = 1
    words: list[str] | None = None


@strawberry.type
class Tree(Plant):
    @strawberry.field
    def leaves(self, info: Info, first: int = 2) -> list[Leaf]:
        made = [_leaf(info, self.number * 10 + number) for number in range(min(first, 4))]
        return _drawn_now(info, self.number, "leaves", made)

    @strawberry.field
    async def parent(self, info: Info) -> Annotated[Tree, strawberry.lazy("tests.compiled.nasty")] | None:
        return await _drawn(info, self.number, "parent", _tree(info, self.number + 1))

    @strawberry.field
    async def beside(self, info: Info, care: Care | None = None) -> list[Plant]:
        water = 0 if care is None else care.water + len(care.words or ())
        return await _drawn(
            info, self.number + water, "beside", [_plant(info, self.number + n) for n in (2, 3)]
        )


@strawberry.type
class Moss(Plant):
    soft: bool
    on: Tree | None


Growth = Annotated[Tree | Moss, strawberry.union("Growth")]


def _trouble_of(info: Info, number: int, name: str, value: Any) -> Any:
    chances = info.context
    draw = chances.draw(number, name) % 100
    if draw >= chances.trouble:
        return value
    return (ValueError(f"{name} of {number} is not to be had"), None)[draw % 2]


async def _drawn(info: Info, number: int, name: str, value: Any) -> Any:
    for _ in range(info.context.draw(number, name, "turns") % 4 if info.context.awaits else 0):
        await asyncio.sleep(0)
    return _drawn_now(info, number, name, value)


def _drawn_now(info: Info, number: int, name: str, value: Any) -> Any:
    drawn = _trouble_of(info, number, name, value)
    if isinstance(drawn, Exception):
        raise drawn
    return drawn


def _leaf(info: Info, number: int) -> Leaf:
    colour = _trouble_of(info, number, "colour", (Colour.RED, Colour.GREEN)[number % 2])
    veins: Any = _trouble_of(info, number, "veins", [number, number + 1])
    return Leaf(colour=colour, veins=veins, width=_trouble_of(info, number, "width", number / 2))


def _tree(info: Info, number: int) -> Tree:
    return Tree(number=number, label=_trouble_of(info, number, "label", f"tree {number}"))


def _plant(info: Info, number: int) -> Tree | Moss:
    if number % 2:
        return _tree(info, number)
    on = _tree(info, number + 5) if number % 3 else None
    return Moss(number=number, label=f"moss {number}", soft=_trouble_of(info, number, "soft", True), on=on)


@strawberry.type
class Query:
    @strawberry.field
    async def tree(self, info: Info, number: int = 1) -> Tree | None:
        return await _drawn(info, number, "tree", _tree(info, number))

    @strawberry.field
    def growth(self, info: Info, number: int = 1) -> Growth | None:
        return _drawn_now(info, number, "growth", _plant(info, number))

    @strawberry.field
    async def forest(self, info: Info, size: int = 3) -> list[Growth]:
        return await _drawn(info, size, "forest", [_plant(info, number) for number in range(min(size, 5))])

    @strawberry.field
    async def plants(self, info: Info) -> list[Plant | None]:
        return await _drawn(info, 0, "plants", [None, _plant(info, 4), _plant(info, 5)])


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def grow(self, info: Info, care: Care) -> Tree:
        return await _drawn(info, care.water, "grow", _tree(info, care.water))

    @strawberry.mutation
    async def fell(self, info: Info, number: int) -> Tree | None:
        return await _drawn(info, number, "fell", _tree(info, number))


TYPED: GraphQLSchema = strawberry.Schema(query=Query, mutation=Mutation, types=[Tree, Moss])._schema
