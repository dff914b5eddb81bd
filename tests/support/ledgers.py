"""Ledgers for tests, with their schema in place: migrated once in each process, and copied then."""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from db.migrate import upgrade
from db.session import Database


def prepare(database: Database) -> None:
    """Give a new SQLite ledger its schema, as migrations do."""
    path = database.engine.url.database
    assert path is not None
    assert database.is_sqlite
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_migrated_file(), path)


@cache
def _migrated_file() -> Path:
    folder = tempfile.mkdtemp(prefix="rollcall-ledger-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "ledger.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as connection:
        # All of it in one file.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@contextmanager
def postgres(server: str, template: str = "template1") -> Iterator[str]:
    """Address of a database of the test's own, made as a copy of another one."""
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    name = f"rollcall_test_{os.getpid()}_{time.monotonic_ns()}"
    # Without a pool: tests may have restarted the server meanwhile.
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    yield url.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


@contextmanager
def migrated_postgres(server: str) -> Iterator[str]:
    """Name of a database to be copied, with its schema in place."""
    with postgres(server) as url:
        database = Database(url)
        upgrade(database)
        database.close()
        name = sa.make_url(url).database
        assert name is not None
        yield name
