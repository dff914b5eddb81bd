"""Making what was deleted unreadable: personal data must not outlive its erasure inside the database's own files."""

from db.session import Database


def settle(database: Database) -> bool:
    """Empty SQLite's write-ahead log, which still holds pages from before a deletion; call it after the commit.

    PostgreSQL reclaims deleted rows by its own vacuum, and its log by its own checkpoints; nothing is done there.

    Returns:
        Whether it is done. False when another process is reading or writing: the log is emptied once it has let go.
    """
    if not database.is_sqlite:
        return True
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, _, _) = cursor.fetchone() or (1, 0, 0)
        cursor.close()
        return not busy
    finally:
        connection.close()
