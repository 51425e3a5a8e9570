"""Pages of a long list: rows in a fixed order, and cursors that name a place in it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from domain.refusals import RequestError

RowT = TypeVar("RowT")

_LARGEST_CURSOR = 8000
_DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Some rows of a list with a cursor for each, and whether there are more on either side."""

    rows: list[RowT]
    cursors: list[str]
    has_next: bool
    has_previous: bool


def nothing() -> Page[Any]:
    """The only page of an empty list."""
    return Page([], [], has_next=False, has_previous=False)


class Place:
    """What a cursor of one order holds: the order's values, each read back as its kind.

    `order` is everything that decides the order; a cursor made for another one is refused.
    """

    __slots__ = ("_digest", "_kinds")

    def __init__(self, order: Sequence[str | None], kinds: Sequence[Callable[[object], object]]) -> None:
        digest = blake2b(orjson.dumps(order), digest_size=_DIGEST_BYTES).digest()
        self._digest = base64.urlsafe_b64encode(digest).decode()
        self._kinds = kinds

    def cursor(self, values: Sequence[object]) -> str:
        """The opaque cursor of a row with these values."""
        document = orjson.dumps([self._digest, *map(_written, values)])
        return base64.urlsafe_b64encode(document).decode().rstrip("=")

    def values(self, cursor: str) -> list[object]:
        """The values in a cursor; raises BAD_USER_INPUT for one that is malformed or of another order."""
        document = _opened(cursor)
        if document is None or len(document) != len(self._kinds) + 1:
            raise RequestError.bad_input(
                en="after is not a cursor of this list.", zh="after 不是此列表的游标。"
            )
        if document[0] != self._digest:
            raise RequestError.bad_input(
                en="after comes from a list in another order; start again without it.",
                zh="after 来自另一种排序的列表，请去掉它重新开始。",
            )
        try:
            return [kind(value) for kind, value in zip(self._kinds, document[1:], strict=True)]
        except ValueError:
            raise RequestError.bad_input(
                en="after is not a cursor of this list.", zh="after 不是此列表的游标。"
            ) from None


def page_of(
    rows: list[RowT], first: int, *, place: Place, values: Callable[[RowT], Sequence[object]], began: bool
) -> Page[RowT]:
    """The page of a list that was asked for one row more than `first`; `began` when it starts at the top."""
    shown = rows[:first]
    return Page(shown, [place.cursor(values(row)) for row in shown], len(rows) > first, not began)


def whole(value: object) -> int:
    """A 64-bit whole number out of a cursor."""
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise ValueError(value)


def text(value: object) -> str:
    """A text out of a cursor, without the one character PostgreSQL has no place for."""
    if isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(value)


def moment(value: object) -> datetime:
    """An aware instant out of a cursor."""
    found = datetime.fromisoformat(text(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def key(value: object) -> UUID:
    """A primary key out of a cursor."""
    return UUID(text(value))


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _opened(cursor: str) -> list[object] | None:
    if len(cursor) > _LARGEST_CURSOR:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        document = orjson.loads(raw)
    except (binascii.Error, ValueError):
        return None
    return document if isinstance(document, list) else None
