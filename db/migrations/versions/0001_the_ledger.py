"""The ledger: videos, segments, faces, groups, appearances, identities.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts rows by itself only for a column of type INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Faces and groups refer to each other. SQLite takes a reference to a table that is still to come, and cannot add
    # one later; PostgreSQL is the other way round.
    inline = op.get_bind().dialect.name == "sqlite"
    best_face = (
        [
            sa.ForeignKeyConstraint(
                ["best_face_id"], ["faces.id"], name="fk_face_groups_best_face_id", ondelete="SET NULL"
            )
        ]
        if inline
        else []
    )
    op.create_table(
        "embedding_spaces",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("gallery_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_embedding_spaces"),
        sa.UniqueConstraint("name", name="uq_embedding_spaces_name"),
    )
    op.create_table(
        "identities",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("name_key", name="uq_identities_name_key"),
    )
    op.create_table(
        "enrolled_faces",
        sa.Column("id", KEY, nullable=False),
        sa.Column("identity_id", KEY, nullable=False),
        sa.Column("photograph", sa.Text(), nullable=False),
        sa.Column("photograph_hash", sa.String(length=64), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("bottom", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("sharpness", sa.Float(), nullable=False),
        sa.Column("size", sa.Float(), nullable=False),
        sa.Column("pose", sa.Float(), nullable=False),
        sa.Column("space_id", KEY, nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_enrolled_faces_identity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_enrolled_faces_space_id"),
        sa.PrimaryKeyConstraint("id", name="pk_enrolled_faces"),
        sa.UniqueConstraint("photograph_hash", "space_id", name="uq_enrolled_faces_photograph_hash_space_id"),
    )
    op.create_index("ix_enrolled_faces_identity_id", "enrolled_faces", ["identity_id"], unique=False)
    op.create_table(
        "videos",
        sa.Column("id", KEY, nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("container", sa.String(length=80), nullable=True),
        sa.Column("codec", sa.String(length=40), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("rotation", sa.Integer(), nullable=True),
        sa.Column("time_base_num", sa.Integer(), nullable=True),
        sa.Column("time_base_den", sa.Integer(), nullable=True),
        sa.Column("origin_pts", sa.BigInteger(), nullable=True),
        sa.Column("duration_pts", sa.BigInteger(), nullable=True),
        sa.Column("interval_ms", sa.Integer(), nullable=True),
        sa.Column("detector", sa.String(length=80), nullable=True),
        sa.Column("space_id", KEY, nullable=True),
        sa.Column("gallery_version", sa.Integer(), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'finishing', 'done', 'partial', 'failed', 'rejected')",
            name="ck_videos_state",
        ),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_videos_space_id"),
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
        sa.UniqueConstraint("content_hash", name="uq_videos_content_hash"),
    )
    op.create_index("ix_videos_state", "videos", ["state"], unique=False)
    op.create_table(
        "face_groups",
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("identity_id", KEY, nullable=True),
        sa.Column("first_id", KEY, nullable=True),
        sa.Column("first_distance", sa.Float(), nullable=True),
        sa.Column("second_id", KEY, nullable=True),
        sa.Column("second_distance", sa.Float(), nullable=True),
        sa.Column("face_count", sa.Integer(), nullable=False),
        sa.Column("best_face_id", KEY, nullable=True),
        sa.CheckConstraint("decision IN ('named', 'unknown')", name="ck_face_groups_decision"),
        *best_face,
        sa.ForeignKeyConstraint(["first_id"], ["identities.id"], name="fk_face_groups_first_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_face_groups_identity_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["second_id"], ["identities.id"], name="fk_face_groups_second_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_face_groups_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_face_groups"),
        sa.UniqueConstraint("video_id", "number", name="uq_face_groups_video_id_number"),
    )
    op.create_index("ix_face_groups_best_face_id", "face_groups", ["best_face_id"], unique=False)
    op.create_index("ix_face_groups_identity_id", "face_groups", ["identity_id"], unique=False)
    op.create_table(
        "segments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_sample", sa.Integer(), nullable=False),
        sa.Column("end_sample", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="ck_segments_state"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_segments_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("video_id", "number", name="uq_segments_video_id_number"),
    )
    op.create_index("ix_segments_state", "segments", ["state"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_sources_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("video_id", "path", name="uq_sources_video_id_path"),
    )
    op.create_table(
        "faces",
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("segment_id", KEY, nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("pts", sa.BigInteger(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("bottom", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("sharpness", sa.Float(), nullable=False),
        sa.Column("size", sa.Float(), nullable=False),
        sa.Column("pose", sa.Float(), nullable=False),
        sa.Column("landmarks", sa.LargeBinary(), nullable=False),
        sa.Column("space_id", KEY, nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("group_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["face_groups.id"], name="fk_faces_group_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_faces_segment_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_faces_space_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_faces_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_faces"),
    )
    op.create_index("ix_faces_group_id", "faces", ["group_id"], unique=False)
    op.create_index("ix_faces_segment_id", "faces", ["segment_id"], unique=False)
    op.create_index("ix_faces_video_id_sample", "faces", ["video_id", "sample"], unique=False)
    op.create_table(
        "sample_runs",
        sa.Column("segment_id", KEY, nullable=False),
        sa.Column("first_sample", sa.Integer(), nullable=False),
        sa.Column("end_sample", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("first_pts", sa.BigInteger(), nullable=True),
        sa.Column("last_pts", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("outcome IN ('analysed', 'carried', 'flat', 'undecodable')", name="ck_sample_runs_outcome"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_sample_runs_segment_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id", "first_sample", name="pk_sample_runs"),
    )
    op.create_table(
        "task_runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("segment_id", KEY, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("cpu_seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_task_runs_segment_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_task_runs_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_task_runs"),
    )
    op.create_index("ix_task_runs_video_id", "task_runs", ["video_id"], unique=False)
    op.create_table(
        "appearances",
        sa.Column("id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("start_pts", sa.BigInteger(), nullable=False),
        sa.Column("end_pts", sa.BigInteger(), nullable=False),
        sa.Column("face_count", sa.Integer(), nullable=False),
        sa.Column("best_face_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["best_face_id"], ["faces.id"], name="fk_appearances_best_face_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["group_id"], ["face_groups.id"], name="fk_appearances_group_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_appearances"),
    )
    op.create_index("ix_appearances_best_face_id", "appearances", ["best_face_id"], unique=False)
    op.create_index("ix_appearances_group_id", "appearances", ["group_id"], unique=False)
    op.create_table(
        "face_crops",
        sa.Column("face_id", KEY, nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_face_crops_face_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face_id", name="pk_face_crops"),
    )
    if not inline:
        op.create_foreign_key(
            "fk_face_groups_best_face_id", "face_groups", "faces", ["best_face_id"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("fk_face_groups_best_face_id", "face_groups", type_="foreignkey")
    op.drop_table("face_crops")
    op.drop_index("ix_appearances_group_id", table_name="appearances")
    op.drop_index("ix_appearances_best_face_id", table_name="appearances")
    op.drop_table("appearances")
    op.drop_index("ix_task_runs_video_id", table_name="task_runs")
    op.drop_table("task_runs")
    op.drop_table("sample_runs")
    op.drop_index("ix_faces_video_id_sample", table_name="faces")
    op.drop_index("ix_faces_segment_id", table_name="faces")
    op.drop_index("ix_faces_group_id", table_name="faces")
    op.drop_table("faces")
    op.drop_table("sources")
    op.drop_index("ix_segments_state", table_name="segments")
    op.drop_table("segments")
    op.drop_index("ix_face_groups_identity_id", table_name="face_groups")
    op.drop_index("ix_face_groups_best_face_id", table_name="face_groups")
    op.drop_table("face_groups")
    op.drop_index("ix_videos_state", table_name="videos")
    op.drop_table("videos")
    op.drop_index("ix_enrolled_faces_identity_id", table_name="enrolled_faces")
    op.drop_table("enrolled_faces")
    op.drop_table("identities")
    op.drop_table("embedding_spaces")
