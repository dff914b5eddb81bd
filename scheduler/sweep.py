"""The sweep: what the ledger says is unfinished is planned, put in quarantine or sent again.

The broker may lose or repeat whatever it likes; a sweep makes up for it. The ledger's queue is as long as it must be,
the broker's is kept short, so that what is urgent waits for little: when fewer messages are left in it than pieces of
work are due, and less than half a window of them, the sweep sends a window of what is due, some of it a second time. A
worker that gets a message a second time finds the work claimed or done.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from config.errors import LeaseLost
from config.settings import Settings
from db import arrivals, chores, due, finishing, leases, links, open_work, reembedding, segments, status, videos
from db.leases import Allowance
from db.session import Database, Session
from db.states import VideoState
from scheduler import agenda, coarsening, planning
from scheduler.agenda import Agenda, Entry
from scheduler.dispatch import Sender
from scheduler.experience import Memory

log = structlog.get_logger(__name__)

_PLANNED_AT_ONCE: Final = 50
"""Videos that are cut in one transaction."""


@dataclass(frozen=True, slots=True)
class Due:
    """Pieces of work that no worker has: segments, each with its video; videos to be finished; arrivals."""

    segments: Sequence[tuple[int, int]] = ()
    videos: Sequence[int] = ()
    arrivals: Sequence[int] = ()


def sweep(
    database: Database,
    settings: Settings,
    sender: Sender,
    memory: Memory,
    *,
    submitted_by: datetime | None = None,
    background: bool = True,
) -> int:
    """Put the ledger in order and keep the workers' doorbell ringing; how many pieces of work wait for a worker.

    Args:
        database: the ledger.
        settings: how often to try, how many messages to keep.
        sender: of messages.
        memory: of what work costs.
        submitted_by: of videos that nobody has worked on yet, cut those that were submitted by then; None: all.
        background: where no video is to be worked on, also ask for what can wait.
    """
    due = prepare(database, settings, memory, submitted_by=submitted_by)
    window = settings.broker.window
    waiting = len(due.arrivals) + len(due.videos) + len(due.segments)
    wanted = min(waiting, window // 2)
    if wanted and sender.queued() < wanted:
        sender.send_arrivals(due.arrivals[:window])
        sender.send_videos(due.videos[:window])
        sender.send_segments(in_order(database, settings, memory, due)[:window])
    elif background and not wanted and not sender.queued():
        _use_idle_time(database, settings, sender, memory)
    return waiting


def _use_idle_time(database: Database, settings: Settings, sender: Sender, memory: Memory) -> None:
    """Ask for what can wait: links of unknown people, samples that a short night has left out, faces for a candidate.

    Whoever ends the last video asks for links at once, and the nightly run for past videos to be matched; here both
    are asked for again, should a message be lost.
    """
    now = leases.utc_now()
    with database.reading() as session:
        if status.is_busy(session):
            return
        may_link = bool(links.to_link(session)) and chores.is_free(session, chores.LINKING, now)
        matched = chores.done_since(session, chores.MATCHING, settings.schedule.night_before(now))
        may_match = not matched and chores.is_free(session, chores.MATCHING, now)
        tried = settings.candidate
        may_reembed = tried.declared and reembedding.is_waiting(session, tried.space_name, now)
    if may_link:
        sender.send_link()
    elif may_match:
        sender.send_rematch()
    if not coarsening.refill(database, settings, memory) and may_reembed:
        sender.send_reembed()


def prepare(database: Database, settings: Settings, memory: Memory, *, submitted_by: datetime | None = None) -> Due:
    """Plan new videos, free the work of dead processes, end what has used up its tries; what is due then."""
    with database.reading() as session:
        waiting = videos.any_waiting(session, submitted_by)
    if waiting:
        _plan(database, settings, memory, submitted_by)
        coarsening.adjust(database, settings, memory)
    return _put_in_order(database, settings)


def in_order(database: Database, settings: Settings, memory: Memory, due: Due) -> list[int]:
    """Segments that are due, in the order of the queue."""
    if not due.segments:
        return []
    ranks = _agenda(database, settings, memory, begun_only=True)[0].ranks
    # A video that was cut in this moment is on no agenda yet.
    ordered = sorted(due.segments, key=lambda piece: ranks.get(piece[1], len(ranks)))
    return [segment_id for segment_id, _ in ordered]


def _agenda(database: Database, settings: Settings, memory: Memory, *, begun_only: bool = False) -> tuple[Agenda, int]:
    """What is to be worked on now, and by how many processes."""
    now = leases.utc_now()
    with database.reading() as session:
        found = open_work.of_videos(session)
        chosen = [video for video in found if not begun_only or video.state != VideoState.WAITING]
        known = memory.of(session, settings, chosen, now)
    return agenda.draw_up(chosen, known, settings, now), known.processes


def _plan(database: Database, settings: Settings, memory: Memory, submitted_by: datetime | None) -> None:
    """Cut what nobody has worked on yet, with regard to all that is in the queue."""
    drawn_up, processes = _agenda(database, settings, memory)
    waiting = [entry for entry in drawn_up.entries if entry.video.state == VideoState.WAITING]
    new = [entry for entry in waiting if submitted_by is None or entry.video.submitted_at <= submitted_by]
    for start in range(0, len(new), _PLANNED_AT_ONCE):
        with database.writing() as session:
            for entry in new[start : start + _PLANNED_AT_ONCE]:
                _plan_one(session, settings, entry, processes)
    log.info("planned", videos=len(new))


def _plan_one(session: Session, settings: Settings, entry: Entry, processes: int) -> None:
    video_id = entry.video.id
    try:
        with session.begin_nested():
            planning.plan_video(session, video_id, settings, agenda.pace(entry, processes, settings))
    except (ValueError, OverflowError) as error:
        # One video's odd numbers must not keep all others waiting.
        log.exception("video cannot be planned", video=video_id)
        videos.end(session, video_id, VideoState.FAILED, cause="fault", detail=str(error))


def _put_in_order(database: Database, settings: Settings) -> Due:
    """Free what dead processes held, end what has used up its tries; what is free then."""
    allowed = Allowance(settings.work.attempts, settings.work.outages)
    # Mostly nothing is to be written, and of a large queue looking takes longer than workers should wait for a lock.
    with database.reading() as session:
        found, is_settled = _look(session, allowed)
    if is_settled:
        return found
    with database.writing() as session:
        leases.release_gone(session)
        segments.end_complete(session)
        _end_exhausted(session, allowed)
    with database.reading() as session:
        return _look(session, allowed)[0]


def _look(session: Session, allowed: Allowance) -> tuple[Due, bool]:
    """What is free, and whether it is all that could be."""
    now = leases.utc_now()
    pieces, exhausted = due.segments(session, allowed, now), due.exhausted_segments(session, allowed, now)
    finishable, worn_out = due.videos(session, allowed, now)
    arrived, refused = arrivals.due(session, allowed, now)
    unsettled = exhausted or worn_out or refused or leases.any_gone(session) or segments.any_complete(session)
    return Due(pieces, finishable, arrived), not unsettled


def _end_exhausted(session: Session, allowed: Allowance) -> None:
    now = leases.utc_now()
    exhausted = due.exhausted_segments(session, allowed, now)
    for segment_id in exhausted:
        # Its video may have been removed at this moment.
        with suppress(LeaseLost):
            segments.end_exhausted(session, segment_id, allowed=allowed, now=now)
    worn_out = due.videos(session, allowed, now)[1]
    for video_id in worn_out:
        finishing.end_exhausted(session, video_id, allowed=allowed, now=now)
    refused = arrivals.due(session, allowed, now)[1]
    for arrival_id in refused:
        arrivals.end_exhausted(session, arrival_id, allowed=allowed, now=now)
    if exhausted or worn_out or refused:
        log.info("tries used up", segments=len(exhausted), videos=len(worn_out), arrivals=len(refused))
