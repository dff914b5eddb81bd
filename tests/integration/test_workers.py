"""Who does what, as the ledger has it."""

import os
import subprocess
import sys
from datetime import timedelta

from sqlalchemy import update
from support.archive import add_done
from support.records import FACTS

from db import arrivals, chores, leases, segments, task_runs, videos, working
from db.arrivals import Seen
from db.leases import Allowance, utc_now
from db.schema import TaskRun
from worker.process import WorkerProcess

ALLOWED = Allowance(3, 2)


def test_every_process_is_listed_with_what_it_does(process: WorkerProcess) -> None:
    now = utc_now()
    database = process.database
    add_done(process, "earlier", [])  # by this process, which is idle since
    with database.writing() as session:
        video = videos.add(session, content_hash="f" * 64, byte_size=1, path="/a", title="a.mp4", outcome=FACTS)
        first, second = segments.plan(session, video.id, [(0, 5), (5, 10)], 3000)
        for segment_id, owner in ((first, "one:boot-1/12"), (second, f"{process.owner.rpartition('/')[0]}/4194305")):
            taken = segments.claim(session, segment_id, owner=owner, lease=60, allowed=ALLOWED, now=now)
            assert taken is not None
            task_runs.begin(session, taken[0], kind="scan", video_id=video.id, now=now - timedelta(seconds=7))
        arrivals.observe(session, "/up/", [Seen("/up/b.mp4", "1", whole=True)], stable=timedelta(0), now=now)
        (arrival_id,), _ = arrivals.due(session, ALLOWED, now)
        assert arrivals.claim(session, arrival_id, owner="two:boot-1/3", lease=60, allowed=ALLOWED, now=now)
        assert chores.take(session, chores.LINKING, owner="three:boot-1/4", lease=60, now=now)
    with database.reading() as session:
        found = {worker.owner: worker for worker in working.workers(session, now)}
        nobody = f"{process.owner.rpartition('/')[0]}/4194304"
        session.execute(update(TaskRun).where(TaskRun.owner == process.owner).values(owner=nobody))
        later = {worker.owner for worker in working.workers(session, now)}
    assert later == set(found) - {process.owner}, "who holds nothing and is gone is not told of"
    assert len(found) == 5
    one, two, idle = found["one:boot-1/12"], found["two:boot-1/3"], found[process.owner]
    assert (one.host, one.pid, one.stage, one.title, one.segment, one.segments, one.attempt, one.gone) == (
        "one", "12", "scan", "a.mp4", 1, 2, 1, False,
    )  # fmt: skip
    assert one.since == now - timedelta(seconds=7)
    assert one.until == now + timedelta(seconds=60)
    assert (two.stage, two.place, two.video) == ("admit", "/up/b.mp4", None)
    assert found["three:boot-1/4"].stage == "linking"
    assert (idle.stage, idle.gone) == (None, False)
    (gone,) = [worker for worker in found.values() if worker.gone]
    assert gone.segment == 2


def test_a_process_that_has_ended_and_that_nobody_asked_about_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert leases.lives(child.pid)
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not leases.lives(child.pid)
    assert not leases.lives(child.pid)


def test_who_was_told_to_end_hands_back_without_a_try(process: WorkerProcess) -> None:
    database = process.database
    with database.writing() as session:
        video = videos.add(session, content_hash="f" * 64, byte_size=1, path="/a", title="a.mp4", outcome=FACTS)
        (segment_id,) = segments.plan(session, video.id, [(0, 5)], 3000)
        owner = f"{process.owner.rpartition('/')[0]}/4194305"
        assert segments.claim(session, segment_id, owner=owner, lease=60, allowed=ALLOWED, now=utc_now())
    with database.writing() as session:
        assert leases.release_gone(session, excused=True) == 1
        (segment,) = videos.get(session, video.id).segments
        assert (segment.attempts, segment.excused, segment.lease_owner) == (1, 1, None)
