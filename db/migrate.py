"""Bringing the ledger's schema to the version that this program speaks."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from config.errors import DatabaseUnavailable
from db.session import Database

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA_VERSION = "0016"
"""The newest migration; a test holds it to the scripts."""

# Any number, the same in every process of ours: PostgreSQL lets one migration run at a time.
_MIGRATION_LOCK = 7_207_655


def ensure_schema(database: Database) -> None:
    """Make an embedded ledger ready for use; check that a served one is.

    Raises:
        DatabaseUnavailable: a served ledger has another version: changing it is the operator's decision.
    """
    found = current_version(database)
    if found == SCHEMA_VERSION:
        return
    if database.is_sqlite:
        upgrade(database)
        return
    raise DatabaseUnavailable(
        database.engine.url.render_as_string(hide_password=True),
        f"has schema version {found or 'none'}, this program needs {SCHEMA_VERSION}",
        "run `rollcall migrate`",
    )


def current_version(database: Database) -> str | None:
    """The schema's version, None in an empty database.

    Raises:
        DatabaseUnavailable: it cannot be reached.
    """
    try:
        with database.engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            return version
    except (DBAPIError, sqlite3.DatabaseError) as error:
        raise database.unavailable(error) or error from error


def upgrade(database: Database, version: str = "head") -> None:
    """Bring the schema up to a version, in one transaction. Several processes may call it at once.

    Raises:
        DatabaseUnavailable: the schema is newer than this program.
    """
    from alembic import command  # noqa: PLC0415  a quarter of a second that only a migration needs to spend

    with _alembic(database) as settings:
        command.upgrade(settings, version)


def downgrade(database: Database, version: str) -> None:
    """Take the schema back to an older version (`base` is empty), losing what only the newer one can hold."""
    from alembic import command  # noqa: PLC0415  as above

    with _alembic(database) as settings:
        command.downgrade(settings, version)


@contextmanager
def _alembic(database: Database) -> Iterator["Config"]:
    from alembic.config import Config  # noqa: PLC0415  as above
    from alembic.util.exc import CommandError  # noqa: PLC0415

    settings = Config()
    settings.set_main_option("script_location", "db:migrations")
    try:
        with _changing(database) as connection, connection.begin():
            if not database.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            settings.attributes["connection"] = connection
            yield settings
            _check_references(database, connection)
    except CommandError as error:
        raise DatabaseUnavailable(
            database.engine.url.render_as_string(hide_password=True),
            f"its schema cannot be changed: {error}",
            "use the version of Rollcall that wrote it, or a newer one",
        ) from error
    except (DBAPIError, sqlite3.DatabaseError) as error:
        raise database.unavailable(error) or error from error


@contextmanager
def _changing(database: Database) -> Iterator[sa.Connection]:
    """A connection on which a table may be replaced by a changed copy of itself, as SQLite's have to be.

    Rows that refer to the table would be deleted with the old one; SQLite heeds this outside transactions only.
    """
    with database.engine.execution_options(writes=True).connect() as connection:
        if not database.is_sqlite:
            yield connection
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _check_references(database: Database, connection: sa.Connection) -> None:
    if database.is_sqlite and connection.execute(sa.text("PRAGMA foreign_key_check")).first() is not None:
        raise sqlite3.IntegrityError("rows refer to others that are not there")
