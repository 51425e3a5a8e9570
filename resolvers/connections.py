"""What the pages of a list share: they are read when somebody selects them, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from persistence.database import Connection
from persistence.paging import Page
from resolvers.context import Context
from resolvers.shapes import PageInfo

RowT = TypeVar("RowT")
ValueT = TypeVar("ValueT")


class OnePage(Generic[RowT]):
    """A page that sibling fields want: whoever comes first reads it, the others wait for the same rows."""

    def __init__(self, context: Context, read: Callable[[Connection], Awaitable[Page[RowT]]]) -> None:
        self._context = context
        self._read = read
        self._reading: asyncio.Task[Page[RowT]] | None = None

    async def page(self) -> Page[RowT]:
        """The page, read at most once."""
        if self._reading is None:
            self._reading = asyncio.create_task(self.alone(self._read))
        return await self._reading

    async def alone(self, read: Callable[[Connection], Awaitable[ValueT]]) -> ValueT:
        """What a query answers on a connection of its own."""
        async with self._context.house.database.connection() as db:
            return await read(db)

    async def info(self) -> PageInfo:
        """Where the page stands in its list."""
        page = await self.page()
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursors[0] if page.cursors else None,
            end_cursor=page.cursors[-1] if page.cursors else None,
        )
