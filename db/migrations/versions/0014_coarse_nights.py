"""Samples that are left out where the night is too short for all of them, and looked at later.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COARSE = {"segments": "video_id", "sample_runs": "segment_id"}
"""Tables that get a stride, and the column by which rows with one are found."""


def upgrade() -> None:
    for table in _COARSE:
        op.add_column(table, sa.Column("stride", sa.SmallInteger(), nullable=False, server_default="1"))
        with op.batch_alter_table(table) as altered:
            altered.alter_column("stride", server_default=None, existing_type=sa.SmallInteger())
    op.add_column("videos", sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=True))
    coarse = sa.text("stride > 1")
    for table, column in _COARSE.items():
        op.create_index(f"ix_{table}_coarse", table, [column], sqlite_where=coarse, postgresql_where=coarse)


def downgrade() -> None:
    for table in _COARSE:
        op.drop_index(f"ix_{table}_coarse", table_name=table)
    with op.batch_alter_table("videos") as videos:
        videos.drop_column("refilled_at")
    for table in _COARSE:
        with op.batch_alter_table(table) as altered:
            altered.drop_column("stride")
