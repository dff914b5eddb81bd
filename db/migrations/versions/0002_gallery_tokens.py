"""A token that names one state of a gallery for good.

Revision ID: 0002
"""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite adds no column without a default to rows that are there; every row is given its own token at once.
    op.add_column(
        "embedding_spaces", sa.Column("gallery_token", sa.String(length=32), server_default="", nullable=False)
    )
    spaces = sa.table("embedding_spaces", sa.column("id"), sa.column("gallery_token"))
    for (space_id,) in op.get_bind().execute(sa.select(spaces.c.id)).all():
        op.execute(spaces.update().where(spaces.c.id == space_id).values(gallery_token=uuid4().hex))


def downgrade() -> None:
    op.drop_column("embedding_spaces", "gallery_token")
