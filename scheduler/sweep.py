"""The sweep: what the ledger says is unfinished is planned, failed or sent again.

The broker may lose or repeat whatever it likes; a sweep makes up for it. The ledger's queue is as long as it must be,
the broker's is kept short: when fewer messages are left in it than pieces of work are due, and less than half a window
of them, the sweep sends a window of what is due, some of it a second time. A worker that gets a message a second time
finds the work claimed or done.
"""

from dataclasses import dataclass, field

import structlog

from config.errors import Conflict
from config.settings import Settings
from db import arrivals, finishing, leases, reembedding, segments, status, videos
from db import due as waiting
from db.leases import Allowance
from db.session import Database
from db.states import VideoState
from scheduler import planning
from scheduler.dispatch import Sender

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What a sweep has found to do: pieces of work that no worker has."""

    segments: list[int] = field(default_factory=list)
    videos: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)


def sweep(
    database: Database, settings: Settings, sender: Sender, *, begin_new: bool = True, background: bool = True
) -> Due:
    """Put the ledger in order and keep the workers' doorbell ringing; what is due.

    Args:
        database: the ledger.
        settings: how often to try, how many messages to keep.
        sender: of messages.
        begin_new: also cut videos that nobody has worked on yet.
        background: where no video is to be worked on, also ask for what can wait.
    """
    due = prepare(database, settings, begin_new=begin_new)
    window = settings.broker.window
    arrivals_due, videos_due, segments_due = due.arrivals[:window], due.videos[:window], due.segments[:window]
    wanted = min(len(arrivals_due) + len(videos_due) + len(segments_due), window // 2)
    if wanted and sender.queued() < wanted:
        sender.send_arrivals(arrivals_due)
        sender.send_videos(videos_due)
        sender.send_segments(segments_due)
    elif background and not wanted and _may_reembed(database, settings) and not sender.queued():
        sender.send_reembed()
    return due


def _may_reembed(database: Database, settings: Settings) -> bool:
    """Whether faces wait for the candidate, and no video for a worker."""
    if not settings.candidate.declared:
        return False
    with database.reading() as session:
        return not status.is_busy(session) and reembedding.is_waiting(
            session, settings.candidate.space_name, leases.utc_now()
        )


def prepare(database: Database, settings: Settings, *, begin_new: bool) -> Due:
    """Plan new videos, free the work of dead processes, fail what has used up its tries; what is due then."""
    with database.reading() as session:
        new = videos.ids_waiting(session) if begin_new else []
    for video_id in new:
        try:
            planning.plan_video(database, video_id, settings)
        except (ValueError, OverflowError, Conflict) as error:
            # One video's odd numbers must not keep all others waiting.
            log.exception("video cannot be planned", video=video_id)
            with database.writing() as session:
                videos.end(session, video_id, VideoState.FAILED, cause="fault", detail=str(error))
    allowed = Allowance(settings.work.attempts, settings.work.outages)
    with database.writing() as session:
        freed = leases.release_gone(session)
        now = leases.utc_now()
        due, exhausted = waiting.segments(session, allowed, now)
        for segment_id in exhausted:
            segments.end_exhausted(session, segment_id, allowed=allowed, now=now)
        for video_id in videos.ids_running(session):
            segments.end_if_complete(session, video_id)
        finishable, worn_out = waiting.videos(session, allowed, now)
        for video_id in worn_out:
            finishing.end_exhausted(session, video_id, allowed=allowed, now=now)
        arrived, refused = arrivals.due(session, allowed, now)
        for arrival_id in refused:
            arrivals.end_exhausted(session, arrival_id, allowed=allowed, now=now)
    if new or freed or exhausted or worn_out or refused:
        given_up = len(exhausted) + len(worn_out) + len(refused)
        log.info("ledger put in order", planned=len(new), freed=freed, given_up=given_up)
    return Due([segment_id for segment_id, _ in due], finishable, arrived)
