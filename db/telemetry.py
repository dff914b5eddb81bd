"""What the last hour was like, for metrics: how long work took, and how long it had waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.elapsed import Elapsed
from db.open_work import IS_OPEN
from db.schema import Segment, TaskRun, Video

WINDOW: Final = timedelta(hours=1)
_MOST: Final = 20_000
"""Tries that are looked at: the last ones, where an hour has more."""


@dataclass(frozen=True, slots=True)
class Span:
    """One try that has ended: what kind it was, how it ended, from when to when."""

    kind: str
    outcome: str
    started_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        """That it took."""
        return (self.ended_at - self.started_at).total_seconds()


def tries(session: Session, now: datetime) -> list[Span]:
    """Tries that have ended in the last hour."""
    rows = session.execute(
        select(TaskRun.kind, TaskRun.outcome, TaskRun.started_at, TaskRun.ended_at)
        # What takes longer than a day is not looked for.
        .where(TaskRun.started_at >= now - WINDOW - timedelta(days=1), TaskRun.ended_at >= now - WINDOW)
        .order_by(TaskRun.id.desc())
        .limit(_MOST)
    )
    return [Span(kind, outcome or "", began, ended) for kind, outcome, began, ended in rows if ended is not None]


def waits(session: Session, now: datetime) -> Sequence[float]:
    """Seconds from submission to the first try, of the videos that were begun in the last hour."""
    first = (
        select(TaskRun.video_id, func.min(TaskRun.started_at).label("began"))
        .where(TaskRun.attempt == 1, TaskRun.kind == "scan", TaskRun.started_at >= now - WINDOW)
        .group_by(TaskRun.video_id)
        .subquery()
    )
    earlier = select(TaskRun.id).where(TaskRun.video_id == Video.id, TaskRun.started_at < first.c.began)
    rows = session.scalars(
        select(Elapsed(Video.submitted_at, first.c.began))
        .join(first, first.c.video_id == Video.id)
        .where(~earlier.exists())
    )
    return [max(0.0, float(seconds)) for seconds in rows]


def oldest_wait(session: Session, now: datetime) -> float:
    """Seconds for which the oldest video has waited that nobody has begun; 0 where there is none."""
    begun = select(TaskRun.id).where(TaskRun.video_id == Video.id)
    oldest = session.scalar(select(func.min(Video.submitted_at)).where(*IS_OPEN, ~begun.exists()))
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


def count_of_segments(session: Session) -> dict[str, int]:
    """How many segments of videos that have not ended stand where."""
    rows = session.execute(
        select(Segment.state, func.count())
        .join(Video, Video.id == Segment.video_id)
        .where(*IS_OPEN)
        .group_by(Segment.state)
    )
    return dict(rows.all())
