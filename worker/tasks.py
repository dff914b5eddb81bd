"""Celery tasks of the worker: thin shells that take an id. Start the worker with `--include worker.tasks`."""

from celery import Task
from structlog.contextvars import bound_contextvars

from config import tasks
from config.celery_app import app
from worker.calibrating import Targets, calibrate_where_due
from worker.process import this_process
from worker.rematch import rematch
from worker.work import finish_video, scan_segment


@app.task(name=tasks.SCAN_SEGMENT, bind=True)
def scan_segment_task(self: Task[[int], None], segment_id: int) -> None:
    """Scan a segment if it is to be had; the one who ends a video's last segment has the video finished."""
    with bound_contextvars(task=self.request.id):
        video_id = scan_segment(this_process(), segment_id)
    if video_id is not None:
        app.send_task(tasks.FINISH_VIDEO, (video_id,))


@app.task(name=tasks.FINISH_VIDEO, bind=True)
def finish_video_task(self: Task[[int], None], video_id: int) -> None:
    """Finish a video if it is to be had."""
    with bound_contextvars(task=self.request.id):
        finish_video(this_process(), video_id)


@app.task(name=tasks.REMATCH, bind=True)
def rematch_task(self: Task[[], None]) -> None:
    """Calibrate the galleries where that is due, and match past videos with them."""
    process = this_process()
    with bound_contextvars(task=self.request.id):
        if process.settings.match.calibrate == "nightly":
            calibrate_where_due(process.database, Targets.of(process.settings.match))
        rematch(process)
