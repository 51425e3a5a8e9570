"""Which moments the house keeps: with room around them for what is reckoned from one."""

from __future__ import annotations

from datetime import UTC, datetime

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
# Its last microsecond is how the database's "infinity" reads, which is no moment.
_END = datetime.max.replace(tzinfo=UTC)


def kept(moment: datetime) -> datetime | None:
    """The aware moment in UTC, or None when it lies before 1900 or at the end of the year 9999 or beyond."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return None
    return utc if _EARLIEST <= utc < _END else None
