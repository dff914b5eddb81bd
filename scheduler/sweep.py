"""The sweep: what the ledger says is unfinished is planned, put in quarantine or sent again.

The broker may lose or repeat whatever it likes; a sweep makes up for it. The ledger's queue is as long as it must be,
the broker's is kept short, so that what is urgent waits for little: when fewer messages are left in it than pieces of
work are due, and less than half a window of them, the sweep sends a window of what is due, some of it a second time. A
worker that gets a message a second time finds the work claimed or done.
"""

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from config.errors import Conflict
from config.settings import Settings
from db import arrivals, due, finishing, leases, open_work, reembedding, segments, status, videos
from db.leases import Allowance
from db.session import Database
from db.states import VideoState
from scheduler import agenda, planning
from scheduler.agenda import Agenda
from scheduler.dispatch import Sender
from scheduler.experience import Memory

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What a sweep has found to do, in the order of the queue: pieces of work that no worker has."""

    segments: list[int] = field(default_factory=list)
    videos: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)


def sweep(
    database: Database,
    settings: Settings,
    sender: Sender,
    memory: Memory,
    *,
    begin_new: bool = True,
    background: bool = True,
) -> Due:
    """Put the ledger in order and keep the workers' doorbell ringing; what is due.

    Args:
        database: the ledger.
        settings: how often to try, how many messages to keep.
        sender: of messages.
        memory: of what work costs.
        begin_new: also cut videos that nobody has worked on yet.
        background: where no video is to be worked on, also ask for what can wait.
    """
    found = prepare(database, settings, memory, begin_new=begin_new)
    window = settings.broker.window
    arrived, finishable, cut = found.arrivals[:window], found.videos[:window], found.segments[:window]
    wanted = min(len(arrived) + len(finishable) + len(cut), window // 2)
    if wanted and sender.queued() < wanted:
        sender.send_arrivals(arrived)
        sender.send_videos(finishable)
        sender.send_segments(cut)
    elif background and not wanted and _may_reembed(database, settings) and not sender.queued():
        sender.send_reembed()
    return found


def _may_reembed(database: Database, settings: Settings) -> bool:
    """Whether faces wait for the candidate, and no video for a worker."""
    if not settings.candidate.declared:
        return False
    with database.reading() as session:
        return not status.is_busy(session) and reembedding.is_waiting(
            session, settings.candidate.space_name, leases.utc_now()
        )


def prepare(database: Database, settings: Settings, memory: Memory, *, begin_new: bool) -> Due:
    """Plan new videos, free the work of dead processes, end what has used up its tries; what is due then."""
    now = leases.utc_now()
    with database.reading() as session:
        waiting = bool(begin_new and videos.ids_waiting(session))
    if waiting:
        _plan(database, settings, memory, now)
    found, ended = _put_in_order(database, settings)
    if waiting or ended:
        log.info("ledger put in order", planned=waiting, ended=ended)
    if not found.segments:
        return Due([], found.videos, found.arrivals)
    ranks = _agenda(database, settings, memory, now, begin_new=begin_new)[0].ranks
    # A video that was submitted in this moment is on no agenda yet.
    ordered = sorted(found.segments, key=lambda piece: ranks.get(piece[1], len(ranks)))
    return Due([segment_id for segment_id, _ in ordered], found.videos, found.arrivals)


def _agenda(
    database: Database, settings: Settings, memory: Memory, now: datetime, *, begin_new: bool
) -> tuple[Agenda, int]:
    """What is to be worked on now, and by how many processes."""
    with database.reading() as session:
        found = open_work.of_videos(session)
        chosen = [video for video in found if begin_new or video.state != VideoState.WAITING]
        known = memory.of(session, settings, chosen, now)
    return agenda.draw_up(chosen, known, settings, now), known.processes


def _plan(database: Database, settings: Settings, memory: Memory, now: datetime) -> None:
    """Cut what nobody has worked on yet, with regard to all that is in the queue."""
    drawn_up, processes = _agenda(database, settings, memory, now, begin_new=True)
    for entry in drawn_up.entries:
        if entry.video.state != VideoState.WAITING:
            continue
        try:
            planning.plan_video(database, entry.video.id, settings, agenda.pace(entry, processes, settings))
        except (ValueError, OverflowError, Conflict) as error:
            # One video's odd numbers must not keep all others waiting.
            log.exception("video cannot be planned", video=entry.video.id)
            with database.writing() as session:
                videos.end(session, entry.video.id, VideoState.FAILED, cause="fault", detail=str(error))


@dataclass(frozen=True, slots=True)
class _Found:
    """What nobody has: segments, each with its video; videos to be finished; arrivals."""

    segments: list[tuple[int, int]]
    videos: list[int]
    arrivals: list[int]


def _put_in_order(database: Database, settings: Settings) -> tuple[_Found, int]:
    """Free what dead processes held, end what has used up its tries; what is free then, and how much was ended."""
    allowed = Allowance(settings.work.attempts, settings.work.outages)
    with database.writing() as session:
        leases.release_gone(session)
        now = leases.utc_now()
        pieces, exhausted = due.segments(session, allowed, now)
        for segment_id in exhausted:
            segments.end_exhausted(session, segment_id, allowed=allowed, now=now)
        for video_id in videos.ids_running(session):
            segments.end_if_complete(session, video_id)
        finishable, worn_out = due.videos(session, allowed, now)
        for video_id in worn_out:
            finishing.end_exhausted(session, video_id, allowed=allowed, now=now)
        arrived, refused = arrivals.due(session, allowed, now)
        for arrival_id in refused:
            arrivals.end_exhausted(session, arrival_id, allowed=allowed, now=now)
    return _Found(pieces, finishable, arrived), len(exhausted) + len(worn_out) + len(refused)
