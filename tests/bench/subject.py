"""What a subject is: a name to choose it by, a function that measures, and the table it answers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.bench import subjects
from tests.bench.stage import Stage

Value = str | int | float | None


class Column(NamedTuple):
    """One column of a table; `digits` after the point, `unit` in words, `key` in the JSON."""

    key: str
    title: str
    unit: str = ""
    digits: int = 0


@dataclass(slots=True)
class Findings:
    """What was measured: rows by column key, and what a reader must know to read them."""

    title: str
    columns: tuple[Column, ...]
    rows: list[Mapping[str, Value]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Measure = Callable[[Stage], Awaitable[Findings]]


class Subject(NamedTuple):
    """A measurement that `only=NAME` chooses; lower places come first."""

    name: str
    about: str
    place: int
    measure: Measure


_SUBJECTS: dict[str, Subject] = {}


def subject(name: str, about: str, *, place: int) -> Callable[[Measure], Measure]:
    """Declares the function below as a subject; raises ValueError for a name that is taken."""

    def declare(measure: Measure) -> Measure:
        if name in _SUBJECTS:
            raise ValueError(f"two subjects are called {name}")
        _SUBJECTS[name] = Subject(name, about, place, measure)
        return measure

    return declare


def every_subject() -> list[Subject]:
    """All subjects, in the order they are measured."""
    for module in pkgutil.iter_modules(subjects.__path__, f"{subjects.__name__}."):
        importlib.import_module(module.name)
    return sorted(_SUBJECTS.values(), key=lambda one: (one.place, one.name))


def chosen(names: str | None) -> list[Subject]:
    """The subjects of a comma-separated choice, all without one; raises ValueError for an unknown name."""
    every = {one.name: one for one in every_subject()}
    if not names:
        return [*every.values()]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in every]
    if unknown:
        raise ValueError(f"There is no subject {', '.join(unknown)}; there are {', '.join(every)}.")
    return [one for one in every.values() if one.name in wanted]
