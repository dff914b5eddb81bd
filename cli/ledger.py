"""Opening the ledger for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from db.migrate import ensure_schema
from db.session import Database, open_database


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The ledger that the settings name, with its schema ready, closed at the end.

    Raises:
        DatabaseUnavailable: it cannot be reached, or a server's schema is of another version.
    """
    database = open_database(settings)
    try:
        ensure_schema(database)
        yield database
    finally:
        database.close()
