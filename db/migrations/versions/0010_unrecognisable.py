"""Faces have an exposure, and groups without a recognisable face a decision of their own.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

DECIDED = ("face_groups", "clusters")
BEFORE = "decision IN ('named', 'review', 'unknown')"
NOW = "decision IN ('named', 'review', 'unknown', 'unrecognisable')"


def upgrade() -> None:
    for faces in ("faces", "enrolled_faces"):
        # None where it was not measured.
        op.add_column(faces, sa.Column("exposure", sa.Float(), nullable=True))
    _check(NOW)


def downgrade() -> None:
    for table in DECIDED:
        op.execute(f"UPDATE {table} SET decision = 'unknown' WHERE decision = 'unrecognisable'")
    _check(BEFORE)
    for faces in ("faces", "enrolled_faces"):
        op.drop_column(faces, "exposure")


def _check(condition: str) -> None:
    for table in DECIDED:
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(f"ck_{table}_decision", type_="check")
            changed.create_check_constraint(f"ck_{table}_decision", condition)
