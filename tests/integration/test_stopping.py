"""A Celery worker that is told to stop while a segment takes longer than it may wait."""

import signal
from collections.abc import Callable

from sqlalchemy import select
from support import open_work, processes
from support.installation import Installation
from support.supervisor import BEAT, WORKER, Supervisor

from db.schema import Segment
from db.states import SegmentState
from demo.material import Material


def test_what_takes_too_long_is_handed_back_and_the_try_does_not_count(
    install: Callable[..., Installation], material: Material
) -> None:
    installation = install("stopped", schedule__sweep=0.5, work__stop=1, sampling__interval=0.04)
    installation.run("submit", str(material.carphone))
    database = installation.database()
    with Supervisor(installation) as supervisor:
        supervisor.start("worker", *WORKER, "--concurrency", "1")
        supervisor.start("beat", *BEAT)
        processes.until(lambda: open_work.held(database), "a segment is worked on", installation.log)
        (held,) = open_work.held(database)

        def decoding() -> list[int]:
            below = filter(processes.is_decoder, processes.children(held.pid))
            return [pid for pid in below if str(material.carphone) in processes.open_files(pid)]

        processes.until(decoding, "its decoder has the file open", installation.log)
        (decoder,) = decoding()
        processes.kill(decoder, signal.SIGSTOP)
        processes.kill(supervisor.pid("worker"), signal.SIGTERM)
        processes.until(lambda: not open_work.held(database), "the work is handed back", installation.log, 60)
        assert not processes.lives(held.pid)
        processes.until(lambda: not processes.lives(decoder), "its decoder has ended", installation.log, 60)
        with database.reading() as session:
            segment = session.scalars(select(Segment).where(Segment.id == held.id)).one()
            assert (segment.attempts, segment.excused) == (1, 1)
            assert (segment.lease_owner, segment.lease_until) == (None, None)
            assert segment.state == SegmentState.RUNNING
        # Celery takes another ten seconds to believe that its process is gone.
        processes.kill(supervisor.pid("worker"))
    database.close()
