"""Borders of appearances: what is to be looked at between two samples, and what came of it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from db.parts import parts
from db.schema import Appearance, Border, FaceRow, FrameRow, Segment, Side
from db.vectors import stack
from models.faces import Embeddings

Edge = tuple[int, Side]
"""A border's name: the id of the first or last face of an appearance, and which of both it is."""


@dataclass(frozen=True, slots=True)
class BorderRecord:
    """Between which frames somebody came or left; ticks from the origin.

    `seen`: the frame nearest to the border that shows the person. `unseen`: the nearest one that does not. `witnesses`:
    faces by which the person is known again, that of the edge first.
    """

    face_id: int
    side: Side
    segment_id: int
    witnesses: tuple[int, ...]
    seen: int
    unseen: int

    @property
    def edge(self) -> Edge:
        """Its name."""
        return self.face_id, self.side


@dataclass(frozen=True, slots=True, eq=False)
class Witnesses:
    """n faces by which a person is known again, n at least 1: their embeddings, columns of the edge's own box."""

    embeddings: Embeddings
    width: int


@dataclass(frozen=True, slots=True)
class BorderFound:
    """What looking gave: the frames nearest to a border (see `BorderRecord`), and how many frames were looked at."""

    edge: Edge
    seen: int
    unseen: int
    looks: int


def add(session: Session, records: Sequence[BorderRecord]) -> None:
    """Note borders that are to be looked at."""
    session.execute(
        insert(Border),
        [
            {
                "face_id": record.face_id,
                "side": record.side,
                "segment_id": record.segment_id,
                "witnesses": json.dumps(record.witnesses),
                "seen_pts": record.seen,
                "unseen_pts": record.unseen,
            }
            for record in records
        ],
    )


def of_video(session: Session, video_id: int) -> dict[Edge, BorderRecord]:
    """All borders of a video that were looked at or given up."""
    rows = session.scalars(select(Border).join(Segment).where(Segment.video_id == video_id, Border.looks.is_not(None)))
    return {record.edge: record for record in map(_record, rows)}


def to_look_at(session: Session, segment_id: int) -> list[BorderRecord]:
    """The borders of a segment that nobody has looked at yet.

    In order of time, then of the faces' places: the same whatever ids they have been given.
    """
    rows = session.scalars(
        select(Border)
        .join(FaceRow, FaceRow.id == Border.face_id)
        .where(Border.segment_id == segment_id, Border.looks.is_(None))
        .order_by(FaceRow.pts, Border.side, FaceRow.left, FaceRow.top, FaceRow.right, FaceRow.bottom, FaceRow.score)
    )
    return [_record(row) for row in rows]


def is_to_look_at(session: Session, segment_id: int) -> bool:
    """Whether a segment has borders that nobody has looked at yet."""
    wanted = exists().where(Border.segment_id == segment_id, Border.looks.is_(None))
    return bool(session.scalar(select(wanted)))


def write(session: Session, found: Sequence[BorderFound]) -> None:
    """Note what looking has given."""
    if found:
        session.execute(
            update(Border),
            [
                {
                    "face_id": each.edge[0],
                    "side": each.edge[1],
                    "seen_pts": each.seen,
                    "unseen_pts": each.unseen,
                    "looks": each.looks,
                }
                for each in found
            ],
        )


def give_up(session: Session, segment_id: int, cause: str) -> None:
    """Leave the borders of a segment that nobody has looked at as samples tell them, for good."""
    session.execute(
        update(Border)
        .where(Border.segment_id == segment_id, Border.looks.is_(None))
        .values(looks=0, cause=cause)
        .execution_options(synchronize_session=False)
    )


def frame_times(session: Session, video_id: int) -> dict[int, int]:
    """Ticks of the analysed frames of a video by sample, as far as the ledger kept them."""
    of_frames = select(FrameRow.sample, FrameRow.pts).join(Segment).where(Segment.video_id == video_id)
    of_faces = select(FaceRow.sample, FaceRow.pts).where(FaceRow.video_id == video_id)
    times = dict(session.execute(of_frames).all())
    times.update(session.execute(of_faces.distinct()).all())
    return times


def witnesses(session: Session, records: Sequence[BorderRecord], length: int) -> dict[Edge, Witnesses]:
    """For each border the faces by which the person is known again, embeddings of `length` numbers each."""
    rows: dict[int, tuple[bytes, int]] = {}
    for some in parts(sorted({face_id for record in records for face_id in record.witnesses})):
        faces = session.execute(
            select(FaceRow.id, FaceRow.embedding, FaceRow.right - FaceRow.left).where(FaceRow.id.in_(some))
        )
        rows |= {face_id: (embedding, width) for face_id, embedding, width in faces}
    found = {}
    for record in records:
        known = [rows[face_id] for face_id in record.witnesses if face_id in rows]
        found[record.edge] = Witnesses(stack([embedding for embedding, _ in known], length), known[0][1])
    return found


def bounds(seen: Appearance, farthest: Fraction, end: Fraction) -> tuple[int, int]:
    """Ticks between which an appearance lies, as far as anybody can tell.

    Args:
        seen: the appearance.
        farthest: ticks between the frames of two samples at most; what counts where no border was kept.
        end: of the video, ticks.
    """
    before, after = seen.unseen_before_pts, seen.unseen_after_pts
    if before is None:
        before = min(seen.start_pts, max(0, math.ceil(seen.start_pts - farthest)))
    if after is None:
        after = max(seen.end_pts, math.floor(min(seen.end_pts + farthest, end)))
    return before, after


def _record(row: Border) -> BorderRecord:
    witnesses = tuple(json.loads(row.witnesses))
    return BorderRecord(row.face_id, Side(row.side), row.segment_id, witnesses, row.seen_pts, row.unseen_pts)
