"""What waits for a worker."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import leases
from db.leases import Allowance
from db.schema import Segment, Video


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
    return leases.free(session, Video, Video.id, allowed=allowed, now=now)
