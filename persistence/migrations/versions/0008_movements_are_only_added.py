"""Stock movements are only ever added."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE ON stock_movement
        FOR EACH STATEMENT EXECUTE FUNCTION append_only()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER stock_movement_append_only ON stock_movement")
    op.execute("DROP FUNCTION append_only")
