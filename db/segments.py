"""Segments: planned, claimed, recorded; and the moment in which a video's last one ends."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from config.errors import LeaseLost, MixedEngines
from db import borders, counters, frames, leases, packs
from db.borders import BorderFound
from db.frames import FrameRecord
from db.leases import Allowance, Claim
from db.packs import Pack
from db.parts import parts
from db.schema import FaceCrop, FaceRow, SampleOutcome, SampleRun, Segment, Video
from db.states import SEGMENT_OPEN, SegmentState, VideoState
from db.vectors import to_bytes
from models.faces import Face


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """A face as it is recorded: in which sample, at which tick from the origin, with a JPEG for people to look at."""

    sample: int
    pts: int
    face: Face
    crop: bytes


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Samples [first_sample, end_sample) that ended alike; ticks of their first and last frame, None if undecodable.

    `stride`: every which of them is meant, from the first one on; the others were left out.
    """

    first_sample: int
    end_sample: int
    outcome: SampleOutcome
    first_pts: int | None
    last_pts: int | None
    stride: int = 1

    @property
    def count(self) -> int:
        """Samples that were not left out."""
        return -(-(self.end_sample - self.first_sample) // self.stride)

    @property
    def last_sample(self) -> int:
        """The last of these."""
        return self.first_sample + (self.count - 1) * self.stride


def plan(
    session: Session, video_id: int, ranges: Sequence[tuple[int, int | None]], interval_ms: int, tolerance_ms: int = 0
) -> list[int]:
    """Cut a waiting video into segments [first, end) of samples; their ids, or none if it was planned before."""
    planned = session.execute(
        update(Video)
        .where(Video.id == video_id, Video.state == VideoState.WAITING)
        .values(
            state=VideoState.RUNNING,
            interval_ms=interval_ms,
            tolerance_ms=tolerance_ms,
            horizon=counters.last(session, counters.FINISHED),
        )
        .returning(Video.id)
    ).scalar_one_or_none()
    if planned is None:
        return []
    rows = [
        {
            "video_id": video_id,
            "number": number,
            "first_sample": first,
            "end_sample": end,
            "stride": 1,
            "state": SegmentState.WAITING,
            "attempts": 0,
            "excused": 0,
        }
        for number, (first, end) in enumerate(ranges, start=1)
    ]
    return list(session.scalars(insert(Segment).returning(Segment.id, sort_by_parameter_order=True), rows))


def claim(
    session: Session, segment_id: int, *, owner: str, lease: float, allowed: Allowance, now: datetime
) -> tuple[Claim, Segment] | None:
    """Take a segment for `lease` seconds; None if it is not to be had."""
    held = leases.claim(session, Segment, segment_id, owner=owner, lease=lease, allowed=allowed, now=now)
    if held is None:
        return None
    return held, session.get_one(Segment, segment_id, populate_existing=True)


def record(
    session: Session,
    held: Claim,
    *,
    space_id: int,
    detector: str,
    faces: Sequence[FaceRecord],
    runs: Sequence[RunRecord],
    analysed: Sequence[FrameRecord] = (),
    key_samples: int = 0,
    pack: Pack | None = None,
) -> bool:
    """Write a segment's outcome, replacing what an earlier try wrote; whether the video waits for finishing now.

    `pack`: where the crops of the faces are, in their order; None: the ledger is to keep them.

    Raises:
        LeaseLost: somebody else has taken the segment over, or its pack was given up; nothing is written.
        MixedEngines: other segments of the video were scanned with other settings; nothing is written.
    """
    video_id = _lock_video(session, held.id)
    end_sample = runs[-1].end_sample if runs else None
    values: dict[str, object] = {
        "state": SegmentState.DONE,
        "lease_owner": None,
        "lease_until": None,
        "cause": None,
        "detail": None,
        "key_samples": key_samples,
        "reused_samples": sum(frame.reused_from is not None for frame in analysed),
    }
    if end_sample is not None:
        values["end_sample"] = end_sample
    leases.change(session, held, **values)
    _replace_rows(session, held.id, video_id, space_id, faces, runs, pack)
    frames.replace(session, held.id, analysed)
    _set_engine(session, video_id, space_id, detector)
    return end_if_complete(session, video_id)


def look_again(session: Session, segment_ids: Collection[int]) -> None:
    """Give segments that are done back to the workers: borders in their time are to be looked at."""
    for some in parts(sorted(segment_ids)):
        session.execute(
            update(Segment)
            .where(Segment.id.in_(some))
            .values(state=SegmentState.WAITING, attempts=0, excused=0, cause=None, detail=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )


def record_borders(session: Session, held: Claim, found: Sequence[BorderFound]) -> bool:
    """Write what looking at a segment's borders gave; whether the video waits for finishing now.

    Raises:
        LeaseLost: somebody else has taken the segment over; nothing is written.
    """
    video_id = _lock_video(session, held.id)
    ended = {"lease_owner": None, "lease_until": None, "cause": None, "detail": None}
    leases.change(session, held, state=SegmentState.DONE, **ended)
    borders.write(session, found)
    return end_if_complete(session, video_id)


def _set_engine(session: Session, video_id: int, space_id: int, detector: str) -> None:
    """Note the engine of a video's faces, which is that of its first recorded segment."""
    video = session.get_one(Video, video_id, populate_existing=True)
    if video.space_id is None:
        video.space_id, video.detector = space_id, detector
        session.flush()
    elif (video.space_id, video.detector) != (space_id, detector):
        raise MixedEngines(
            f"video {video_id}",
            f"its other segments were scanned by {video.detector} in embedding space {video.space_id}, this worker has "
            f"{detector} in {space_id}",
            "let all workers run with the same settings of `faces`",
        )


def _replace_rows(
    session: Session,
    segment_id: int,
    video_id: int,
    space_id: int,
    faces: Sequence[FaceRecord],
    runs: Sequence[RunRecord],
    pack: Pack | None = None,
) -> None:
    session.execute(delete(FaceRow).where(FaceRow.segment_id == segment_id))
    session.execute(delete(SampleRun).where(SampleRun.segment_id == segment_id))
    if faces:
        rows = [_face_row(record, segment_id, video_id, space_id) for record in faces]
        ids = session.scalars(insert(FaceRow).returning(FaceRow.id, sort_by_parameter_order=True), rows).all()
        if pack is None:
            crops = [{"face_id": face_id, "jpeg": record.crop} for face_id, record in zip(ids, faces, strict=True)]
            session.execute(insert(FaceCrop), crops)
        else:
            packs.keep(session, pack, ids)
    if runs:
        session.execute(
            insert(SampleRun),
            [
                {
                    "segment_id": segment_id,
                    "first_sample": run.first_sample,
                    "end_sample": run.end_sample,
                    "stride": run.stride,
                    "outcome": run.outcome,
                    "first_pts": run.first_pts,
                    "last_pts": run.last_pts,
                }
                for run in runs
            ],
        )


def _face_row(record: FaceRecord, segment_id: int, video_id: int, space_id: int) -> dict[str, object]:
    face = record.face
    return {
        "video_id": video_id,
        "segment_id": segment_id,
        "sample": record.sample,
        "pts": record.pts,
        "left": face.box.left,
        "top": face.box.top,
        "right": face.box.right,
        "bottom": face.box.bottom,
        "score": face.score,
        **face.quality.parts,
        "landmarks": to_bytes(face.landmarks),
        "space_id": space_id,
        "embedding": to_bytes(face.embedding),
    }


def fail(session: Session, held: Claim, *, permanent: bool, cause: str, detail: str) -> bool:
    """End a segment without an outcome; whether the video waits for finishing now.

    One that was scanned before stays done, and as it was. `permanent`: another try would end as this one; else it is
    put in quarantine.

    Raises:
        LeaseLost: somebody else has it already.
    """
    video_id = _lock_video(session, held.id)
    if _was_scanned(session, held.id):
        leases.change(
            session, held, state=SegmentState.DONE, lease_owner=None, lease_until=None, cause=cause, detail=detail
        )
        borders.give_up(session, held.id, cause)
        return end_if_complete(session, video_id)
    state = SegmentState.FAILED if permanent else SegmentState.QUARANTINED
    leases.change(session, held, state=state, lease_owner=None, lease_until=None, cause=cause, detail=detail)
    return _close_failed(session, held.id, video_id)


def end_exhausted(session: Session, segment_id: int, *, allowed: Allowance, now: datetime) -> bool:
    """Put a segment whose tries are used up in quarantine; whether the video waits for finishing now."""
    video_id = _lock_video(session, segment_id)
    row = session.get_one(Segment, segment_id, populate_existing=True)
    detail = f"{row.attempts} tries ended without a word: the process was killed or the machine failed"
    cause, was_scanned = row.cause or leases.WORKER_DIED, _was_scanned(session, segment_id)
    state = SegmentState.DONE if was_scanned else SegmentState.QUARANTINED
    if not leases.end_exhausted(session, Segment, segment_id, allowed=allowed, now=now, detail=detail, state=state):
        return False
    if was_scanned:
        borders.give_up(session, segment_id, cause)
        return end_if_complete(session, video_id)
    return _close_failed(session, segment_id, video_id)


def _was_scanned(session: Session, segment_id: int) -> bool:
    """Whether there is an outcome of a segment already; then only more was to be looked at."""
    scanned = session.scalar(select(Segment.key_samples).where(Segment.id == segment_id)) is not None
    # What was scanned before there were key samples has none.
    return scanned or borders.is_to_look_at(session, segment_id)


def _close_failed(session: Session, segment_id: int, video_id: int) -> bool:
    """Account for the samples that nobody will look at."""
    row = session.get_one(Segment, segment_id, populate_existing=True)
    lost = []
    if row.end_sample is not None and row.end_sample > row.first_sample:
        lost = [RunRecord(row.first_sample, row.end_sample, SampleOutcome.UNDECODABLE, None, None)]
    _replace_rows(session, segment_id, video_id, 0, [], lost)
    frames.replace(session, segment_id, [])
    return end_if_complete(session, video_id)


def end_if_complete(session: Session, video_id: int) -> bool:
    """Move a running video on when none of its segments is open; whether this call has done so."""
    return bool(_end_complete(session, Video.id == video_id))


def any_complete(session: Session) -> bool:
    """Whether a video is to be moved on of which no segment is open."""
    return bool(session.scalar(select(exists().where(*_IS_COMPLETE))))


def end_complete(session: Session) -> list[int]:
    """Move all videos on of which no segment is open; which these were. Whoever ends a last segment does so for it."""
    return _end_complete(session)


_IS_COMPLETE = (
    Video.state == VideoState.RUNNING,
    ~exists().where(Segment.video_id == Video.id, Segment.state.in_(SEGMENT_OPEN)),
)


def _end_complete(session: Session, *of: ColumnElement[bool]) -> list[int]:
    moved = session.scalars(
        update(Video)
        .where(*of, *_IS_COMPLETE)
        .values(state=VideoState.FINISHING, attempts=0, excused=0, lease_owner=None, lease_until=None)
        .returning(Video.id)
        .execution_options(synchronize_session=False)
    )
    return list(moved)


def _lock_video(session: Session, segment_id: int) -> int:
    """The segment's video, locked: of two last segments that end at once, the second must see the first.

    Raises:
        LeaseLost: it was removed meanwhile.
    """
    found = session.scalars(
        select(Video.id)
        .join(Segment, Segment.video_id == Video.id)
        .where(Segment.id == segment_id)
        .with_for_update(of=Video)
    ).one_or_none()
    if found is None:
        raise LeaseLost(f"segment {segment_id}", "its video was removed", "nothing was written")
    return found
