"""Who works on what: leases that are held, and workers that have ended something lately."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session, aliased

from db import leases
from db.processes import LATELY
from db.schema import Arrival, Chore, Reembedding, Segment, TaskRun, Video
from db.states import ArrivalState, SegmentState, VideoState

_TRY = aliased(TaskRun)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A worker process and what it does.

    `stage`: `admit`, `scan`, `refine`, `finish`, `reembed`, or a chore, as `linking`; None of one that has nothing to
    do. `video`, `title`, `segment`, `segments`: which, and of how many; None where that does not apply. `place`: of an
    arrival. `since`: when it began, or ended the last one. `until`: to when its lease runs.
    """

    owner: str
    stage: str | None = None
    video: int | None = None
    title: str | None = None
    segment: int | None = None
    segments: int | None = None
    place: str | None = None
    attempt: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def host(self) -> str:
        """The machine that it runs on."""
        return self.owner.partition(":")[0].partition("/")[0]

    @property
    def pid(self) -> str:
        """Its number there."""
        return self.owner.rpartition("/")[2]

    @property
    def gone(self) -> bool:
        """Whether the process is known to be no more."""
        return leases.is_gone(self.owner)


def workers(session: Session, now: datetime) -> list[AtWork]:
    """Every worker process that holds something, or has ended a try in the last ten minutes; by host and number.

    Those that hold nothing and are gone are none.
    """
    of_videos = [*_scanning(session), *_finishing(session), *_reembedding(session)]
    busy = [*of_videos, *_admitting(session), *_at_chores(session)]
    known = {worker.owner for worker in busy}
    others = [AtWork(owner=owner, since=ended) for owner, ended in _lately(session, now) if owner not in known]
    return sorted(
        [*busy, *(worker for worker in others if not worker.gone)],
        key=lambda worker: (worker.host, worker.pid.zfill(10)),
    )


def anybody_here(session: Session) -> bool:
    """Whether a process of this host that is not gone holds something."""
    held = [leases.owners_in(table) for table in leases.LEASED]
    held += [select(table.lease_owner).where(table.lease_owner.is_not(None)) for table in (Chore, Reembedding)]
    return any(_is_here(owner) for chosen in held for owner in session.scalars(chosen))


def _is_here(owner: str | None) -> bool:
    return leases.pid_here(owner) is not None and not leases.is_gone(owner)


def _scanning(session: Session) -> list[AtWork]:
    every = aliased(Segment)
    count = select(func.count(every.id)).where(every.video_id == Video.id).correlate(Video).scalar_subquery()
    latest = _latest(_TRY.segment_id == Segment.id)
    rows = session.execute(
        select(Segment, Video.title, count, TaskRun.kind, TaskRun.started_at)
        .join(Video, Video.id == Segment.video_id)
        .outerjoin(TaskRun, TaskRun.id == latest)
        .where(Segment.state == SegmentState.RUNNING, Segment.lease_owner.is_not(None))
    )
    return [
        AtWork(
            owner=segment.lease_owner or "", stage=kind or "scan", video=segment.video_id, title=title,
            segment=segment.number, segments=total, attempt=segment.attempts, since=began, until=segment.lease_until,
        )
        for segment, title, total, kind, began in rows
    ]  # fmt: skip


def _finishing(session: Session) -> list[AtWork]:
    latest = _latest(_TRY.video_id == Video.id, _TRY.kind == "finish")
    rows = session.execute(
        select(Video, TaskRun.started_at)
        .outerjoin(TaskRun, TaskRun.id == latest)
        .where(Video.state == VideoState.FINISHING, Video.lease_owner.is_not(None))
    )
    return [
        AtWork(
            owner=video.lease_owner or "", stage="finish", video=video.id, title=video.title, attempt=video.attempts,
            since=began, until=video.lease_until,
        )
        for video, began in rows
    ]  # fmt: skip


def _admitting(session: Session) -> list[AtWork]:
    held = (Arrival.state == ArrivalState.RUNNING, Arrival.lease_owner.is_not(None))
    return [
        AtWork(
            owner=arrival.lease_owner or "", stage="admit", place=arrival.place, attempt=arrival.attempts,
            until=arrival.lease_until,
        )
        for arrival in session.scalars(select(Arrival).where(*held))
    ]  # fmt: skip


def _at_chores(session: Session) -> list[AtWork]:
    held = select(Chore).where(Chore.lease_owner.is_not(None))
    return [
        AtWork(owner=chore.lease_owner or "", stage=chore.name, until=chore.lease_until)
        for chore in session.scalars(held)
    ]


def _reembedding(session: Session) -> list[AtWork]:
    held = select(Reembedding).where(Reembedding.lease_owner.is_not(None))
    return [
        AtWork(owner=piece.lease_owner or "", stage="reembed", video=piece.video_id, until=piece.lease_until)
        for piece in session.scalars(held)
    ]


def _latest(*of: ColumnElement[bool]) -> ScalarSelect[int | None]:
    return select(func.max(_TRY.id)).where(*of).correlate(Segment, Video).scalar_subquery()


def _lately(session: Session, now: datetime) -> list[tuple[str, datetime]]:
    ended = func.max(TaskRun.ended_at)
    rows = session.execute(select(TaskRun.owner, ended).where(TaskRun.ended_at >= now - LATELY).group_by(TaskRun.owner))
    return [(owner, when) for owner, when in rows if when is not None]
