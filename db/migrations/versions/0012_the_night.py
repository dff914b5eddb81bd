"""Deadlines and priorities, arrivals in watched places, quarantine, and tries that are excused.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VIDEO_STATES = ["waiting", "running", "finishing", "done", "partial", "failed"]
PERMANENT = ("undecodable", "empty-file", "not-a-video", "no-video-stream")
SEGMENT_STATES = ["waiting", "running", "done", "failed"]


def upgrade() -> None:
    with op.batch_alter_table("videos") as videos:
        videos.add_column(sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="1"))
        videos.add_column(sa.Column("deadline", sa.DateTime(timezone=True), nullable=True))
        videos.add_column(sa.Column("excused", sa.Integer(), nullable=False, server_default="0"))
        _check(videos, "videos", [*VIDEO_STATES, "quarantined", "rejected"])
    with op.batch_alter_table("segments") as segments:
        segments.add_column(sa.Column("excused", sa.Integer(), nullable=False, server_default="0"))
        _check(segments, "segments", [*SEGMENT_STATES, "quarantined"])
    with op.batch_alter_table("videos") as videos:
        videos.alter_column("priority", server_default=None, existing_type=sa.SmallInteger())
        videos.alter_column("excused", server_default=None, existing_type=sa.Integer())
    with op.batch_alter_table("segments") as segments:
        segments.alter_column("excused", server_default=None, existing_type=sa.Integer())
    op.add_column("sources", sa.Column("channel", sa.String(length=200), nullable=True))
    op.add_column("sources", sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "arrivals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("video_id", KEY, nullable=True),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("excused", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('growing', 'waiting', 'running', 'taken', 'refused')", name="ck_arrivals_state"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_arrivals_video_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint("place", name="uq_arrivals_place"),
    )
    for column in ("state", "video_id"):
        op.create_index(f"ix_arrivals_{column}", "arrivals", [column], unique=False)
    # A segment that is deleted takes its tries with it.
    op.create_index("ix_task_runs_segment_id", "task_runs", ["segment_id"], unique=False)
    _rename_causes()


def downgrade() -> None:
    op.drop_index("ix_task_runs_segment_id", table_name="task_runs")
    op.drop_table("arrivals")
    op.drop_column("sources", "recorded_at")
    op.drop_column("sources", "channel")
    op.execute("UPDATE videos SET state = 'rejected' WHERE state = 'quarantined' AND time_base_num IS NULL")
    op.execute("UPDATE videos SET state = 'failed' WHERE state = 'quarantined'")
    op.execute("UPDATE segments SET state = 'failed' WHERE state = 'quarantined'")
    with op.batch_alter_table("segments") as segments:
        _check(segments, "segments", SEGMENT_STATES)
        segments.drop_column("excused")
    with op.batch_alter_table("videos") as videos:
        _check(videos, "videos", [*VIDEO_STATES, "rejected"])
        for column in ("excused", "deadline", "priority"):
            videos.drop_column(column)


def _check(changed: BatchOperations, table: str, states: list[str]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    changed.drop_constraint(f"ck_{table}_state", type_="check")
    changed.create_check_constraint(f"ck_{table}_state", f"state IN ({listed})")


def _rename_causes() -> None:
    """What used to be failed for a cause that another try might have ended otherwise is in quarantine now."""
    for table in ("segments", "videos"):
        rows = sa.table(table, sa.column("state"), sa.column("cause"))
        temporary = (rows.c.state == "failed") & rows.c.cause.not_in(PERMANENT)
        op.execute(rows.update().where(temporary).values(state="quarantined"))
    videos = sa.table("videos", sa.column("state"), sa.column("cause"))
    lost = (videos.c.state == "rejected") & videos.c.cause.like("decoder-%")
    op.execute(videos.update().where(lost).values(state="quarantined"))
