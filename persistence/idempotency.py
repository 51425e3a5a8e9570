"""Requests that were answered, so that a repeated one has its first answer and no second effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence import columns


class Answered(SQLModel, table=True):
    """The answer a key was given: ids to read again, never the whole answer. Kept for a day and more."""

    principal: str = columns.code(primary=True)
    mutation: str = columns.code(primary=True)
    key: str = columns.code(primary=True)
    body_hash: bytes = columns.digest()
    answer: dict[str, Any] | None = columns.optional_document()
    answered_at: datetime = columns.moment()

    __table_args__ = (sa.Index("answered_at", "answered_at"),)
