"""Past and open work in a ledger, written as rows: forecasts ask for weeks of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert

from db.schema import Priority, Segment, TaskRun, Video
from db.session import Session
from db.states import SegmentState, VideoState

SEGMENT_SAMPLES = 100
INTERVAL_MS = 3000


@dataclass(frozen=True)
class Spent:
    """Seconds of one worker process on one video, by what they were spent on."""

    scan: float
    refine: float = 0.0
    finish: float = 1.0
    failed: float = 0.0


def add_video(
    session: Session,
    number: int,
    *,
    samples: int = 100,
    state: VideoState = VideoState.DONE,
    submitted_at: datetime,
    ended_at: datetime | None = None,
    deadline: datetime | None = None,
    priority: Priority = Priority.NORMAL,
    codec: str = "h264",
    size: tuple[int, int] = (1920, 1080),
) -> Video:
    """A video of so many samples, without segments; its number tells it from others."""
    video = Video(
        content_hash=f"{number:064x}",
        byte_size=1,
        title=f"film {number}",
        path=f"/film-{number}",
        state=state,
        container="matroska",
        codec=codec,
        width=size[0],
        height=size[1],
        time_base_num=1,
        time_base_den=1000,
        origin_pts=0,
        duration_pts=samples * INTERVAL_MS,
        interval_ms=None if state == VideoState.WAITING else INTERVAL_MS,
        priority=priority,
        deadline=deadline,
        submitted_at=submitted_at,
        ended_at=ended_at,
    )
    session.add(video)
    session.flush()
    return video


def cut(session: Session, video: Video, samples: int, states: dict[int, SegmentState] | None = None) -> list[int]:
    """Segments of a video; those are scanned that are done, or that `states` lists."""
    rows = []
    for number, first in enumerate(range(0, samples, SEGMENT_SAMPLES)):
        state = (states or {}).get(number, SegmentState.DONE)
        rows.append(
            Segment(
                video_id=video.id,
                number=number + 1,
                first_sample=first,
                end_sample=min(samples, first + SEGMENT_SAMPLES),
                key_samples=0 if state == SegmentState.DONE else None,
                state=state,
            )
        )
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def add_runs(
    session: Session, video: Video, segment_ids: list[int], spent: Spent, until: datetime, owner: str = "elsewhere/1"
) -> None:
    """Tries of one process, one after the other, the last of which ends at `until`."""
    count = len(segment_ids)
    tries = [("scan", segment, spent.scan / count, "done") for segment in segment_ids]
    tries += [("scan", segment_ids[0], spent.failed, "failed")] if spent.failed else []
    tries += [("refine", segment, spent.refine / count, "done") for segment in segment_ids] if spent.refine else []
    tries += [("finish", None, spent.finish, "done")] if spent.finish else []  # type: ignore[list-item]  # no segment
    rows = []
    moment = until
    for kind, segment, seconds, outcome in reversed(tries):
        start = moment - timedelta(seconds=seconds)
        rows.append(
            {"kind": kind, "video_id": video.id, "segment_id": segment, "attempt": 1, "owner": owner,
             "started_at": start, "ended_at": moment, "outcome": outcome, "cpu_seconds": seconds}
        )  # fmt: skip
        moment = start
    session.execute(insert(TaskRun), rows[::-1])


def add_done(session: Session, number: int, until: datetime, spent: Spent, *, samples: int = 100) -> int:
    """A video that has ended, with what it has cost; its id."""
    video = add_video(session, number, samples=samples, submitted_at=until - timedelta(days=1), ended_at=until)
    add_runs(session, video, cut(session, video, samples), spent, until)
    return video.id
