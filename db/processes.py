"""Which worker processes there are, told by what they do: they have no list of their own in the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Integer, cast, func, literal, select
from sqlalchemy.orm import Session

from db import leases
from db.elapsed import Elapsed
from db.schema import Segment, TaskRun, UtcDateTime, Video
from db.states import SegmentState, VideoState

_LATELY: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)
_BUSY: Final = 0.9
"""Rank, among the stretches in which anybody worked, of the one whose number of processes counts."""


@dataclass(frozen=True, slots=True)
class Processes:
    """How many worker processes there are.

    `now`: that hold work, or did some in the last ten minutes. `lately`: that worked side by side in the busy stretches
    of the last day on which anything was done.
    """

    now: int
    lately: int


def seen(session: Session, now: datetime) -> Processes:
    """How many worker processes the ledger knows of."""
    held = select(Segment.lease_owner).where(Segment.state == SegmentState.RUNNING, Segment.lease_until >= now)
    finishing = select(Video.lease_owner).where(Video.state == VideoState.FINISHING, Video.lease_until >= now)
    recent = select(TaskRun.owner).where(TaskRun.started_at >= now - _LATELY).distinct()
    owners = {owner for query in (held, finishing, recent) for owner in session.scalars(query) if owner}
    latest = session.scalar(select(func.max(TaskRun.started_at)))
    lately = 0 if latest is None else _side_by_side(session, latest)
    return Processes(sum(not leases.is_gone(owner) for owner in owners), lately)


def _side_by_side(session: Session, latest: datetime) -> int:
    since = latest - _DAY
    stretch = cast(Elapsed(literal(since, UtcDateTime), TaskRun.started_at) / _LATELY.total_seconds(), Integer)
    rows = session.execute(
        select(stretch, func.count(TaskRun.owner.distinct())).where(TaskRun.started_at >= since).group_by(stretch)
    )
    counts = sorted(count for _, count in rows)
    return counts[int(_BUSY * (len(counts) - 1))]


def pauses(session: Session, *, most: int) -> list[tuple[float, float]]:
    """Of the latest tries: seconds since the same process's last try ended, and seconds that the try took."""
    rows = session.execute(
        select(TaskRun.owner, TaskRun.started_at, TaskRun.ended_at)
        .where(TaskRun.ended_at.is_not(None))
        .order_by(TaskRun.id.desc())
        .limit(most)
    )
    free_since: dict[str, datetime] = {}
    found = []
    for owner, started, ended in sorted(rows, key=lambda row: row[1]):
        assert ended is not None
        if owner in free_since:
            found.append(((started - free_since[owner]).total_seconds(), (ended - started).total_seconds()))
        free_since[owner] = ended
    return found
