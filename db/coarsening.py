"""Samples that are left out while the night is too short for all of them, and asked for again when it is over.

A segment's *stride* says every which of its samples is looked at. It may change until the segment is scanned, and once
more afterwards, to 1: then the whole segment is scanned anew, and what was recorded of it stays until that has come to
an end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, literal_column, select, update
from sqlalchemy.orm import Session

from db.schema import Priority, SampleRun, Segment, Video
from db.states import WITH_NAMES, SegmentState, VideoState


def set_strides(session: Session, strides: Mapping[Priority, int]) -> int:
    """Let segments that nobody has begun leave samples out, or leave none out any more; how many that changes.

    Args:
        session: of the ledger.
        strides: by the priority of the video; 1 for others. Where no end is known, nothing is left out.
    """
    changed: list[int] = []
    for priority in Priority:
        stride = strides.get(priority, 1)
        of_videos = select(Video.id).where(
            Video.priority == priority, Video.state == VideoState.RUNNING, Video.ended_at.is_(None)
        )
        changed += session.scalars(
            update(Segment)
            .where(
                Segment.state == SegmentState.WAITING,
                Segment.key_samples.is_(None),
                Segment.end_sample.is_not(None),
                Segment.stride != stride,
                Segment.video_id.in_(of_videos),
            )
            .values(stride=stride)
            .returning(Segment.id)
            .execution_options(synchronize_session=False)
        )
    return len(changed)


def refillable(session: Session, most: int) -> Sequence[int]:
    """Videos that samples were left out of and nobody has asked for since, what was finished last first."""
    return session.scalars(
        select(Video.id)
        .where(Video.state.in_(WITH_NAMES), _left_out())
        .order_by(Video.finish_number.desc())
        .limit(most)
    ).all()


def refill(session: Session, video_id: int, now: datetime) -> list[int]:
    """Ask for all samples of a video of which some were left out; the segments that wait for a worker now.

    Who is in it stays written meanwhile. None wait where the video was asked for already, or is worked on.
    """
    taken = session.scalars(
        update(Video)
        .where(Video.id == video_id, Video.state.in_(WITH_NAMES), _left_out())
        .values(state=VideoState.RUNNING, refilled_at=now, attempts=0, excused=0)
        .returning(Video.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        return []
    asked = session.scalars(
        update(Segment)
        .where(Segment.video_id == video_id, Segment.stride > 1, Segment.state == SegmentState.DONE)
        .values(state=SegmentState.WAITING, stride=1, attempts=0, excused=0, cause=None, detail=None, lease_until=None)
        .returning(Segment.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(asked)


def is_coarse() -> ColumnElement[bool]:
    """Whether samples of a video were left out, and nobody has looked at them since."""
    return Video.id.in_(select(Segment.video_id).join(SampleRun, SampleRun.segment_id == Segment.id).where(_coarse()))


def count_coarse(session: Session) -> int:
    """How many videos are so."""
    chosen = select(func.count(Segment.video_id.distinct())).join(SampleRun, SampleRun.segment_id == Segment.id)
    return session.scalar(chosen.where(_coarse())) or 0


def _coarse() -> ColumnElement[bool]:
    # Written out, so that the index of such rows is used.
    return SampleRun.stride > literal_column("1")


def _left_out() -> ColumnElement[bool]:
    return exists().where(Segment.video_id == Video.id, Segment.stride > 1, Segment.state == SegmentState.DONE)
