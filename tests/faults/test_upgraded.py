"""An upgrade while work is in the queue, some of it begun."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.config import Config
from alembic.script import ScriptDirectory
from support import open_work, processes
from support.installation import Installation
from support.mid_night import Services, by_celery, locally, mid_night, prepare
from support.outcome import Outcome, assert_same, outcome
from support.redis_server import RedisServer
from support.small_day import SmallDay
from support.supervisor import Supervisor

from db import migrate
from db.session import Database


def version_before() -> str:
    """The newest schema version but one."""
    settings = Config()
    settings.set_main_option("script_location", "db:migrations")
    scripts = ScriptDirectory.from_config(settings)
    newest = scripts.get_revision("head")
    assert newest is not None
    assert isinstance(newest.down_revision, str)
    return newest.down_revision


@contextmanager
def opened(installation: Installation) -> Iterator[Database]:
    """Its ledger."""
    database = installation.database()
    yield database
    database.close()


def break_off(installation: Installation, services: Services) -> None:
    """Let a night begin and kill everybody at once, in the middle of their work."""
    with opened(installation) as database, Supervisor(installation) as supervisor, services(installation, supervisor):
        processes.until(lambda: open_work.scanned(database) >= 3, "three are scanned", installation.log)
        processes.until(lambda: open_work.held(database), "somebody works", installation.log)
        supervisor.kill_everybody()
        assert open_work.left(database)


def test_an_embedded_ledger_is_upgraded_by_the_next_run(home: Installation, day: SmallDay, calm: Outcome) -> None:
    prepare(home, day)
    break_off(home, locally)
    with opened(home) as database:
        migrate.downgrade(database, version_before())
    with mid_night(home, locally):
        pass
    assert_same(outcome(home, str(day.folder)), calm)


def test_a_served_ledger_waits_for_its_upgrade_and_so_do_the_workers(
    served: Installation, day: SmallDay, calm: Outcome, redis: RedisServer
) -> None:
    prepare(served, day)
    break_off(served, by_celery(redis))
    with opened(served) as database:
        migrate.downgrade(database, version_before())
        before = open_work.scanned(database)
    assert "run `rollcall migrate`" in served.complaint("work", "--until-empty")
    (served.home / "worker.log").unlink()
    with mid_night(served, by_celery(redis), scanned=before) as night:
        processes.until(
            lambda: served.log().count("run `rollcall migrate`") > 3, "the workers say what is missing", served.log
        )
        assert open_work.scanned(night.database) == before
        assert "schema version" in served.run("migrate")
    assert_same(outcome(served, str(day.folder)), calm)


def test_a_ledger_without_tables(served: Installation, redis: RedisServer) -> None:
    """Nothing is there yet; what is sent is refused with a reason, and the services go on."""
    with Supervisor(served) as supervisor:
        with by_celery(redis)(served, supervisor):
            processes.until(lambda: "run `rollcall migrate`" in served.log(), "somebody says so", served.log)
        assert supervisor.restarts() == 0
