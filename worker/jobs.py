"""What a piece of work needs to know, read from the ledger when it is claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from db import borders, finishing, frames, videos
from db.borders import BorderRecord, Edge, Witnesses
from db.facts import VideoFacts
from db.frames import Scope
from db.leases import Claim
from db.schema import Segment, Video
from db.session import Session
from storage.places import Place, parse
from worker.process import WorkerProcess


@dataclass(frozen=True, slots=True)
class Content:
    """Where a video's file is, and which one it is."""

    place: Place
    hash: str
    size: int
    modified_ns: int | None

    @classmethod
    def of(cls, video: Video) -> Self:
        """That of a row."""
        return cls(parse(video.path), video.content_hash, video.byte_size, video.modified_ns)


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """Everything that scanning a segment needs to know, read when it was claimed."""

    claim: Claim
    video_id: int
    content: Content
    facts: VideoFacts
    first_sample: int
    end_sample: int | None
    interval_ms: int
    tolerance_ms: int
    stride: int
    reusable: Scope | None
    """Whose frames may be reused; None where there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class BorderJob:
    """Everything that looking at a segment's borders needs to know, read when it was claimed."""

    claim: Claim
    video_id: int
    content: Content
    facts: VideoFacts
    space_name: str
    detector: str
    wanted: Sequence[BorderRecord]
    witnesses: Mapping[Edge, Witnesses]


def segment_job(process: WorkerProcess, session: Session, held: Claim, segment: Segment) -> SegmentJob:
    """Of a segment that is to be scanned."""
    video = videos.get(session, segment.video_id)
    return SegmentJob(
        claim=held,
        video_id=video.id,
        content=Content.of(video),
        facts=videos.facts(video),
        first_sample=segment.first_sample,
        end_sample=segment.end_sample,
        interval_ms=video.interval_ms or process.settings.interval_ms,
        tolerance_ms=video.tolerance_ms or 0,
        stride=segment.stride,
        reusable=frames.scope(session, process.engine.space.name, process.engine.detector_name, video.horizon),
    )


def border_job(session: Session, held: Claim, segment: Segment, wanted: Sequence[BorderRecord]) -> BorderJob:
    """Of a segment in which borders are to be looked at."""
    video = videos.get(session, segment.video_id)
    space = finishing.space_of(session, video)
    return BorderJob(
        claim=held,
        video_id=video.id,
        content=Content.of(video),
        facts=videos.facts(video),
        space_name=space.name if space else "",
        detector=video.detector or "",
        wanted=wanted,
        witnesses=borders.witnesses(session, wanted, space.length if space else 0),
    )
