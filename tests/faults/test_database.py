"""A ledger that may be read only, or that somebody else holds, in the middle of a night."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg
from support import open_work, small_day
from support.installation import Installation, installed
from support.mid_night import by_celery, locally, mid_night, prepare
from support.outcome import Outcome, assert_same, outcome
from support.postgres_server import PostgresServer
from support.redis_server import RedisServer
from support.small_day import SmallDay

HELD = 6.0
"""Seconds."""


def test_a_file_that_somebody_else_holds(tmp_path: Path, day: SmallDay, calm: Outcome) -> None:
    """For several times as long as writers wait for each other."""
    installation = installed(tmp_path / "home", database__lock_timeout=1, **small_day.SETTINGS)
    prepare(installation, day)
    ledger = installation.home / "rollcall.db"
    with (
        mid_night(installation, locally) as night,
        closing(sqlite3.connect(ledger, timeout=30, isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        before = open_work.scanned(night.database)
        time.sleep(HELD)
        assert open_work.scanned(night.database) == before
        other.execute("ROLLBACK")
    assert_same(outcome(installation, str(day.folder)), calm)


def test_tables_that_somebody_else_holds(
    served: Installation, day: SmallDay, calm: Outcome, redis: RedisServer, postgres_url: str
) -> None:
    prepare(served, day)
    with mid_night(served, by_celery(redis)), psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE videos, segments, faces IN ACCESS EXCLUSIVE MODE")
        time.sleep(HELD)
        other.rollback()
    assert_same(outcome(served, str(day.folder)), calm)


def test_a_server_that_lets_nobody_write(
    served: Installation,
    day: SmallDay,
    calm: Outcome,
    redis: RedisServer,
    postgres_url: str,
    postgres_server_of_ours: PostgresServer,
) -> None:
    """As after a change of servers, while the old one may still be read."""
    prepare(served, day)
    name = postgres_url.rpartition("/")[2].partition("?")[0]
    with (
        mid_night(served, by_celery(redis)) as night,
        psycopg.connect(postgres_server_of_ours.url, autocommit=True) as other,
    ):
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        time.sleep(1)
        before = open_work.scanned(night.database)
        time.sleep(HELD)
        assert open_work.scanned(night.database) == before
        # Nobody ends the connections that were made meanwhile: they stay as they are.
        other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
    assert_same(outcome(served, str(day.folder)), calm)
