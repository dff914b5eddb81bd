"""Lets the database itself note every move from state to state, whoever makes it."""

from collections.abc import Iterable

import sqlalchemy as sa

from db.schema import Base
from db.session import Database
from db.states import NEW, Moves

_WATCHED = ("videos", "segments", "arrivals")


def watch(database: Database) -> None:
    """Begin to note moves."""
    with database.writing() as session:
        session.execute(sa.text("CREATE TABLE state_moves (name TEXT, was TEXT, became TEXT)"))
        if not database.is_sqlite:
            session.execute(
                sa.text(
                    "CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    " INSERT INTO state_moves VALUES (TG_TABLE_NAME,"
                    " CASE WHEN TG_OP = 'INSERT' THEN 'new' ELSE OLD.state END, NEW.state); RETURN NULL; END $$"
                )
            )
        for table in _WATCHED:
            assert "state" in Base.metadata.tables[table].columns
            for statement in _triggers(table, sqlite=database.is_sqlite):
                session.execute(sa.text(statement))


def _triggers(table: str, *, sqlite: bool) -> Iterable[str]:
    if not sqlite:
        yield f"CREATE TRIGGER moves AFTER INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION note_move()"
        return
    begin = f"BEGIN INSERT INTO state_moves VALUES ('{table}'"
    yield f"CREATE TRIGGER {table}_begin AFTER INSERT ON {table} {begin}, '{NEW}', new.state); END"
    yield f"CREATE TRIGGER {table}_move AFTER UPDATE ON {table} {begin}, old.state, new.state); END"


def made(database: Database, table: str) -> set[tuple[str, str]]:
    """The moves of a table's rows that were made so far."""
    with database.reading() as session:
        rows = session.execute(
            sa.text("SELECT DISTINCT was, became FROM state_moves WHERE name = :name AND was <> became"),
            {"name": table},
        )
        return {(was, became) for was, became in rows}


def declared(moves: Moves) -> set[tuple[str, str]]:
    """All moves that there are."""
    return {(str(was), str(became)) for was, ends in moves.items() for became in ends}
