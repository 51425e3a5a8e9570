"""What stands in a place for a value, where the source has no shorter way for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import Undefined

from graph.compiled.places import At, Complete, Place
from graph.compiled.run import Checked, Objects, Run, Typed, no_null, unwritten

Answer = Callable[..., object]
"""A function of the source: the answer for an object in a place."""


def leaf(place: Place, coerce: Callable[[Any], object]) -> Complete:
    """A scalar or a member of an enum, as its type writes it."""

    def complete(_: Run, value: Any, __: At) -> object:
        if value is None:
            _must_be_nullable(place)
            return None
        written = coerce(value)
        if written is None or written is Undefined:
            raise unwritten(place.type, value, written)
        return written

    return complete


def an_object(place: Place, answer: Answer) -> Complete:
    """An object of a type that is known."""

    def complete(x: Run, value: Any, at: At) -> object:
        if value is None:
            _must_be_nullable(place)
            return None
        if value.__class__ is Checked:
            return answer(x, value.value, at, sure=True)
        return answer(x, value, at)

    return complete


def abstract(place: Place, objects: Objects, by_class: Mapping[type, Answer], marks: str | None) -> Complete:
    """An object whose type is yet to be found: by its class if that is enough, else as graphql-core does."""

    def complete(x: Run, value: Any, at: At) -> object:
        if value is None:
            _must_be_nullable(place)
            return None
        cls = value.__class__
        answer = by_class.get(cls)
        if answer is not None and (marks is None or marks not in value.__dict__):
            return answer(x, value, at)
        if cls is Typed:
            return x.named(value.name, value.value, at, objects)
        if cls is Checked:
            return objects[value.name](x, value.value, at, sure=True)
        return x.typed(value, at, objects)

    return complete


def _must_be_nullable(place: Place) -> None:
    if not place.nullable:
        raise no_null(place)
