"""Work that belongs to no video is done by one process at a time, and asked for until it is done: on both databases."""

import time
from datetime import timedelta

import numpy as np
import pytest
from support.archive import add_done, face_of
from support.records import direction

from config.celery_app import app
from db import chores, links
from db.chores import LINKING
from db.leases import owner_of_this_process, utc_now
from scheduler.dispatch import Sender
from scheduler.experience import Memory
from scheduler.sweep import sweep
from worker.linking import link_unknown
from worker.process import WorkerProcess
from worker.renewing import alone

ELSEWHERE = "elsewhere:0-0/7"


class Recorder(Sender):
    """Counts how often links were asked for; whoever is asked is another test's."""

    def __init__(self) -> None:
        super().__init__(app)
        self.asked = 0

    def queued(self) -> int:
        return 0

    def send_rematch(self) -> None:
        """Another test's."""

    def send_link(self) -> None:
        self.asked += 1


def swept(process: WorkerProcess, *, background: bool = True) -> int:
    """How often a sweep has asked for links."""
    sender = Recorder()
    sweep(process.database, process.settings, sender, Memory(1), background=background)
    return sender.asked


def seen(process: WorkerProcess, title: str) -> None:
    drawn = np.random.default_rng(1).normal(0, 0.005, 128).astype(np.float32)
    add_done(process, title, [(1, face_of(direction(1) + drawn, 1))])


def held_by(process: WorkerProcess, owner: str, seconds: float) -> bool:
    with process.database.writing() as session:
        return chores.take(session, LINKING, owner=owner, lease=seconds, now=utc_now())


def test_links_are_asked_for_until_they_are_made(process: WorkerProcess) -> None:
    assert swept(process) == 0, "there is nobody to be linked"
    seen(process, "one")
    assert swept(process, background=False) == 0
    assert [swept(process), swept(process)] == [1, 1]
    link_unknown(process.database)
    assert swept(process) == 0


def test_nobody_asks_while_somebody_is_at_it(process: WorkerProcess) -> None:
    seen(process, "one")
    assert held_by(process, ELSEWHERE, 60)
    assert swept(process) == 0
    assert not held_by(process, process.owner, 60)
    with alone(process, LINKING) as alone_at_it:
        assert not alone_at_it
    with process.database.writing() as session:
        chores.end(session, LINKING, owner=ELSEWHERE, begun=utc_now())
    assert swept(process) == 1


@pytest.mark.parametrize("owner", [ELSEWHERE, f"{owner_of_this_process().rpartition('/')[0]}/4194304"])
def test_whoever_is_gone_holds_it_no_longer(process: WorkerProcess, owner: str) -> None:
    """Of this machine at once, of others when the lease is over."""
    seen(process, "one")
    here = owner != ELSEWHERE
    assert held_by(process, owner, 60 if here else -1)
    assert swept(process) == 1
    with alone(process, LINKING) as alone_at_it:
        assert alone_at_it
        assert swept(process) == 0
    assert swept(process) == 1


def test_a_lease_is_kept_while_the_work_goes_on(process: WorkerProcess) -> None:
    work = process.settings.work.model_copy(update={"lease": 0.3})
    process.settings = process.settings.model_copy(update={"work": work})
    with alone(process, LINKING) as alone_at_it:
        assert alone_at_it
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            assert not held_by(process, ELSEWHERE, 60)
            time.sleep(0.02)
    assert held_by(process, ELSEWHERE, 60)


def test_what_fails_is_not_tried_again_at_once(process: WorkerProcess) -> None:
    seen(process, "one")
    with pytest.raises(ZeroDivisionError), alone(process, LINKING):
        raise ZeroDivisionError
    assert swept(process) == 0
    with process.database.reading() as session:
        assert chores.is_free(session, LINKING, utc_now() + timedelta(seconds=process.settings.work.lease + 1))
        assert links.to_link(session)


def test_a_late_renewal_takes_nothing_from_anybody(process: WorkerProcess) -> None:
    assert held_by(process, process.owner, -1)
    assert held_by(process, ELSEWHERE, 60)
    with process.database.writing() as session:
        assert not chores.keep(session, LINKING, owner=process.owner, lease=60, now=utc_now())
        chores.end(session, LINKING, owner=process.owner, begun=utc_now())
    assert not held_by(process, process.owner, 60)
