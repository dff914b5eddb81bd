"""Celery tasks of the worker: thin shells that take an id. Start the worker with `--include worker.tasks`."""

import structlog
from celery import Task
from celery.signals import worker_shutting_down
from structlog.contextvars import bound_contextvars

from config import tasks
from config.celery_app import app
from config.errors import ModelError, StorageUnavailable
from config.outages import needs_ledger
from config.settings import load_settings
from db import chores
from worker.archive import renew
from worker.arrivals import admit_arrival
from worker.calibrating import Targets, calibrate_where_due
from worker.process import this_process
from worker.reembed import reembed
from worker.renewing import alone
from worker.stopping import hand_back_later
from worker.work import finish_video, scan_segment

log = structlog.get_logger(__name__)

_WHILE = 30.0
"""Seconds for which a worker embeds again before it looks at the queue: no longer does a segment wait for it."""


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    """In the worker's main process, which has been told to stop and waits for what its processes have at hand."""
    hand_back_later(load_settings())


@app.task(name=tasks.SCAN_SEGMENT, bind=True)
@needs_ledger
def scan_segment_task(self: Task[[int], None], segment_id: int) -> None:
    """Scan a segment, or look at its borders, if it is to be had; who ends a video's last has it finished."""
    with bound_contextvars(task=self.request.id):
        video_id = scan_segment(this_process(), segment_id)
    if video_id is not None:
        app.send_task(tasks.FINISH_VIDEO, (video_id,))


@app.task(name=tasks.FINISH_VIDEO, bind=True)
@needs_ledger
def finish_video_task(self: Task[[int], None], video_id: int) -> None:
    """Finish a video if it is to be had, or send for those who look at its borders first."""
    with bound_contextvars(task=self.request.id):
        segment_ids = finish_video(this_process(), video_id)
    for segment_id in segment_ids:
        app.send_task(tasks.SCAN_SEGMENT, (segment_id,), queue=tasks.FIRST)
    if not segment_ids and this_process().is_quiet:
        app.send_task(tasks.LINK)


@app.task(name=tasks.ADMIT, bind=True)
@needs_ledger
def admit_task(self: Task[[int], None], arrival_id: int) -> None:
    """Submit a file that has arrived in a watched place, if it is to be had."""
    with bound_contextvars(task=self.request.id):
        admit_arrival(this_process(), arrival_id)


@app.task(name=tasks.REMATCH, bind=True)
@needs_ledger
def rematch_task(self: Task[[], None]) -> None:
    """Calibrate the galleries where that is due, and bring past videos up to date with them, unless somebody does."""
    process = this_process()
    with bound_contextvars(task=self.request.id), alone(process, chores.MATCHING) as alone_at_it:
        if not alone_at_it:
            return
        if process.settings.match.calibrate == "nightly":
            calibrate_where_due(process.database, Targets.of(process.settings.match))
        renew(process)


@app.task(name=tasks.LINK, bind=True)
@needs_ledger
def link_task(self: Task[[], None]) -> None:
    """Look for unknown people of the videos that have ended in all others, unless somebody is at it."""
    process = this_process()
    with bound_contextvars(task=self.request.id), alone(process, chores.LINKING) as alone_at_it:
        if alone_at_it:
            renew(process)


@app.task(name=tasks.REEMBED, bind=True)
@needs_ledger
def reembed_task(self: Task[[], None]) -> None:
    """Embed some faces for the candidate's space while nothing else is to be done, and ask to go on with it."""
    process = this_process()
    with bound_contextvars(task=self.request.id):
        try:
            left = reembed(process, seconds=_WHILE, gives_way=True)
        except (ModelError, StorageUnavailable) as error:
            # Nobody waits for it: the sweep asks again, and `rollcall reembed` tells it to whoever tries.
            log.warning("nothing can be embedded again", cause=error.code, detail=str(error))
            return
    if left:
        app.send_task(tasks.REEMBED)
