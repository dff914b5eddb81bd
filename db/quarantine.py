"""What has used up its tries, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, select
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
    given_up: dict[int, list[Segment]] = {}
    for segment in session.scalars(
        select(Segment).where(Segment.state == SegmentState.QUARANTINED).order_by(Segment.video_id, Segment.number)
    ):
        given_up.setdefault(segment.video_id, []).append(segment)
    has_given_up = exists().where(Segment.video_id == Video.id, Segment.state == SegmentState.QUARANTINED)
    chosen = select(Video).where((Video.state == VideoState.QUARANTINED) | has_given_up).order_by(Video.id)
    return [_quarantined(video, given_up.get(video.id, [])) for video in session.scalars(chosen)]


def _quarantined(video: Video, segments: Sequence[Segment]) -> Quarantined:
    stage, tries = (Stage.PROBE, 0) if videos.is_unprobed(video) else (Stage.FINISH, video.attempts)
    told: Video | Segment = video
    if segments:
        stage, tries, told = Stage.SCAN, max(segment.attempts for segment in segments), segments[0]
    cause, detail = told.cause or "", told.detail or ""
    return Quarantined(video.id, video.title, video.state, stage, len(segments), tries, cause, detail)
