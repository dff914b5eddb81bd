"""What the gallery was asked about each video, so that it can be asked again without looking at the video.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("videos", sa.Column("matched_version", sa.Integer(), nullable=True))
    op.create_table(
        "clusters",
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.Column("identity_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_clusters_video_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_clusters_identity_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
        sa.UniqueConstraint("video_id", "number", name="uq_clusters_video_id_number"),
    )
    op.create_index("ix_clusters_identity_id", "clusters", ["identity_id"], unique=False)


def downgrade() -> None:
    op.drop_table("clusters")
    op.drop_column("videos", "matched_version")
