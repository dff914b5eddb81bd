"""Finishing a video: its faces are read whole, its groups and appearances written in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db import borders, casts, counters, leases, quality, segments
from db.borders import BorderRecord
from db.casts import Cast
from db.leases import Allowance, Claim
from db.schema import EmbeddingSpaceRow, FaceRow, SampleOutcome, SampleRun, Segment, Video
from db.segments import RunRecord
from db.states import GIVEN_UP, WITH_NAMES, SegmentState, VideoState
from db.vectors import stack
from models.faces import Embeddings, overall


@dataclass(frozen=True, slots=True, eq=False)
class VideoFaces:
    """All n faces of one video in order of sample, then of place in the frame. `weights` are overall qualities."""

    ids: NDArray[np.int64]
    segment_ids: NDArray[np.int64]
    samples: NDArray[np.int64]
    pts: NDArray[np.int64]
    boxes: NDArray[np.int64]
    """(n, 4): left, top, right, bottom."""
    weights: NDArray[np.float64]
    embeddings: Embeddings


def claim(
    session: Session, video_id: int, *, owner: str, lease: float, allowed: Allowance, now: datetime
) -> Claim | None:
    """Take a video that is to be finished; None if it is not to be had."""
    return leases.claim(session, Video, video_id, owner=owner, lease=lease, allowed=allowed, now=now)


def faces(session: Session, video_id: int, length: int) -> VideoFaces:
    """The faces of a video, embeddings of `length` numbers each."""
    place = (FaceRow.left, FaceRow.top, FaceRow.right, FaceRow.bottom)
    rows = session.execute(
        select(
            FaceRow.id,
            FaceRow.segment_id,
            FaceRow.sample,
            FaceRow.pts,
            *place,
            FaceRow.embedding,
            *quality.columns(FaceRow),
        )
        .where(FaceRow.video_id == video_id)
        .order_by(FaceRow.sample, *place, FaceRow.score)
    ).all()
    numbers = np.array([row[:4] for row in rows], dtype=np.int64).reshape(-1, 4)
    parts = np.array([row[9:] for row in rows], dtype=np.float64)
    return VideoFaces(
        ids=numbers[:, 0],
        segment_ids=numbers[:, 1],
        samples=numbers[:, 2],
        pts=numbers[:, 3],
        boxes=np.array([row[4:8] for row in rows], dtype=np.int64).reshape(-1, 4),
        weights=overall(parts),
        embeddings=stack([row[8] for row in rows], length),
    )


def runs(session: Session, video_id: int) -> dict[int, list[RunRecord]]:
    """The account of a video's samples by segment id, in order of time."""
    rows = session.scalars(
        select(SampleRun)
        .join(Segment)
        .where(Segment.video_id == video_id)
        .order_by(SampleRun.segment_id, SampleRun.first_sample)
    )
    found: dict[int, list[RunRecord]] = {}
    for row in rows:
        outcome = SampleOutcome(row.outcome)
        record = RunRecord(row.first_sample, row.end_sample, outcome, row.first_pts, row.last_pts, row.stride)
        found.setdefault(row.segment_id, []).append(record)
    return found


def space_of(session: Session, video: Video) -> EmbeddingSpaceRow | None:
    """The space that the video's faces live in; None if no segment was scanned."""
    return None if video.space_id is None else session.get_one(EmbeddingSpaceRow, video.space_id)


def write(
    session: Session,
    held: Claim,
    cast: Cast,
    *,
    rule: str,
    gallery_version: int,
    now: datetime,
) -> VideoState:
    """Write who is in a video, replacing what was written before, and end it; the state that it ends in.

    Raises:
        LeaseLost: somebody else finishes the video.
    """
    state, cause, detail = _end_state(session, held.id)
    leases.change(
        session,
        held,
        state=state,
        cause=cause,
        detail=detail,
        rule=rule,
        gallery_version=gallery_version,
        matched_version=gallery_version,
        matched_rule=rule,
        ended_at=_first_end(now),
        lease_owner=None,
        lease_until=None,
    )
    casts.replace(session, held.id, cast)
    if state in WITH_NAMES:
        # Last of all: nobody else can finish a video while the number is held.
        drawn = counters.draw(session, counters.FINISHED)
        session.execute(update(Video).where(Video.id == held.id).values(finish_number=drawn))
    return state


def ask(session: Session, held: Claim, wanted: Sequence[BorderRecord]) -> list[int]:
    """Let workers look at borders before a video is finished; the segments that wait for it now.

    Raises:
        LeaseLost: somebody else finishes the video.
    """
    leases.change(session, held, state=VideoState.RUNNING, lease_owner=None, lease_until=None)
    borders.add(session, wanted)
    segment_ids = sorted({record.segment_id for record in wanted})
    segments.look_again(session, segment_ids)
    return segment_ids


def _end_state(session: Session, video_id: int) -> tuple[VideoState, str | None, str | None]:
    """What the frame accounts of the video's segments add up to."""
    # As `RunRecord.count` has it.
    count = (SampleRun.end_sample - SampleRun.first_sample + SampleRun.stride - 1) // SampleRun.stride
    lengths = func.coalesce(func.sum(count), 0)
    rows = session.execute(
        select(SampleRun.outcome, lengths).join(Segment).where(Segment.video_id == video_id).group_by(SampleRun.outcome)
    )
    counts = {outcome: int(count) for outcome, count in rows}
    given_up = session.scalars(
        select(Segment).where(Segment.video_id == video_id, Segment.state.in_(GIVEN_UP)).order_by(Segment.number)
    ).all()
    missing = counts.pop(SampleOutcome.UNDECODABLE, 0)
    seen = sum(counts.values())
    if not seen and not missing and not given_up:
        return VideoState.FAILED, "undecodable", "not one frame could be decoded"
    if not missing and not given_up:
        return VideoState.DONE, None, None
    # What another try may end otherwise is what a person should hear of first.
    retriable = [segment for segment in given_up if segment.state == SegmentState.QUARANTINED]
    if given_up:
        told = (retriable or given_up)[0]
        cause, detail = told.cause, told.detail
    else:
        cause, detail = "undecodable", f"{missing} of {missing + seen} samples could not be decoded"
    if seen:
        return VideoState.PARTIAL, cause, detail
    return (VideoState.QUARANTINED if retriable else VideoState.FAILED), cause, detail


def fail(session: Session, held: Claim, *, permanent: bool, cause: str, detail: str, now: datetime) -> None:
    """End a video that could not be finished. `permanent`: another try would end as this one; else: quarantine.

    Raises:
        LeaseLost: somebody else has it.
    """
    leases.change(
        session,
        held,
        state=VideoState.FAILED if permanent else VideoState.QUARANTINED,
        cause=cause,
        detail=detail,
        ended_at=_first_end(now),
        lease_owner=None,
        lease_until=None,
    )


def end_exhausted(session: Session, video_id: int, *, allowed: Allowance, now: datetime) -> None:
    """Put a video whose tries at finishing it are used up in quarantine."""
    detail = "every try at grouping its faces ended without a word"
    ended = {"state": VideoState.QUARANTINED, "ended_at": _first_end(now)}
    leases.end_exhausted(session, Video, video_id, allowed=allowed, now=now, detail=detail, **ended)


def _first_end(now: datetime) -> ColumnElement[datetime]:
    """A video that is refilled has ended before, and that is when it was done."""
    return func.coalesce(Video.ended_at, now)
