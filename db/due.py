"""What waits for a worker, and what is known of the videos that it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import facts, leases
from db.leases import Allowance
from db.schema import Segment, Video
from db.states import ENDED, SEGMENT_OPEN


@dataclass(frozen=True, slots=True)
class OpenVideo:
    """A video that has not ended: what is left of it, and by when it is wanted.

    `left`: seconds of video in segments that are open, of all of it where it is not cut yet; None where nothing tells.
    """

    id: int
    state: str
    deadline: datetime | None
    priority: int
    submitted_at: datetime
    codec: str
    width: int
    height: int
    left: Fraction | None


def segments(session: Session, allowed: Allowance, now: datetime) -> tuple[list[tuple[int, int]], list[int]]:
    """Segments that wait for a worker, each with its video, in order of time in it; and those without tries left."""
    rows = session.execute(
        select(Segment.id, Segment.video_id, Segment.attempts, Segment.excused)
        .where(leases.is_free(Segment, now))
        .order_by(Segment.video_id, Segment.number)
    ).all()
    due = [(row.id, row.video_id) for row in rows if allowed.holds(row.attempts, row.excused)]
    return due, [row.id for row in rows if not allowed.holds(row.attempts, row.excused)]


def videos(session: Session, allowed: Allowance, now: datetime) -> tuple[list[int], list[int]]:
    """Videos that wait to be finished, and those without tries left."""
    rows = session.execute(
        select(Video.id, Video.attempts, Video.excused).where(leases.is_free(Video, now)).order_by(Video.id)
    ).all()
    due = [row.id for row in rows if allowed.holds(row.attempts, row.excused)]
    return due, [row.id for row in rows if not allowed.holds(row.attempts, row.excused)]


def open_videos(session: Session) -> Sequence[OpenVideo]:
    """Every video that has not ended, in order of submission."""
    samples = (
        select(func.sum(Segment.end_sample - Segment.first_sample))
        .where(Segment.video_id == Video.id, Segment.state.in_(SEGMENT_OPEN))
        .scalar_subquery()
    )
    # A segment with an open end has no length, and adds none.
    has_open_end = (
        select(func.count())
        .where(Segment.video_id == Video.id, Segment.state.in_(SEGMENT_OPEN), Segment.end_sample.is_(None))
        .scalar_subquery()
    )
    rows = session.execute(select(Video, samples, has_open_end).where(Video.state.not_in(ENDED)).order_by(Video.id))
    return [_open_video(video, count, endless) for video, count, endless in rows]


def _open_video(video: Video, samples: int | None, endless: int) -> OpenVideo:
    if video.interval_ms is None:
        ticks = video.duration_pts
        left = None if ticks is None else facts.seconds(ticks, video.time_base_num, video.time_base_den)
    else:
        left = None if endless else Fraction((samples or 0) * video.interval_ms, 1000)
    return OpenVideo(
        id=video.id,
        state=video.state,
        deadline=video.deadline,
        priority=video.priority,
        submitted_at=video.submitted_at,
        codec=video.codec or "",
        width=video.width or 0,
        height=video.height or 0,
        left=left,
    )
