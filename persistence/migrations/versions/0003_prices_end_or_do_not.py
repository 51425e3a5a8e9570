"""Prices begin and end at moments, or do not: no "infinity" stands for one."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A window that is open says so by null; one that lies wholly at an end of time never counts.
    op.execute(
        """
        UPDATE price_record SET
            valid_from = CASE
                WHEN valid_from = 'infinity' OR valid_until = '-infinity' THEN recorded_at
                WHEN isfinite(valid_from) THEN valid_from
            END,
            valid_until = CASE
                WHEN valid_from = 'infinity' OR valid_until = '-infinity' THEN recorded_at
                WHEN isfinite(valid_until) THEN valid_until
            END
        WHERE NOT (isfinite(valid_from) AND isfinite(valid_until))
        """
    )
    op.create_check_constraint(
        op.f("price_record_finite"), "price_record", "isfinite(valid_from) AND isfinite(valid_until)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("price_record_finite"), "price_record")
