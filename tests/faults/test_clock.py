"""Clocks that somebody sets in the middle of a night."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from support import open_work, processes
from support.clocks import Clock
from support.installation import Installation
from support.killing import Night
from support.mid_night import by_celery, locally, mid_night, prepare
from support.outcome import Outcome, assert_same, outcome
from support.redis_server import RedisServer
from support.small_day import SmallDay
from support.supervisor import BEAT, WORKER, Supervisor

from db.schema import Segment

OF_ITS_OWN = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Begins a process that takes itself for another machine: nobody else can tell whether it still lives."""


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    """A clock that can be set."""
    try:
        yield Clock(tmp_path / "clock")
    except FileNotFoundError:
        pytest.skip("no C compiler to make a clock with")


def most_tries(night: Night) -> int:
    """Of one segment, those that count."""
    with night.database.reading() as session:
        return session.scalar(select(func.max(Segment.attempts - Segment.excused))) or 0


def test_the_clock_of_the_machine_jumps(home: Installation, day: SmallDay, calm: Outcome, clock: Clock) -> None:
    prepare(home, day)
    with mid_night(clock.of(home), locally) as night:
        for hours in (5, -4, 0):
            clock.set(hours)
            time.sleep(0.8)
    assert most_tries(night) <= 4, "each jump costs a try at most"
    assert_same(outcome(home, str(day.folder)), calm)


@pytest.mark.parametrize("hours", [5, -5], ids=["forward", "backward"])
def test_the_clock_of_one_machine_of_two_jumps_and_is_set_right(
    served: Installation, day: SmallDay, calm: Outcome, clock: Clock, hours: int
) -> None:
    def two_machines(installation: Installation, supervisor: Supervisor) -> Night:
        for name, environment in (("one", {}), ("two", clock.environment)):
            command = (*WORKER, "--concurrency", "1", "--hostname", name)
            supervisor.start(name, *OF_ITS_OWN, *command, deaf=True, environment=environment)
        supervisor.start("beat", *BEAT)
        return Night(installation, supervisor, {}, list, Random(0))

    prepare(served, day)
    with mid_night(served, two_machines):
        clock.set(hours)
        time.sleep(1.5)
        clock.set(0)
    assert_same(outcome(served, str(day.folder)), calm)


def test_beat_goes_on_when_its_clock_is_set_back(
    served: Installation, day: SmallDay, calm: Outcome, clock: Clock, redis: RedisServer
) -> None:
    """What was sent is lost as well, so that nobody but beat's sweep can ask for the rest."""
    prepare(served, day)
    with mid_night(clock.of(served), by_celery(redis)) as night:
        clock.set(-5)
        with redis.client as client:
            client.flushall()
        processes.until(lambda: not open_work.held(night.database), "nobody works", served.log)
    assert_same(outcome(served, str(day.folder)), calm)
