"""Touch codes in the graph: issued for shelves, posters, receipts, badges; scanned, printed, revoked."""

from __future__ import annotations

import secrets
from datetime import datetime
from html import escape
from typing import Any

import strawberry

from domain.access import EVERYONE, STAFF
from domain.attribution import TouchKind, is_current
from domain.pickup_codes import ALPHABET
from domain.refusals import RefusalCode, Refused, RequestError
from persistence.attribution import codes as codes_db
from persistence.attribution.tables import TouchCode as StoredCode
from persistence.catalog import by_key as catalog_db
from persistence.database import Connection
from persistence.paging import Page, nothing
from resolvers.catalog.products import ProductVariant
from resolvers.connections import OnePage
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation, query
from resolvers.pickup import qr as pickup_qr
from resolvers.shapes import FromRow, PageInfo, Payload, at_most, page_size, shape
from resolvers.stores.store import Store, store_shape

MOST_ISSUED = 500
MOST_PRINTED = 100
_LONGEST = 100
_LETTERS = 10
_PLACE_OF_CODE = "{code}"
_COLUMNS, _CELL, _PICTURE = 4, 240, 180


@shape(EVERYONE, description="A code to scan, and what a scan of it tells.")
class TouchCode(FromRow[StoredCode]):
    row: strawberry.Private[StoredCode]
    code: str
    kind: TouchKind
    clerk: str | None
    campaign: str | None
    sku: str | None
    valid_from: datetime
    valid_until: datetime | None = strawberry.field(description="exclusive")
    revoked_at: datetime | None

    @field()
    async def store(self, info: Info) -> Store:
        return await store_shape(info, self.row.store)

    @field(description="what it is about, to be shown in the prices of its store")
    async def variant(self, info: Info) -> ProductVariant | None:
        if self.row.sku is None:
            return None
        row = await info.context.loaders.variant_by_sku.load(self.row.sku)
        return None if row is None else ProductVariant.of(row)

    @field(description="whether a scan of it counts now")
    def current(self, info: Info) -> bool:
        return counts(self.row, info.context.now)


@shape(STAFF)
class TouchCodesPayload(Payload):
    touch_codes: list[TouchCode] = strawberry.field(default_factory=list)


@strawberry.input(description="Codes that all tell the same: one for each shelf, poster or receipt.")
class TouchCodesIssueInput:
    idempotency_key: str
    store: str
    kind: TouchKind
    count: int = strawberry.field(default=1, description=f"1 to {MOST_ISSUED}")
    clerk: str | None = None
    sku: str | None = None
    campaign: str | None = None
    valid_from: datetime | None = strawberry.field(default=None, description="null: from now on")
    valid_until: datetime | None = strawberry.field(default=None, description="exclusive; null: no end")


@strawberry.input
class TouchCodeRevokeInput:
    code: str


def counts(row: StoredCode, now: datetime) -> bool:
    """Whether a scan of a code counts now."""
    return is_current(row.valid_from, row.valid_until, row.revoked_at, now)


# ------------------------------------------------------------------ writing


@mutation(TouchCodesPayload, STAFF, description="Issue codes for a store you work in.")
async def touch_codes_issue(info: Info, input: TouchCodesIssueInput) -> TouchCodesPayload:
    context = info.context
    _must_be_well_formed(context, input)
    await _must_work_there(context, input.store)

    async def act(work: Work) -> dict[str, Any]:
        if input.sku is not None and not await catalog_db.variants_by_sku(work.db, [input.sku]):
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en=f'There is no sku "{input.sku}".',
                zh=f"没有商品“{input.sku}”。",
                field=("input", "sku"),
            )
        new = ["".join(secrets.choice(ALPHABET) for _ in range(_LETTERS)) for _ in range(input.count)]
        await codes_db.issue(
            work.db,
            new,
            kind=input.kind,
            store=input.store,
            clerk=input.clerk,
            sku=input.sku,
            campaign=input.campaign,
            valid_from=input.valid_from or context.now,
            valid_until=input.valid_until,
            issued_by=str(context.viewer),
        )
        return {"codes": new}

    done = await context.once("touchCodesIssue", input.idempotency_key, input, act)
    async with context.house.database.connection() as db:
        rows = await codes_db.codes_by_code(db, done.answer["codes"])
    return TouchCodesPayload(touch_codes=[TouchCode.of(rows[code]) for code in done.answer["codes"]])


@mutation(TouchCodesPayload, STAFF, description="From now on a code counts no more; what it led to stays.")
async def touch_code_revoke(info: Info, input: TouchCodeRevokeInput) -> TouchCodesPayload:
    context = info.context
    async with context.house.database.transaction() as db:
        row = (await codes_db.codes_by_code(db, [input.code])).get(input.code)
        if row is None or not context.viewer.works_in(row.store):
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en="There is no such code.",
                zh="没有这个代码。",
                field=("input", "code"),
            )
        await codes_db.revoke(db, input.code, context.now)
        revoked = await codes_db.codes_by_code(db, [input.code])
    return TouchCodesPayload(touch_codes=[TouchCode.of(row) for row in revoked.values()])


def _must_be_well_formed(context: Context, input: TouchCodesIssueInput) -> None:
    if not 1 <= input.count <= MOST_ISSUED:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"count is 1 to {MOST_ISSUED}.",
            zh=f"数量须为 1 到 {MOST_ISSUED}。",
            field=("input", "count"),
        )
    for name in ("clerk", "campaign"):
        text: str | None = getattr(input, name)
        if text is not None and (not 1 <= len(text) <= _LONGEST or "\0" in text):
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en=f"This has 1 to {_LONGEST} characters.",
                zh=f"须为 1 到 {_LONGEST} 个字符。",
                field=("input", name),
            )
    begin = input.valid_from or context.now
    if input.valid_until is not None and input.valid_until <= begin:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="validUntil comes after validFrom.",
            zh="validUntil 须晚于 validFrom。",
            field=("input", "validUntil"),
        )


async def _must_work_there(context: Context, store: str) -> None:
    if not context.viewer.works_in(store) or await context.house.directory.store(store) is None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'You do not work in a store "{store}".',
            zh=f"您不在门店“{store}”工作。",
            field=("input", "store"),
        )


# ------------------------------------------------------------------ reading


@query(EVERYONE, description="What a scanned code tells; null for one that was never issued.")
async def touch_code(info: Info, code: str) -> TouchCode | None:
    async with info.context.house.database.connection() as db:
        row = (await codes_db.codes_by_code(db, [code])).get(code)
    return None if row is None else TouchCode.of(row)


@shape(STAFF, description="A page of touch codes, the newest first.")
class TouchCodeConnection:
    listed: strawberry.Private[OnePage[StoredCode]]

    @field()
    async def nodes(self) -> list[TouchCode]:
        return [TouchCode.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@query(STAFF, description="The touch codes of a store you work in, the newest first; first is 1 to 100.")
async def touch_codes(info: Info, store: str, first: int, after: str | None = None) -> TouchCodeConnection:
    page_size(first)
    context = info.context

    async def read(db: Connection) -> Page[StoredCode]:
        if not context.viewer.works_in(store):
            return nothing()
        return await codes_db.codes_of_store(db, store, first, after)

    return TouchCodeConnection(listed=OnePage(context, read))


@query(
    STAFF,
    description="A sheet to print, SVG: the QR of each code with what it stands for below. `link` is what a "
    f"scan opens, with {_PLACE_OF_CODE} where the code belongs; at most {MOST_PRINTED} codes, those of your "
    "stores.",
)
async def touch_sheet(info: Info, codes: list[str], link: str) -> str:
    at_most("codes", codes, MOST_PRINTED)
    if _PLACE_OF_CODE not in link or len(link) > 500:
        raise RequestError.bad_input(
            en=f"link has {_PLACE_OF_CODE} in it, and at most 500 characters.",
            zh=f"link 须包含 {_PLACE_OF_CODE}，且不超过 500 个字符。",
        )
    async with info.context.house.database.connection() as db:
        rows = await codes_db.codes_by_code(db, codes)
    theirs = [rows[code] for code in codes if code in rows and info.context.viewer.works_in(rows[code].store)]
    return sheet([(link.replace(_PLACE_OF_CODE, row.code), _caption(row)) for row in theirs])


def _caption(row: StoredCode) -> list[str]:
    return [row.code, " · ".join(part for part in (row.store, row.sku, row.clerk, row.campaign) if part)]


def sheet(labels: list[tuple[str, list[str]]]) -> str:
    """An SVG with the QR of each text and the lines of its caption, four in a row."""
    height = -(-len(labels) // _COLUMNS) * (_CELL + 20)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_COLUMNS * _CELL} {max(height, 1)}" '
        'font-family="sans-serif" font-size="14" text-anchor="middle">'
    ]
    for number, (text, caption) in enumerate(labels):
        left, top = number % _COLUMNS * _CELL, number // _COLUMNS * (_CELL + 20)
        picture = pickup_qr.svg(text).replace(
            "<svg ",
            f'<svg x="{left + (_CELL - _PICTURE) // 2}" y="{top}" width="{_PICTURE}" height="{_PICTURE}" ',
            1,
        )
        parts.append(picture.strip())
        parts += [
            f'<text x="{left + _CELL // 2}" y="{top + _PICTURE + 18 * line}">{escape(words)}</text>'
            for line, words in enumerate(caption, 1)
        ]
    return "".join([*parts, "</svg>"])
