"""What waits for a worker."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import leases
from db.leases import Allowance
from db.schema import Segment, Video


def segments(session: Session, allowed: Allowance, now: datetime) -> tuple[Sequence[tuple[int, int]], Sequence[int]]:
    """Segments that wait for a worker, each with its video, in order of time in it; and those without tries left."""
    free = leases.is_free(Segment, now)
    chosen = select(Segment.id, Segment.video_id).where(free, allowed.holds_in(Segment))
    exhausted = select(Segment.id).where(free, ~allowed.holds_in(Segment))
    # Past the mapper: of an archive that was submitted at once there are 100,000.
    connection = session.connection()
    due = connection.execute(chosen.order_by(Segment.video_id, Segment.number)).all()
    return due, connection.execute(exhausted.order_by(Segment.video_id, Segment.number)).scalars().all()


def videos(session: Session, allowed: Allowance, now: datetime) -> tuple[list[int], list[int]]:
    """Videos that wait to be finished, and those without tries left."""
    return leases.free(session, Video, Video.id, allowed=allowed, now=now)
