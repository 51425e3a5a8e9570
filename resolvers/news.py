"""What mutations tell of the news they caused."""

from __future__ import annotations

from resolvers.context import Info
from resolvers.scalars import EventCursor


async def cursor_of(info: Info, news_id: int | None) -> EventCursor | None:
    """Where in the stream a mutation's last piece of news stands, once it has been given its place."""
    if news_id is None:
        return None
    cursor = await info.context.house.hub.position_of(news_id)
    return None if cursor is None else EventCursor(str(cursor))
