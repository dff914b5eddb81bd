"""Between which frames people come and leave: looked at frame by frame, kept by face, shown with each appearance.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("appearances", sa.Column("unseen_before_pts", sa.BigInteger(), nullable=True))
    op.add_column("appearances", sa.Column("unseen_after_pts", sa.BigInteger(), nullable=True))
    op.create_table(
        "borders",
        sa.Column("face_id", KEY, nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("segment_id", KEY, nullable=False),
        sa.Column("witnesses", sa.Text(), nullable=False),
        sa.Column("seen_pts", sa.BigInteger(), nullable=False),
        sa.Column("unseen_pts", sa.BigInteger(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(40), nullable=True),
        sa.CheckConstraint("side IN ('start', 'end')", name="ck_borders_side"),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_borders_face_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_borders_segment_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face_id", "side", name="pk_borders"),
    )
    op.create_index("ix_borders_segment_id", "borders", ["segment_id"], unique=False)


def downgrade() -> None:
    op.drop_table("borders")
    op.drop_column("appearances", "unseen_after_pts")
    op.drop_column("appearances", "unseen_before_pts")
