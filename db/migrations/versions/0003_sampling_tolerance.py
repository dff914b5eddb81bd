"""How far a sample's frame may lie from its instant, and how many samples were key frames.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("videos", sa.Column("tolerance_ms", sa.Integer(), nullable=True))
    op.add_column("segments", sa.Column("key_samples", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("segments", "key_samples")
    op.drop_column("videos", "tolerance_ms")
