"""The prices of an article are read from one index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BEGUN = sa.text("valid_from IS NOT NULL")
_UNTIL = sa.text("coalesce(valid_until, 'infinity'::timestamptz)")
_READ = [
    "id",
    "kind",
    "amount_minor",
    "currency_code",
    "channel",
    "store",
    "tier",
    "campaign",
    "min_quantity",
    "valid_from",
    "valid_until",
    "source",
    "sequence",
    "recorded_at",
]


def upgrade() -> None:
    _replace(until=_READ, begun=["recorded_at"])


def downgrade() -> None:
    _replace(until=[], begun=[])


def _replace(*, until: list[str], begun: list[str]) -> None:
    op.drop_index("price_record_until", "price_record")
    op.drop_index("price_record_from", "price_record")
    op.create_index("price_record_until", "price_record", ["sku", _UNTIL], postgresql_include=until)
    op.create_index(
        "price_record_from",
        "price_record",
        ["sku", "valid_from"],
        postgresql_where=_BEGUN,
        postgresql_include=begun,
    )
