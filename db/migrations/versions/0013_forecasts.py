"""Forecasts and what became of them; ends of videos are found by time.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "forecasts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("horizon", MOMENT, nullable=True),
        sa.Column("last_video_id", sa.BigInteger(), nullable=False),
        sa.Column("videos", sa.Integer(), nullable=False),
        sa.Column("video_seconds", sa.Float(), nullable=False),
        sa.Column("work_seconds", sa.Float(), nullable=False),
        sa.Column("processes", sa.Integer(), nullable=False),
        sa.Column("median_at", MOMENT, nullable=False),
        sa.Column("low_80_at", MOMENT, nullable=False),
        sa.Column("high_80_at", MOMENT, nullable=False),
        sa.Column("low_95_at", MOMENT, nullable=False),
        sa.Column("high_95_at", MOMENT, nullable=False),
        sa.Column("stretch", sa.Float(), nullable=False),
        sa.Column("on_time", sa.Float(), nullable=False),
        sa.Column("at_risk", sa.Integer(), nullable=False),
        sa.Column("emptied_at", MOMENT, nullable=True),
        sa.Column("late", sa.Integer(), nullable=True),
        sa.Column("overtaken", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_forecasts"),
    )
    for column in ("made_at", "emptied_at"):
        op.create_index(f"ix_forecasts_{column}", "forecasts", [column], unique=False)
    op.create_index("ix_videos_ended_at", "videos", ["ended_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_videos_ended_at", table_name="videos")
    op.drop_table("forecasts")
