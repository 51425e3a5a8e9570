"""What a clerk scans, told from what was typed: a fresh code, which is used up, or a number that stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.members.codes import member_serial, read_fresh_code
from domain.members.signing_in import code_expired, code_wrong
from domain.refusals import RefusalCode, Refused
from persistence.database import Connection
from persistence.members import code_uses
from persistence.members import reads as members_db
from persistence.members.code_uses import CodeUse
from persistence.members.tables import Member as StoredMember
from resolvers.house import House

_CLOCKS_DIFFER = timedelta(minutes=5)


class Scanned(NamedTuple):
    """A member by what was scanned; `fresh` when the member showed it."""

    row: StoredMember
    fresh: bool


async def scanned(db: Connection, house: House, code: str, use: CodeUse, now: datetime) -> Scanned | None:
    """The member whose code was scanned; None for what is no code, has run out, or was used before."""
    read = read_fresh_code(code, secret=house.vault.secret("member codes"))
    if read is None:
        serial = member_serial(code)
        row = None if serial is None else await members_db.member_by_serial(db, serial)
        return None if row is None else Scanned(row, fresh=False)
    if now >= read.expires_at or not await code_uses.use_code(db, read.serial, read.nonce, use, now):
        return None
    row = await members_db.member_by_serial(db, read.serial)
    return None if row is None else Scanned(row, fresh=True)


async def buyer(db: Connection, house: House, code: str, *, sold_at: datetime, now: datetime) -> str:
    """The id of the member who showed a code at a till, as orders name members; tills may tell of it later.

    Refuses NOT_FOUND for what is no code, CODE_EXPIRED for one that had run out by then, CODE_WRONG for one
    that bought before.
    """
    read = read_fresh_code(code, secret=house.vault.secret("member codes"))
    serial = member_serial(code) if read is None else read.serial
    row = None if serial is None else await members_db.member_by_serial(db, serial)
    if row is None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="There is no such member code.",
            zh="没有这个会员码。",
            field=("input", "memberCode"),
        )
    if read is not None:
        if sold_at >= read.expires_at + _CLOCKS_DIFFER:
            raise code_expired("memberCode")
        if not await code_uses.use_code(db, read.serial, read.nonce, CodeUse.SALE, now):
            raise code_wrong("memberCode")
    return str(row.id)
