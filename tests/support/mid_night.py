"""A night that is under way when something happens to it, and that goes on until its queue is empty."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from support import open_work, processes
from support.installation import ROLLCALL, Installation
from support.killing import Night, on_servers
from support.redis_server import RedisServer
from support.small_day import SmallDay
from support.supervisor import Supervisor

Services = Callable[[Installation, Supervisor], Night]


def locally(installation: Installation, supervisor: Supervisor) -> Night:
    """`rollcall work` with two worker processes, whatever ledger and broker are."""
    supervisor.start("work", ROLLCALL, "work", "--until-empty", "--processes", "2", ends=True)
    return Night(installation, supervisor, {}, list, Random(0))


def by_celery(redis: RedisServer) -> Services:
    """Two Celery workers and beat."""
    return lambda installation, supervisor: on_servers(installation, supervisor, redis, Random(0))


def prepare(installation: Installation, day: SmallDay) -> None:
    """Make the ledger, enrol and submit."""
    installation.run("migrate")
    day.enrol(installation)
    day.submit(installation)


@contextmanager
def mid_night(installation: Installation, services: Services, *, scanned: int = 3) -> Iterator[Night]:
    """A night that was prepared. The block begins when so many segments are scanned and somebody works.

    No service may end because of what happens in it.
    """
    with Supervisor(installation) as supervisor, services(installation, supervisor) as night:
        processes.until(
            lambda: open_work.scanned(night.database) >= scanned, f"{scanned} segments are scanned", installation.log
        )
        if scanned:
            processes.until(lambda: open_work.held(night.database), "somebody works", installation.log)
        yield night
        assert open_work.left(night.database), "the night was over before anything happened"
        night.run_to_the_end()
        assert supervisor.restarts() == 0, f"a service has ended\n{installation.log()}"
