"""Going over to the embedder in force: what was found in other spaces, and embedded for its own, is moved there.

The enrolled faces come first, so that every video is named by a gallery that is whole. Each video is moved in one
transaction with its new names; people who look at it meanwhile see it before or after. Nothing is decoded.
"""

from collections.abc import Callable

import structlog

from config.errors import Conflict
from db import adopting, gallery, reembedded, spaces, videos
from db.adopting import Standing
from worker.calibrating import store
from worker.process import WorkerProcess
from worker.shadow import cast_in, measured

log = structlog.get_logger(__name__)


def adopt_gallery(process: WorkerProcess) -> int:
    """Enrol in the space in force what was embedded for it; how many photographs."""
    with process.database.writing() as session:
        return adopting.enrol_embedded(session, spaces.ensure(session, process.engine.space))


def adopt_calibration(process: WorkerProcess) -> bool:
    """Calibrate the gallery in force as the shadow did, with unknown people of videos that are still to be moved.

    Whether that was done: not where it is calibrated already, or too small.

    Raises:
        Conflict: the gallery has changed meanwhile.
    """
    with process.database.reading() as session:
        space = spaces.find(session, process.engine.space.name)
        if space is None or space.calibration_id is not None:
            return False
        held = gallery.vectors(session, space.id)
        found = measured(process, session, space, held)
    if found is None:
        return False
    store(process.database, space, held.version, found.calibration, found.unknown, found.groups)
    return True


def adopt_videos(
    process: WorkerProcess, on_video: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[int, int]:
    """Move every video that is whole in the space in force; how many were moved, and how many stay.

    It may be stopped at any time, and several may do it at once: each video is moved whole, once.
    """
    moved = 0
    with process.database.reading() as session:
        space = spaces.find(session, process.engine.space.name)
        ids = [] if space is None else reembedded.whole_videos(session, space.id)
    for done, video_id in enumerate(ids, start=1):
        try:
            moved += _move(process, video_id)
        except Conflict as error:
            # Somebody was removed at this moment: the next run sees to it.
            log.warning("video not moved", video=video_id, detail=str(error))
        on_video(done, len(ids))
    with process.database.reading() as session:
        left = 0 if space is None else reembedded.ended_videos(session, space.id)
    return moved, left


def _move(process: WorkerProcess, video_id: int) -> bool:
    with process.database.reading() as session:
        space = spaces.find(session, process.engine.space.name)
        before = Standing.of(videos.get(session, video_id))
        if space is None or before.space_id == space.id:
            return False
        asked = process.gallery(session, space)
        cast, _ = cast_in(process, session, space, asked, video_id)
    rule = asked.rule(process.uncalibrated).name
    with process.database.writing() as session:
        moved = adopting.move(session, before, space.id, cast, rule=rule, gallery_version=asked.version)
    if moved:
        log.info("video moved", video=video_id, space=space.name)
    return moved
