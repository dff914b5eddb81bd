"""Inserting what may be there already: both databases can, each by a statement of its own."""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.schema import Base


def insert_into(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
