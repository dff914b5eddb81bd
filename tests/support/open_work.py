"""Who is at what in a ledger, read from outside."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from db.schema import Segment, Video
from db.session import Database
from db.states import ENDED, SEGMENT_ENDED, SegmentState, VideoState


@dataclass(frozen=True)
class Held:
    """A piece of work that a process holds. `stage`: `segment` or `video`."""

    stage: str
    id: int
    attempt: int
    pid: int


def held(database: Database) -> list[Held]:
    """What is worked on at this moment."""
    found = []
    with database.reading() as session:
        for table, state in ((Segment, SegmentState.RUNNING), (Video, VideoState.FINISHING)):
            rows = session.execute(
                select(table.id, table.attempts, table.lease_owner).where(
                    table.state == state, table.lease_owner.is_not(None)
                )
            )
            stage = table.__tablename__.removesuffix("s")
            found += [Held(stage, row[0], row[1], int((row[2] or "").rpartition("/")[2])) for row in rows]
    return found


def left(database: Database) -> int:
    """Videos and segments that have not ended."""
    with database.reading() as session:
        videos = session.scalar(select(func.count()).select_from(Video).where(Video.state.not_in(ENDED)))
        segments = session.scalar(select(func.count()).select_from(Segment).where(Segment.state.not_in(SEGMENT_ENDED)))
    return (videos or 0) + (segments or 0)


def scanned(database: Database) -> int:
    """Segments that were scanned."""
    with database.reading() as session:
        done = or_(Segment.state == SegmentState.DONE, Segment.key_samples.is_not(None))
        return session.scalar(select(func.count()).select_from(Segment).where(done)) or 0
