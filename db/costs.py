"""What past work has cost, by video: what forecasts are learnt from.

Of a ledger of any size a bounded sample is read: videos of the last weeks, drawn by their ids, so that each night gives
its share. Indexes: `videos.ended_at`, `task_runs.video_id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, exists, func, select
from sqlalchemy.orm import Session

from db.elapsed import Elapsed
from db.schema import Segment, TaskRun, Video
from db.states import ENDED, VideoState
from db.task_runs import KINDS

_WORKED_ON: Final = tuple(state for state in ENDED if state != VideoState.REJECTED)
_BEGUN: Final = (VideoState.RUNNING, VideoState.FINISHING)

# A multiplicative hash: ids that lie evenly, as those of eight channels in turn do, are drawn evenly still.
_FACTOR: Final = 48_271
_BUCKETS: Final = 65_537


@dataclass(frozen=True, slots=True)
class VideoCost:
    """What one video has cost so far.

    `samples`: of its segments that were scanned, without those that were left out; `interval_ms`: from one to the next.
    `scan`, `refine`, `finish`: seconds of one worker process, of tries that ended well. `wasted`: seconds of tries that
    failed or lost their lease. `ended`: whether all of it is done. `at`: when its last try ended.
    """

    video_id: int
    codec: str
    width: int
    height: int
    interval_ms: int
    samples: int
    scan: float
    refine: float
    finish: float
    wasted: float
    ended: bool
    at: datetime


def of_videos(session: Session, *, since: datetime, most: int) -> list[VideoCost]:
    """What videos have cost that ended since, and those that are worked on; about `most` of either, in order of ids.

    Of one that was refilled nobody can tell which samples the seconds were spent on: it is left out.
    """
    ended = (Video.ended_at >= since, Video.state.in_(_WORKED_ON), Video.refilled_at.is_(None))
    begun = (
        Video.state.in_(_BEGUN),
        Video.ended_at.is_(None),
        exists().where(TaskRun.video_id == Video.id, TaskRun.ended_at.is_not(None)),
    )
    found = [cost for fitting in (ended, begun) for cost in _sample(session, fitting, most)]
    return sorted(found, key=lambda cost: cost.video_id)


def _sample(session: Session, fitting: Sequence[ColumnElement[bool]], most: int) -> list[VideoCost]:
    count = session.scalar(select(func.count()).select_from(Video).where(*fitting)) or 0
    share = _BUCKETS if count <= most else _BUCKETS * most // count
    drawn = cast(Video.id, BigInteger) * _FACTOR % _BUCKETS < share
    spent = _spent(select(Video.id).where(*fitting, drawn)).subquery()
    samples = _samples(select(Video.id).where(*fitting, drawn)).subquery()
    rows = session.execute(
        select(
            Video.id, Video.codec, Video.width, Video.height, Video.interval_ms, Video.state,
            samples.c.samples, samples.c.planned,
            spent.c.scan, spent.c.refine, spent.c.finish, spent.c.wasted, spent.c.at,
        )
        .join(spent, spent.c.video_id == Video.id)
        .join(samples, samples.c.video_id == Video.id)
        .where(Video.interval_ms.is_not(None), samples.c.samples > 0)
    )  # fmt: skip
    return [
        VideoCost(
            video_id=row.id, codec=row.codec or "", width=row.width or 0, height=row.height or 0,
            interval_ms=row.interval_ms * row.planned // row.samples, samples=row.samples,
            scan=row.scan, refine=row.refine, finish=row.finish,
            wasted=row.wasted, ended=row.state in ENDED, at=row.at,
        )
        for row in rows
    ]  # fmt: skip


def _spent(chosen: Select[int]) -> Select[int, Any, Any, Any, Any, datetime | None]:
    """Seconds by what they were spent on, of each video."""
    seconds = Elapsed(TaskRun.started_at, TaskRun.ended_at)
    well = TaskRun.outcome == "done"
    scan, refine, finish = (func.sum(case((well & (TaskRun.kind == kind), seconds), else_=0.0)) for kind in KINDS)
    return (
        select(
            TaskRun.video_id,
            scan.label("scan"),
            refine.label("refine"),
            finish.label("finish"),
            func.sum(case((~well, seconds), else_=0.0)).label("wasted"),
            func.max(TaskRun.ended_at).label("at"),
        )
        .where(TaskRun.video_id.in_(chosen), TaskRun.ended_at.is_not(None))
        .group_by(TaskRun.video_id)
    )


def _samples(chosen: Select[int]) -> Select[int, int | None, int | None]:
    """Samples that were scanned, and those together with what was left out between them, of each video."""
    planned = Segment.end_sample - Segment.first_sample
    looked_at = (planned + Segment.stride - 1) // Segment.stride
    return (
        select(Segment.video_id, func.sum(looked_at).label("samples"), func.sum(planned).label("planned"))
        .where(Segment.video_id.in_(chosen), Segment.key_samples.is_not(None))
        .group_by(Segment.video_id)
    )
