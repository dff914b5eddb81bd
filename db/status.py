"""Where the queue stands: for `rollcall status` and for whoever waits until it is empty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, case, cast, exists, func, select
from sqlalchemy.orm import Session

from db import arrivals, coarsening
from db.schema import FaceGroup, Segment, Source, Video
from db.states import ENDED, SEGMENT_ENDED, VideoState
from models.decision import Decision


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try that has failed and is to be made again: by what, and not before when; None where it is under way."""

    cause: str
    detail: str | None
    again_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStatus:
    """One video's line: its state and cause, segments ended of all, people found (recognisable ones), dates.

    `channels`: of all its sources, where they were told. `failed_try`: of what is open of it, the one that is made
    again first. `coarse`: whether samples of it were left out for want of time.
    """

    id: int
    title: str
    path: str
    channels: tuple[str, ...]
    state: str
    cause: str | None
    detail: str | None
    failed_try: FailedTry | None
    segments_ended: int
    segments: int
    people: int
    submitted_at: datetime
    deadline: datetime | None
    ended_at: datetime | None
    coarse: bool

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done for it."""
        return self.state not in ENDED


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to be done: videos that have not ended, segments of theirs that are open, and what has arrived in
    watched places and is no video yet.
    """  # noqa: D205  the two lines are one sentence

    videos: int
    segments: int
    arrivals: int


def lines(session: Session, *, recent: int | None = None) -> list[VideoStatus]:
    """Videos in order of submission.

    Args:
        session: of the ledger.
        recent: of the videos that ended well, only this many of the last; all where it is None.
    """
    ended = func.coalesce(func.sum(cast(case((Segment.state.in_(SEGMENT_ENDED), 1), else_=0), Integer)), 0)
    people = (
        select(func.count())
        .select_from(FaceGroup)
        .where(FaceGroup.video_id == Video.id, FaceGroup.decision != Decision.UNRECOGNISABLE)
        .scalar_subquery()
    )
    coarse = coarsening.is_coarse().label("coarse")
    chosen = select(Video, ended, func.count(Segment.id), people, coarse).outerjoin(Segment).group_by(Video.id)
    if recent is not None:
        latest = select(Video.id).where(Video.state == VideoState.DONE).order_by(Video.ended_at.desc()).limit(recent)
        chosen = chosen.where((Video.state != VideoState.DONE) | Video.id.in_(latest))
    failed, channels = _failed_tries(session), _channels(session)
    return [
        VideoStatus(
            id=video.id,
            title=video.title,
            path=video.path,
            channels=tuple(channels.get(video.id, ())),
            state=video.state,
            cause=video.cause,
            detail=video.detail,
            failed_try=failed.get(video.id),
            segments_ended=int(ended_count),
            segments=count,
            people=people_count,
            submitted_at=video.submitted_at,
            deadline=video.deadline,
            ended_at=video.ended_at,
            coarse=bool(is_coarse),
        )
        for video, ended_count, count, people_count, is_coarse in session.execute(chosen.order_by(Video.id))
    ]


def _failed_tries(session: Session) -> dict[int, FailedTry]:
    """The last failed try of what is open, by the video; of several the one that is made again first."""
    found: dict[int, FailedTry] = {}
    scanning = select(Segment.video_id, Segment.cause, Segment.detail, Segment.lease_owner, Segment.lease_until)
    finishing = select(Video.id, Video.cause, Video.detail, Video.lease_owner, Video.lease_until)
    for chosen in (
        scanning.where(Segment.state.not_in(SEGMENT_ENDED), Segment.cause.is_not(None)).order_by(Segment.lease_until),
        finishing.where(Video.state == VideoState.FINISHING, Video.cause.is_not(None)),
    ):
        for video_id, cause, detail, owner, until in session.execute(chosen):
            found.setdefault(video_id, FailedTry(cause or "", detail, None if owner else until))
    return found


def _channels(session: Session) -> dict[int, list[str]]:
    told = select(Source.video_id, Source.channel).where(Source.channel.is_not(None)).distinct()
    found: dict[int, list[str]] = {}
    for video_id, channel in session.execute(told.order_by(Source.video_id, Source.channel)):
        found.setdefault(video_id, []).append(channel or "")
    return found


def backlog(session: Session, seen_by: datetime | None = None, roots: Sequence[str] = ()) -> Backlog:
    """What is still to be done. Of arrivals below some roots that may still be written those count that have not
    changed since a moment.
    """  # noqa: D205  the lines are one sentence
    open_videos = session.scalar(select(func.count()).select_from(Video).where(Video.state.not_in(ENDED)))
    open_segments = session.scalar(select(func.count()).select_from(Segment).where(Segment.state.not_in(SEGMENT_ENDED)))
    return Backlog(open_videos or 0, open_segments or 0, arrivals.unfinished(session, seen_by, roots))


def is_busy(session: Session) -> bool:
    """Whether videos are worked on, or wait for a worker right now; those that wait for the night do not count."""
    segments = exists().where(Segment.state.not_in(SEGMENT_ENDED))
    finishing = exists().where(Video.state == VideoState.FINISHING)
    return bool(session.scalar(select(segments | finishing)))


def ended_since(session: Session, moment: datetime) -> Sequence[Video]:
    """The videos that have ended since, in order of their ends; also those that were rejected when they arrived."""
    return session.scalars(select(Video).where(Video.ended_at >= moment).order_by(Video.ended_at, Video.id)).all()
