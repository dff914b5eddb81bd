"""Unknown people who are known again from video to video, and what somebody has said of a cluster.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LINKS = {"group_id": "face_groups", "confirmed_id": "identities", "unknown_id": "unknown_people"}
COUNTERS = ("unknown-people", "links")


def upgrade() -> None:
    op.create_table(
        "unknown_people",
        sa.Column("id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("identity_id", KEY, nullable=True),
        sa.Column("successor_id", KEY, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('open', 'ignored', 'named', 'joined')", name="ck_unknown_people_state"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_unknown_people_identity_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["unknown_people.id"], name="fk_unknown_people_successor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_unknown_people"),
        sa.UniqueConstraint("number", name="uq_unknown_people_number"),
    )
    for column in ("state", "identity_id", "successor_id"):
        op.create_index(f"ix_unknown_people_{column}", "unknown_people", [column], unique=False)
    with op.batch_alter_table("clusters") as clusters:
        clusters.add_column(sa.Column("variance", sa.Float(), nullable=False, server_default="0"))
        for column, table in LINKS.items():
            clusters.add_column(sa.Column(column, KEY, nullable=True))
            clusters.create_foreign_key(f"fk_clusters_{column}", table, [column], ["id"], ondelete="SET NULL")
            clusters.create_index(f"ix_clusters_{column}", [column], unique=False)
    with op.batch_alter_table("face_groups") as groups:
        groups.add_column(sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.false()))
        groups.add_column(sa.Column("rival_id", KEY, nullable=True))
        groups.create_foreign_key(
            "fk_face_groups_rival_id", "unknown_people", ["rival_id"], ["id"], ondelete="SET NULL"
        )  # fmt: skip
        groups.create_index("ix_face_groups_rival_id", ["rival_id"], unique=False)
    with op.batch_alter_table("clusters") as clusters:
        clusters.alter_column("variance", server_default=None, existing_type=sa.Float())
    with op.batch_alter_table("face_groups") as groups:
        groups.alter_column("confirmed", server_default=None, existing_type=sa.Boolean())
    op.create_table(
        "rivals",
        sa.Column("unknown_id", KEY, nullable=False),
        sa.Column("space_id", KEY, nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["unknown_id"], ["unknown_people.id"], name="fk_rivals_unknown_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["space_id"], ["embedding_spaces.id"], name="fk_rivals_space_id"),
        sa.PrimaryKeyConstraint("unknown_id", "space_id", name="pk_rivals"),
    )
    op.create_index("ix_rivals_space_id", "rivals", ["space_id"], unique=False)
    op.add_column("embedding_spaces", sa.Column("rivals_of", sa.String(length=80), nullable=True))
    op.bulk_insert(
        sa.table("counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger)),
        [{"name": name, "value": 0} for name in COUNTERS],
    )
    # Which group a cluster became is not known of what was written before: grouping it anew tells.
    op.execute("UPDATE videos SET matched_version = NULL")


def downgrade() -> None:
    for name in COUNTERS:
        op.execute(sa.text("DELETE FROM counters WHERE name = :name").bindparams(name=name))
    op.drop_column("embedding_spaces", "rivals_of")
    op.drop_table("rivals")
    with op.batch_alter_table("face_groups") as groups:
        groups.drop_index("ix_face_groups_rival_id")
        groups.drop_constraint("fk_face_groups_rival_id", type_="foreignkey")
        groups.drop_column("rival_id")
        groups.drop_column("confirmed")
    with op.batch_alter_table("clusters") as clusters:
        clusters.drop_column("variance")
        for column in reversed(LINKS):
            clusters.drop_index(f"ix_clusters_{column}")
            clusters.drop_constraint(f"fk_clusters_{column}", type_="foreignkey")
            clusters.drop_column(column)
    op.drop_table("unknown_people")
