"""What waits for a worker."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import leases
from db.leases import Allowance
from db.schema import Segment, Video


def segments(session: Session, allowed: Allowance, now: datetime) -> Sequence[tuple[int, int]]:
    """Segments that wait for a worker, each with its video, in order of time in it."""
    chosen = select(Segment.id, Segment.video_id).where(leases.is_free(Segment, now), allowed.holds_in(Segment))
    # Past the mapper: of an archive that was submitted at once there are 100,000.
    return session.connection().execute(chosen.order_by(Segment.video_id, Segment.number)).all()


def exhausted_segments(session: Session, allowed: Allowance, now: datetime) -> Sequence[int]:
    """Segments that wait for a worker and have no tries left, in the same order."""
    chosen = select(Segment.id).where(leases.is_free(Segment, now), ~allowed.holds_in(Segment))
    return session.scalars(chosen.order_by(Segment.video_id, Segment.number)).all()


def videos(session: Session, allowed: Allowance, now: datetime) -> tuple[list[int], list[int]]:
    """Videos that wait to be finished, and those without tries left."""
    return leases.free(session, Video, Video.id, allowed=allowed, now=now)
