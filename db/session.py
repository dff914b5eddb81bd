"""Opening the ledger: one `Database` per process, a session per piece of work.

SQLite runs in WAL mode, checks foreign keys, and overwrites what is deleted (an embedding must not survive its
erasure). Its writers say so when they begin: two readers that both decide to write would otherwise fail at once
instead of waiting for each other.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from config.errors import Conflict, DatabaseUnavailable, SettingsError
from config.settings import Settings

__all__ = ["Database", "Session", "open_database"]


class Database:
    """A ledger that can be read and written. Opening it connects to nothing; `close()` gives connections back.

    Args:
        url: SQLAlchemy address, `sqlite:///…` or `postgresql+psycopg://…`.
        lock_timeout: seconds that a writer waits for another writer of the same SQLite file.
        galleries: folder of this machine for the files of `db.gallery_files`; None where none are kept.
    """

    def __init__(self, url: str, lock_timeout: float = 30.0, galleries: Path | None = None) -> None:
        self.url = _with_driver(url)
        self.galleries = galleries
        # Parameters hold embeddings and names: no message may.
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, hide_parameters=True, connect_args={"timeout": lock_timeout})
            _prepare_sqlite(self.engine, lock_timeout)
        else:
            self.engine = sa.create_engine(self.url, hide_parameters=True, pool_pre_ping=True, connect_args=_CLIENT)
            _leave_who_cannot_write(self.engine)
            _ask_whether_we_live(self.engine)
        # PostgreSQL would give each statement a state of its own; SQLite gives a transaction one in any case.
        self._reading_engine = (
            self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._writing_engine = self.engine.execution_options(writes=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether the ledger is one file on this machine."""
        return self.url.startswith("sqlite")

    @property
    def key(self) -> str:
        """16 hexadecimal digits that tell this ledger from others: of its address without the password."""
        url = self.engine.url
        database = str(Path(url.database).resolve()) if self.is_sqlite and url.database else url.database
        query = {name: value for name, value in url.query.items() if "password" not in name}
        url = sa.URL.create(url.drivername, url.username, None, url.host, url.port, database, query)
        return sha256(url.render_as_string().encode()).hexdigest()[:16]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and is rolled back at the end."""
        with self._told(), Session(self._reading_engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back when an exception leaves it.

        Rows read in it can be looked at afterwards.
        """
        with self._told(), Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a driver says into errors that say what to do."""
        try:
            yield
        except IntegrityError as error:
            raise Conflict("the ledger", _first_line(error.orig), "try again") from error
        except (DBAPIError, sqlite3.DatabaseError) as error:
            told = self.unavailable(error)
            if told is None:
                raise
            raise told from error

    def unavailable(self, error: Exception) -> DatabaseUnavailable | None:
        """What a driver's error says to people; None if it is a fault of ours instead."""
        subject = self.engine.url.render_as_string(hide_password=True)
        # What a listener to connections raises is not wrapped.
        driver = error.orig if isinstance(error, DBAPIError) else error
        what = _first_line(driver)
        if any(word in what for word in _DAMAGED):
            return DatabaseUnavailable(subject, what, "put a backup in its place, or name another database.url")
        if "does not exist" in what or "no such table" in what:
            return DatabaseUnavailable(subject, what, "run `rollcall migrate`")
        gone = isinstance(error, DBAPIError) and error.connection_invalidated
        if isinstance(error, OperationalError) or isinstance(driver, sqlite3.OperationalError) or gone:
            return DatabaseUnavailable(subject, what, "check database.url, and that it can be reached and written")
        return None


_READ_ONLY = "25006"
"""PostgreSQL's code for what is written where only reading is allowed: to its driver that is no error of operation."""


def _leave_who_cannot_write(engine: sa.Engine) -> None:
    """Take a server that lets nobody write for one that is gone: another one may have taken its place by now."""

    @event.listens_for(engine, "handle_error")
    def judge(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
            context.is_disconnect = True


# A network that is cut says nothing: whoever waits for an answer asks after 15 s of silence, and gives up 20 s later.
_SILENCE, _AGAIN, _TIMES = 15, 5, 4
_UNHEARD = 1000 * (_SILENCE + _AGAIN * _TIMES)
"""Milliseconds after which what was sent and not acknowledged counts as lost."""
_CLIENT = {
    "connect_timeout": 10,
    "keepalives_idle": _SILENCE,
    "keepalives_interval": _AGAIN,
    "keepalives_count": _TIMES,
    "tcp_user_timeout": _UNHEARD,
}


def _ask_whether_we_live(engine: sa.Engine) -> None:
    """Let the server do the same: the locks of a machine that is cut off must not hold up the others for hours."""

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        for name, value in (
            ("tcp_keepalives_idle", _SILENCE),
            ("tcp_keepalives_interval", _AGAIN),
            ("tcp_keepalives_count", _TIMES),
            ("tcp_user_timeout", _UNHEARD),
        ):
            cursor.execute(f"SET SESSION {name} = {value}")
        cursor.close()
        # Else a rollback would take it back.
        connection.commit()


_LASTING = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL}
"""What no other process will end that has the same file open."""
_DAMAGED = ("not a database", "malformed")


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["the driver does not say why"])[0]


def open_database(settings: Settings) -> Database:
    """The ledger that the settings name; the folder of an embedded one is made.

    Raises:
        SettingsError: that folder cannot be made.
    """
    database = Database(settings.database_url, settings.database.lock_timeout, settings.home / "galleries")
    if database.is_sqlite and database.engine.url.database:
        folder = Path(database.engine.url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                str(folder), f"cannot be made: {error.strerror}", "set home to a folder of yours"
            ) from None
    return database


def _with_driver(url: str) -> str:
    """`postgresql://` as servers and services print it, with the driver that we install."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _prepare_sqlite(engine: sa.Engine, lock_timeout: float) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own transaction handling begins too late for savepoints and DDL; ours is below.
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor, lock_timeout)
        for pragma in ("foreign_keys=ON", "secure_delete=ON", "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(cursor: DBAPICursor, timeout: float) -> None:
    """Turn the write-ahead log on. SQLite does not wait for others while it does so, so we do."""
    end = time.monotonic() + timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > end or error.sqlite_errorcode & 0xFF in _LASTING:
                raise
            time.sleep(0.02)
        else:
            return
