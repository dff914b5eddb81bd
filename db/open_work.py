"""What is left to do of every video that has not ended, in the parts that a forecast reckons with."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session

from db import facts
from db.schema import Border, Segment, Video
from db.states import SEGMENT_OPEN, VIDEO_OPEN

IS_OPEN = Video.state.in_(VIDEO_OPEN), Video.ended_at.is_(None)
"""Conditions of videos that have not ended. One that is refilled has."""


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A video that has not ended, and what is left of it.

    Seconds are of video. `length`: all of it; None where nothing tells. `interval_ms`: None before it is cut into
    segments. `to_scan`: in segments that nobody has scanned. `to_refine`: in segments in whose time borders are to be
    looked at. `pieces`: segments that are left, 0 before it is cut. `begun`: whether any segment was scanned.
    `refined`: whether borders were asked for. `density`: of the samples that nobody has scanned, the share that is not
    left out.
    """

    id: int
    title: str
    state: str
    deadline: datetime | None
    priority: int
    submitted_at: datetime
    codec: str
    width: int
    height: int
    length: Fraction | None
    interval_ms: int | None
    to_scan: Fraction
    to_refine: Fraction
    pieces: int
    begun: bool
    refined: bool
    density: float = 1.0


def of_videos(session: Session) -> list[OpenWork]:
    """Every video that has not ended, in order of submission. What is only refilled has ended."""
    scanned = Segment.key_samples.is_not(None)
    length = Segment.end_sample - Segment.first_sample
    is_open = Segment.state.in_(SEGMENT_OPEN)
    cut = (
        select(
            Segment.video_id,
            func.sum(length).label("samples"),
            func.sum(case((is_open & ~scanned, length), else_=0)).label("to_scan"),
            func.sum(case((is_open & ~scanned, (length + Segment.stride - 1) // Segment.stride), else_=0)).label(
                "looks"
            ),
            func.sum(case((is_open & scanned, length), else_=0)).label("to_refine"),
            func.sum(case((is_open, 1), else_=0)).label("pieces"),
            func.sum(case((scanned, 1), else_=0)).label("scanned"),
            func.sum(case((Segment.end_sample.is_(None), 1), else_=0)).label("endless"),
        )
        .join(Video, Video.id == Segment.video_id)
        .where(*IS_OPEN)
        .group_by(Segment.video_id)
        .subquery()
    )
    asked = (
        select(Segment.video_id)
        .join(Border, Border.segment_id == Segment.id)
        .join(Video, Video.id == Segment.video_id)
        .where(*IS_OPEN)
    )
    refined = set(session.scalars(asked.distinct()))
    rows = session.execute(
        select(
            Video.id, Video.title, Video.state, Video.deadline, Video.priority, Video.submitted_at, Video.codec,
            Video.width, Video.height, Video.duration_pts, Video.time_base_num, Video.time_base_den, Video.interval_ms,
            cut.c.samples, cut.c.to_scan, cut.c.to_refine, cut.c.pieces, cut.c.scanned,
            cut.c.endless, cut.c.looks,
        )
        .outerjoin(cut, cut.c.video_id == Video.id)
        .where(*IS_OPEN)
        .order_by(Video.id)
    )  # fmt: skip
    return [_open_work(row, row.id in refined) for row in rows]


def _open_work(row: Row[*tuple[Any, ...]], refined: bool) -> OpenWork:
    interval = Fraction(row.interval_ms or 0, 1000)
    if row.interval_ms is None:
        known = row.duration_pts is not None
        length = facts.seconds(row.duration_pts, row.time_base_num, row.time_base_den) if known else None
    else:
        length = None if row.endless else (row.samples or 0) * interval
    return OpenWork(
        id=row.id, title=row.title, state=row.state, deadline=row.deadline, priority=row.priority,
        submitted_at=row.submitted_at, codec=row.codec or "", width=row.width or 0, height=row.height or 0,
        length=length, interval_ms=row.interval_ms,
        to_scan=(length or Fraction(0)) if row.interval_ms is None else (row.to_scan or 0) * interval,
        to_refine=(row.to_refine or 0) * interval, pieces=row.pieces or 0, begun=bool(row.scanned),
        refined=refined, density=row.looks / row.to_scan if row.to_scan else 1.0,
    )  # fmt: skip
