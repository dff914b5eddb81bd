"""Where the clock of a transport stream jumps.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("videos", sa.Column("clock_pieces", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("videos", "clock_pieces")
