"""Faces have an exposure and a certainty, and groups without a recognisable face a decision of their own.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PARTS = [(faces, part) for faces in ("faces", "enrolled_faces") for part in ("exposure", "certainty")]
DECIDED = ("face_groups", "clusters")
BEFORE = "decision IN ('named', 'review', 'unknown')"
NOW = "decision IN ('named', 'review', 'unknown', 'unrecognisable')"


def upgrade() -> None:
    for faces, part in PARTS:
        # None where it was not measured.
        op.add_column(faces, sa.Column(part, sa.Float(), nullable=True))
    _check(NOW)


def downgrade() -> None:
    op.execute("UPDATE face_groups SET decision = 'unknown' WHERE decision = 'unrecognisable'")
    op.execute("UPDATE clusters SET decision = 'unknown' WHERE decision = 'unrecognisable'")
    _check(BEFORE)
    for faces, part in reversed(PARTS):
        op.drop_column(faces, part)


def _check(condition: str) -> None:
    for table in DECIDED:
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(f"ck_{table}_decision", type_="check")
            changed.create_check_constraint(f"ck_{table}_decision", condition)
