"""What has used up its tries, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import videos
from db.schema import Segment, Video
from db.states import SegmentState, VideoState


class Stage(StrEnum):
    """At which its tries were used up."""

    PROBE = "probe"
    SCAN = "scan"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A video of which something is in quarantine: at which stage, how many segments, after how many tries, and why."""

    video_id: int
    title: str
    state: str
    stage: Stage
    segments: int
    tries: int
    cause: str
    detail: str


def listed(session: Session) -> list[Quarantined]:
    """Everything in quarantine, in order of submission."""
    scanned = (
        select(Segment.video_id, func.count().label("segments"), func.max(Segment.attempts).label("tries"))
        .where(Segment.state == SegmentState.QUARANTINED)
        .group_by(Segment.video_id)
        .subquery()
    )
    rows = session.execute(
        select(Video, scanned.c.segments, scanned.c.tries)
        .outerjoin(scanned, scanned.c.video_id == Video.id)
        .where((Video.state == VideoState.QUARANTINED) | scanned.c.segments.is_not(None))
        .order_by(Video.id)
    )
    return [_quarantined(session, video, segments or 0, tries or 0) for video, segments, tries in rows]


def _quarantined(session: Session, video: Video, segments: int, tries: int) -> Quarantined:
    cause, detail = video.cause, video.detail
    if segments:
        stage = Stage.SCAN
        cause, detail = _first_of(session, video.id)
    elif videos.is_unprobed(video):
        stage = Stage.PROBE
    else:
        stage, tries = Stage.FINISH, video.attempts
    return Quarantined(video.id, video.title, video.state, stage, segments, tries, cause or "", detail or "")


def _first_of(session: Session, video_id: int) -> tuple[str | None, str | None]:
    found: Sequence[Segment] = session.scalars(
        select(Segment)
        .where(Segment.video_id == video_id, Segment.state == SegmentState.QUARANTINED)
        .order_by(Segment.number)
        .limit(1)
    ).all()
    return found[0].cause, found[0].detail
