"""Partners in the graph: who they are, their keys, and the documents they published."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain.access import PARTNER_READERS, PartnerScope, Principal
from persistence.database import Connection
from persistence.paging import Page
from persistence.partners import operations as operations_db
from persistence.partners import tables
from resolvers.connections import OnePage
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.partners.webhooks import Webhook
from resolvers.scalars import BigInt
from resolvers.shapes import FromRow, Node, PageInfo, page_size, shape

strawberry.enum(PartnerScope, description="What a partner may do, on its own channels and with its own.")


@shape(
    PARTNER_READERS,
    description="A key that a partner calls with; of the key itself only its prefix is known.",
)
class ApiKey(FromRow[tables.ApiKey]):
    tag = "Ak"
    id: strawberry.ID
    prefix: str
    created_at: datetime
    last_used_at: datetime | None = strawberry.field(description="to within a quarter of a minute")
    expires_at: datetime | None
    revoked_at: datetime | None


@shape(PARTNER_READERS, description="A document that a client may call by its id.")
class PersistedOperation(FromRow[tables.PersistedOperation], Node):
    tag = "Po"
    row: strawberry.Private[tables.PersistedOperation]
    document_id: str = strawberry.field(description="sha256:<hex of the document>")
    name: str
    document: str
    cost: int = strawberry.field(
        description="points of one call with its variables' defaults, where sizes without one count as 5"
    )
    published_at: datetime
    last_used_at: datetime | None = strawberry.field(description="to within a quarter of a minute")

    @field(description="to within a quarter of a minute")
    def calls(self) -> BigInt:
        return BigInt(self.row.calls)


@shape(PARTNER_READERS)
class PersistedOperationEdge:
    cursor: str
    node: PersistedOperation


@shape(PARTNER_READERS, description="A page of published documents, the newest first.")
class PersistedOperationConnection:
    listed: strawberry.Private[OnePage[tables.PersistedOperation]]

    @field()
    async def edges(self) -> list[PersistedOperationEdge]:
        page = await self.listed.page()
        return [
            PersistedOperationEdge(cursor=cursor, node=PersistedOperation.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[PersistedOperation]:
        return [PersistedOperation.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@shape(PARTNER_READERS, description="A marketplace or integrator, and what it was granted.")
class Partner(FromRow[tables.Partner], Node):
    tag = "Pt"
    row: strawberry.Private[tables.Partner]
    code: str
    name: str
    channels: list[str] = strawberry.field(description="the only channels there are for it")
    budget_per_minute: int = strawberry.field(description="cost points a minute")
    masked_fields: list[str] = strawberry.field(description="fields, as Type.field, that it may not select")
    networks: list[str] = strawberry.field(
        description="addresses and networks it may call from, such as 203.0.113.0/24; empty: from everywhere"
    )
    active: bool = strawberry.field(description="a suspended partner's keys are refused")

    @field()
    def scopes(self) -> list[PartnerScope]:
        return [PartnerScope(scope) for scope in self.row.scopes]

    @field(description="What it published, the newest first; first is 1 to 100.")
    async def operations(
        self, info: Info, first: int, after: str | None = None
    ) -> PersistedOperationConnection:
        page_size(first)

        async def read(db: Connection) -> Page[tables.PersistedOperation]:
            return await operations_db.operations_page(db, self.row.code, first, after)

        return PersistedOperationConnection(listed=OnePage(info.context, read))

    @field(description="Where it is told news.")
    async def webhooks(self, info: Info) -> list[Webhook]:
        rows = await info.context.loaders.webhooks_of_partner.load(self.row.code)
        return [Webhook.of(row) for row in rows]

    @field(description="The newest first, those that count no more too.")
    async def keys(self, info: Info) -> list[ApiKey]:
        rows = await info.context.loaders.keys_of_partner.load(self.row.code)
        return [ApiKey.of(row) for row in rows]


def sees_client(viewer: Principal, client: str) -> bool:
    """Whether what a client published is the viewer's to see: staff see all of it, a partner its own."""
    return viewer.is_staff or viewer.subject == client


@query(PARTNER_READERS, description="A partner by its code: any for staff, itself for a partner.")
async def partner(info: Info, code: str) -> Partner | None:
    if not sees_client(info.context.viewer, code):
        return None
    row = await info.context.loaders.partner_by_code.load(code)
    return None if row is None else Partner.of(row)
