"""Servers that restart, forget, or repeat themselves in the middle of a night."""

import time
from collections.abc import Callable
from random import Random

import pytest
from support.installation import Installation
from support.mid_night import by_celery, locally, mid_night, prepare
from support.outcome import Outcome, assert_same, outcome
from support.postgres_server import PostgresServer
from support.redis_server import RedisServer
from support.repeating import Repeater
from support.small_day import SmallDay

DOWN = 3.0
"""Seconds for which a server is away."""
BOTH = pytest.mark.parametrize("local", [False, True], ids=["celery and beat", "rollcall work"])


@BOTH
def test_a_broker_that_forgets_everything(
    served: Installation, day: SmallDay, calm: Outcome, redis: RedisServer, local: bool
) -> None:
    prepare(served, day)
    with mid_night(served, locally if local else by_celery(redis)), redis.client as client:
        client.flushall()
    assert_same(outcome(served, str(day.folder)), calm)


@BOTH
def test_a_broker_that_is_killed_and_comes_back_empty(
    served: Installation, day: SmallDay, calm: Outcome, redis: RedisServer, local: bool
) -> None:
    prepare(served, day)
    with mid_night(served, locally if local else by_celery(redis)):
        redis.kill()
        time.sleep(DOWN)
        redis.start()
    assert_same(outcome(served, str(day.folder)), calm)


@BOTH
@pytest.mark.parametrize(
    "end",
    [PostgresServer.stop_fast, PostgresServer.stop_at_once, PostgresServer.kill],
    ids=["fast shutdown", "immediate shutdown", "killed"],
)
def test_a_database_that_restarts(
    served: Installation,
    day: SmallDay,
    calm: Outcome,
    redis: RedisServer,
    postgres_server_of_ours: PostgresServer,
    end: Callable[[PostgresServer], None],
    local: bool,
) -> None:
    prepare(served, day)
    with mid_night(served, locally if local else by_celery(redis)):
        end(postgres_server_of_ours)
        time.sleep(DOWN)
        postgres_server_of_ours.start()
    assert_same(outcome(served, str(day.folder)), calm)


def test_every_message_twice_and_in_random_order(
    served: Installation, day: SmallDay, calm: Outcome, redis: RedisServer
) -> None:
    prepare(served, day)
    with Repeater(redis, Random(0)) as repeater, mid_night(served, by_celery(redis), scanned=0):
        pass
    assert repeater.sent > 20
    assert repeater.repeated == repeater.sent
    assert_same(outcome(served, str(day.folder)), calm)
