"""Work that belongs to no video, an index of what is left to be linked, and when files were last written.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    chores = op.create_table(
        "chores",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("lease_owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_chores"),
    )
    op.bulk_insert(chores, [{"name": "linking"}, {"name": "matching"}])
    op.add_column("videos", sa.Column("modified_ns", sa.BigInteger(), nullable=True))
    unlinked = sa.text("unknown_id IS NULL AND decision = 'unknown'")
    op.create_index("ix_clusters_unlinked", "clusters", ["video_id"], sqlite_where=unlinked, postgresql_where=unlinked)


def downgrade() -> None:
    op.drop_index("ix_clusters_unlinked", table_name="clusters")
    with op.batch_alter_table("videos") as videos:
        videos.drop_column("modified_ns")
    op.drop_table("chores")
