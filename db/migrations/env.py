"""Runs the migrations over the connection that `db.migrate` opened."""

from alembic import context

from db.schema import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter a table in place: later migrations copy it.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
# The transaction is the caller's: a schema changes whole or not at all.
context.run_migrations()
