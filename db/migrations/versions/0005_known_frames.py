"""Analysed frames by their hashes, to be found again in other videos.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXED = ("part_0", "part_1", "part_2", "part_3", "reused_from")


def upgrade() -> None:
    op.add_column("videos", sa.Column("finish_number", sa.BigInteger(), nullable=True))
    op.add_column("videos", sa.Column("horizon", sa.BigInteger(), nullable=True))
    op.create_index("ix_videos_finish_number", "videos", ["finish_number"], unique=True)
    op.add_column("segments", sa.Column("reused_samples", sa.Integer(), nullable=True))
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.bulk_insert(counters, [{"name": "finished", "value": 0}])
    op.create_table(
        "frames",
        sa.Column("id", KEY, nullable=False),
        sa.Column("segment_id", KEY, nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("pts", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("part_0", sa.SmallInteger(), nullable=False),
        sa.Column("part_1", sa.SmallInteger(), nullable=False),
        sa.Column("part_2", sa.SmallInteger(), nullable=False),
        sa.Column("part_3", sa.SmallInteger(), nullable=False),
        sa.Column("reused_from", KEY, nullable=True),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_frames_segment_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reused_from"], ["frames.id"], name="fk_frames_reused_from", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_frames"),
        sa.UniqueConstraint("segment_id", "sample", name="uq_frames_segment_id_sample"),
    )
    for column in INDEXED:
        op.create_index(f"ix_frames_{column}", "frames", [column], unique=False)
    op.create_table(
        "frame_pictures",
        sa.Column("frame_id", KEY, nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], name="fk_frame_pictures_frame_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("frame_id", name="pk_frame_pictures"),
    )


def downgrade() -> None:
    op.drop_table("frame_pictures")
    for column in reversed(INDEXED):
        op.drop_index(f"ix_frames_{column}", table_name="frames")
    op.drop_table("frames")
    op.drop_table("counters")
    op.drop_column("segments", "reused_samples")
    op.drop_index("ix_videos_finish_number", table_name="videos")
    op.drop_column("videos", "horizon")
    op.drop_column("videos", "finish_number")
