"""Celery tasks of the worker: thin shells that take an id. Start the worker with `--include worker.tasks`."""

from config import tasks
from config.celery_app import app
from worker.process import this_process
from worker.work import finish_video, scan_segment


@app.task(name=tasks.SCAN_SEGMENT)
def scan_segment_task(segment_id: int) -> None:
    """Scan a segment if it is to be had; the one who ends a video's last segment has the video finished."""
    video_id = scan_segment(this_process(), segment_id)
    if video_id is not None:
        app.send_task(tasks.FINISH_VIDEO, (video_id,))


@app.task(name=tasks.FINISH_VIDEO)
def finish_video_task(video_id: int) -> None:
    """Finish a video if it is to be had."""
    finish_video(this_process(), video_id)
