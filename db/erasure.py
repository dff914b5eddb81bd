"""Making what was deleted unreadable: personal data must not outlive its erasure in files of the database or others."""

from db import gallery_folder
from db.session import Database


def settle(database: Database) -> bool:
    """Take erased faces out of files; call it after the commit.

    This machine's copies of galleries are deleted: processes that search one keep it until they next ask for the
    gallery. SQLite's write-ahead log, which still holds pages from before the deletion, is emptied. PostgreSQL reclaims
    deleted rows by its own vacuum, and its log by its own checkpoints; nothing is done there.

    Returns:
        Whether it is done. False when another process is reading or writing: the log is emptied once it has let go.

    Raises:
        LedgerError: a copy of a gallery cannot be deleted.
    """
    try:
        if database.galleries is not None:
            gallery_folder.delete_all(database.galleries)
    finally:
        emptied = not database.is_sqlite or _empty_log(database)
    return emptied


def _empty_log(database: Database) -> bool:
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, _, _) = cursor.fetchone() or (1, 0, 0)
        cursor.close()
        return not busy
    finally:
        connection.close()
