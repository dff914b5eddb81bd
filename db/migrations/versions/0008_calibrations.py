"""Calibrations, their cohorts, and groups of faces that a reviewer is asked about.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
GROUPS = ("confidence", "first_score", "second_score")


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("space_id", KEY, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("gallery_version", "identities", "photographs", "strangers", "unknown", "clusters")
        ),
        *(
            sa.Column(name, sa.Float(), nullable=False)
            for name in ("fpir", "review_fpir", "limit", "review_limit", "fpir_low", "fpir_high")
        ),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("missed", "missed_low", "missed_high")),
        sa.Column("missed_people", sa.Integer(), nullable=False),
        sa.Column("slope", sa.Float(), nullable=False),
        sa.Column("intercept", sa.Float(), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_calibrations_space_id"),
        sa.PrimaryKeyConstraint("id", name="pk_calibrations"),
    )
    op.create_index("ix_calibrations_space_id", "calibrations", ["space_id"], unique=False)
    op.create_table(
        "cohort_members",
        sa.Column("id", KEY, nullable=False),
        sa.Column("calibration_id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calibration_id"], ["calibrations.id"], name="fk_cohort_members_calibration_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_cohort_members_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_cohort_members"),
    )
    for column in ("calibration_id", "video_id"):
        op.create_index(f"ix_cohort_members_{column}", "cohort_members", [column], unique=False)
    with op.batch_alter_table("embedding_spaces") as spaces:
        spaces.add_column(sa.Column("calibration_id", KEY, nullable=True))
        spaces.create_foreign_key(
            "fk_embedding_spaces_calibration_id", "calibrations", ["calibration_id"], ["id"]
        )  # fmt: skip
    with op.batch_alter_table("face_groups") as groups:
        for name in GROUPS:
            groups.add_column(sa.Column(name, sa.Float(), nullable=True))
        groups.drop_constraint("ck_face_groups_decision", type_="check")
        groups.create_check_constraint("ck_face_groups_decision", "decision IN ('named', 'review', 'unknown')")
    # What was decided by distance until now had no other score.
    op.execute("UPDATE face_groups SET first_score = first_distance, second_score = second_distance")
    with op.batch_alter_table("clusters") as clusters:
        clusters.add_column(sa.Column("decision", sa.String(length=16), nullable=False, server_default="unknown"))
        clusters.create_check_constraint("ck_clusters_decision", "decision IN ('named', 'review', 'unknown')")
    op.execute("UPDATE clusters SET decision = 'named' WHERE identity_id IS NOT NULL")
    with op.batch_alter_table("clusters") as clusters:
        clusters.alter_column("decision", server_default=None, existing_type=sa.String(length=16))
    op.add_column("videos", sa.Column("matched_rule", sa.String(length=200), nullable=True))
    # Some that were unknown are now for a reviewer.
    op.execute("UPDATE videos SET matched_version = NULL")


def downgrade() -> None:
    op.drop_column("videos", "matched_rule")
    with op.batch_alter_table("clusters") as clusters:
        clusters.drop_constraint("ck_clusters_decision", type_="check")
        clusters.drop_column("decision")
    op.execute("UPDATE face_groups SET decision = 'unknown' WHERE decision = 'review'")
    with op.batch_alter_table("face_groups") as groups:
        groups.drop_constraint("ck_face_groups_decision", type_="check")
        groups.create_check_constraint("ck_face_groups_decision", "decision IN ('named', 'unknown')")
        for name in reversed(GROUPS):
            groups.drop_column(name)
    with op.batch_alter_table("embedding_spaces") as spaces:
        spaces.drop_constraint("fk_embedding_spaces_calibration_id", type_="foreignkey")
        spaces.drop_column("calibration_id")
    op.drop_table("cohort_members")
    op.drop_table("calibrations")
