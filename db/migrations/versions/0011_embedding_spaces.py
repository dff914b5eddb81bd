"""Faces in other embedding spaces than the one they were found in, and crops of enrolled faces.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWNERS = {"face_embeddings": "faces", "enrolled_embeddings": "enrolled_faces"}


def upgrade() -> None:
    for table, faces in OWNERS.items():
        op.create_table(
            table,
            sa.Column("face_id", KEY, nullable=False),
            sa.Column("space_id", KEY, nullable=False),
            sa.Column("embedding", sa.LargeBinary(), nullable=True),
            sa.ForeignKeyConstraint(["face_id"], [f"{faces}.id"], name=f"fk_{table}_face_id", ondelete="CASCADE"),
            sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name=f"fk_{table}_space_id"),
            sa.PrimaryKeyConstraint("face_id", "space_id", name=f"pk_{table}"),
        )
        unusable = sa.text("embedding IS NULL")
        op.create_index(
            f"ix_{table}_unusable", table, ["space_id"], sqlite_where=unusable, postgresql_where=unusable
        )  # fmt: skip
    op.create_table(
        "enrolled_crops",
        sa.Column("face_id", KEY, nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.Column("landmarks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["face_id"], ["enrolled_faces.id"], name="fk_enrolled_crops_face_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("face_id", name="pk_enrolled_crops"),
    )
    op.create_table(
        "reembeddings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("space_id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=True),
        sa.Column("finish_number", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_reembeddings_space_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_reembeddings_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reembeddings"),
        sa.UniqueConstraint("space_id", "video_id", name="uq_reembeddings_space_id_video_id"),
    )
    op.create_index("ix_reembeddings_video_id", "reembeddings", ["video_id"], unique=False)
    # Of rows without a video the constraint allows any number.
    none = sa.text("video_id IS NULL")
    op.create_index(
        "ix_reembeddings_gallery", "reembeddings", ["space_id"], unique=True, sqlite_where=none, postgresql_where=none
    )


def downgrade() -> None:
    for table in ("reembeddings", "enrolled_crops", *OWNERS):
        op.drop_table(table)
