"""Crops in packs outside the ledger. Crops that are in the ledger stay there.

Going back forgets where crops lie that are in packs; their objects stay in the folder or bucket.

Revision ID: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "crop_packs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('writing', 'kept', 'dropped')", name="ck_crop_packs_state"),
        sa.PrimaryKeyConstraint("id", name="pk_crop_packs"),
        sa.UniqueConstraint("name", name="uq_crop_packs_name"),
    )
    unsettled = sa.text("state <> 'kept'")
    op.create_index(
        "ix_crop_packs_unsettled", "crop_packs", ["state"], sqlite_where=unsettled, postgresql_where=unsettled
    )
    op.create_table(
        "packed_crops",
        sa.Column("face_id", KEY, nullable=False),
        sa.Column("pack_id", KEY, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_packed_crops_face_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["pack_id"], ["crop_packs.id"], name="fk_packed_crops_pack_id"),
        sa.PrimaryKeyConstraint("face_id", name="pk_packed_crops"),
    )
    op.create_index("ix_packed_crops_pack_id", "packed_crops", ["pack_id"], unique=False)


def downgrade() -> None:
    op.drop_table("packed_crops")
    op.drop_table("crop_packs")
