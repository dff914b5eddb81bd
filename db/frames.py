"""Analysed frames: kept with their segment, found again by their hashes, and their faces, to be reused."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, and_, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from db import crops, spaces
from db.crops import Kept
from db.face_rows import face_of
from db.facts import seconds
from db.parts import parts
from db.schema import FaceRow, FramePicture, FrameRow, Segment, Video
from models import multi_index
from models.faces import Face
from models.multi_index import Hashes, distances

_Chosen = TypeVar("_Chosen", bound=Select[*tuple[Any, ...]])

_HASHES_AT_ONCE = 64
_TIME_BASE = (Video.time_base_num, Video.time_base_den)
_PARTS = (FrameRow.part_0, FrameRow.part_1, FrameRow.part_2, FrameRow.part_3)


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """An analysed frame as it is recorded.

    `pts`: ticks from the origin. `hash`: see `models.frame_hash`. `picture`: PNG, see `models.frame_likeness`.
    `reused_from`: id of the frame whose faces were taken over, None where faces were looked for.
    """

    sample: int
    pts: int
    hash: int
    picture: bytes
    reused_from: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Pairs of a hash that was asked for, by its place among all, and a frame whose hash is near, by its id."""

    asked: NDArray[np.int64]
    frame_ids: NDArray[np.int64]
    distances: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose frames may be reused: of one engine, and of videos that had been finished before a moment."""

    space_id: int
    detector: str
    horizon: int


@dataclass(frozen=True, slots=True)
class KnownFrame:
    """Where a frame is from: its video, with the size of its frames; its sample; seconds from the origin."""

    id: int
    video_id: int
    width: int
    height: int
    sample: int
    time: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """The n analysed frames of a video in order of time. `times`: seconds from the origin."""

    ids: NDArray[np.int64]
    hashes: Hashes
    times: NDArray[np.float64]


def scope(session: Session, space_name: str, detector: str, horizon: int | None) -> Scope | None:
    """Whose frames a video of this horizon may reuse; None where there can be none.

    Args:
        session: of the ledger.
        space_name: of the embedding space.
        detector: its name with its options.
        horizon: of the video that is looked at, see `Video.horizon`.
    """
    space = spaces.find(session, space_name)
    return Scope(space.id, detector, horizon) if space is not None and horizon else None


def replace(session: Session, segment_id: int, frames: Sequence[FrameRecord]) -> None:
    """Write the analysed frames of a segment, replacing earlier ones."""
    session.execute(delete(FrameRow).where(FrameRow.segment_id == segment_id))
    if not frames:
        return
    hashes = np.array([frame.hash for frame in frames], np.uint64)
    rows = [
        {
            "segment_id": segment_id,
            "sample": frame.sample,
            "pts": frame.pts,
            "hash": signed,
            **{column.key: value for column, value in zip(_PARTS, values, strict=True)},
            "reused_from": frame.reused_from,
        }
        for frame, signed, values in zip(
            frames, hashes.view(np.int64).tolist(), multi_index.parts(hashes).tolist(), strict=True
        )
    ]
    ids = session.scalars(insert(FrameRow).returning(FrameRow.id, sort_by_parameter_order=True), rows).all()
    pictures = [{"frame_id": frame_id, "png": frame.picture} for frame_id, frame in zip(ids, frames, strict=True)]
    session.execute(insert(FramePicture), pictures)


def near(session: Session, hashes: Hashes, radius: int, *, reused: bool = True) -> Near:
    """Frames of the ledger whose hash differs from one of n in at most `radius` bits; a query for each 64.

    Args:
        session: of the ledger.
        hashes: (n,) to be looked up.
        radius: bits.
        reused: whether those count whose faces were taken over. Without them a slate that was shown a thousand times
            is found once.
    """
    asked, frame_ids, bits = [], [], []
    for start in range(0, len(hashes), _HASHES_AT_ONCE):
        part = hashes[start : start + _HASHES_AT_ONCE]
        found = [
            column.in_(values.tolist())
            for column, values in zip(_PARTS, multi_index.probes(part, radius), strict=True)
            if len(values)
        ]
        chosen = select(FrameRow.id, FrameRow.hash).where(or_(*found))
        # As an expression: SQLite would rather go through the index of all frames that were not reused.
        rows = session.execute(chosen if reused else chosen.where(func.coalesce(FrameRow.reused_from, 0) == 0))
        # Arrays of rows take far longer: NumPy asks each for its array interface.
        numbers = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 2)
        table = distances(part, numbers[:, 1].astype(np.uint64))
        which, of = np.nonzero(table <= radius)
        asked.append(which + start)
        frame_ids.append(numbers[of, 0])
        bits.append(table[which, of])
    return Near(
        np.concatenate([np.empty(0, np.int64), *asked]),
        np.concatenate([np.empty(0, np.int64), *frame_ids]),
        np.concatenate([np.empty(0, np.uint8), *bits]),
    )


def known(session: Session, scope: Scope, frame_ids: Sequence[int]) -> dict[int, KnownFrame]:
    """Those of some frames, by id, whose faces may be reused: in the scope, and not themselves reused.

    So what is compared is always what was looked at: small changes do not add up from copy to copy.
    """
    chosen = _with_video(
        select(FrameRow.id, FrameRow.sample, FrameRow.pts, Video.id, Video.width, Video.height, *_TIME_BASE)
    ).where(
        Video.finish_number <= scope.horizon,
        Video.space_id == scope.space_id,
        Video.detector == scope.detector,
        FrameRow.reused_from.is_(None),
    )
    return {
        frame_id: KnownFrame(frame_id, video_id, width or 0, height or 0, sample, seconds(pts, num, den))
        for part in parts(frame_ids)
        for frame_id, sample, pts, video_id, width, height, num, den in session.execute(
            chosen.where(FrameRow.id.in_(part))
        )
    }


def of_video(session: Session, video_id: int) -> Fingerprints:
    """By what the analysed frames of a video are found again."""
    chosen = _with_video(select(FrameRow.id, FrameRow.hash, FrameRow.pts, *_TIME_BASE))
    rows = session.execute(chosen.where(Video.id == video_id).order_by(FrameRow.sample)).all()
    return Fingerprints(
        ids=np.array([row[0] for row in rows], np.int64),
        hashes=np.array([row[1] for row in rows], np.int64).view(np.uint64),
        times=np.array([seconds(*row[2:]) for row in rows], np.float64),
    )


def places(session: Session, frame_ids: Sequence[int]) -> dict[int, tuple[int, float]]:
    """The video that each of some frames is from, and its time there in seconds from the origin."""
    chosen = _with_video(select(FrameRow.id, Video.id, FrameRow.pts, *_TIME_BASE))
    return {
        frame_id: (video_id, float(seconds(pts, num, den)))
        for part in parts(frame_ids)
        for frame_id, video_id, pts, num, den in session.execute(chosen.where(FrameRow.id.in_(part)))
    }


def pictures(session: Session, frame_ids: Sequence[int]) -> dict[int, bytes]:
    """PNGs of the small pictures of some frames, by the frame's id."""
    found: dict[int, bytes] = {}
    for part in parts(frame_ids):
        rows = session.execute(select(FramePicture.frame_id, FramePicture.png).where(FramePicture.frame_id.in_(part)))
        found |= dict(rows.all())
    return found


def faces(session: Session, frame_ids: Sequence[int]) -> dict[int, list[tuple[Face, Kept | None]]]:
    """The faces of some frames in pixels of these, and their crops if they have one, by the frame's id.

    Those of a frame are in the order in which they were recorded.
    """
    found: dict[int, list[tuple[Face, Kept | None]]] = {frame_id: [] for frame_id in frame_ids}
    chosen = crops.joined(
        select(FrameRow.id, FaceRow, *crops.COLUMNS).join(
            FaceRow, and_(FaceRow.segment_id == FrameRow.segment_id, FaceRow.sample == FrameRow.sample)
        )
    ).order_by(FaceRow.id)
    for part in parts(frame_ids):
        for frame_id, row, *crop in session.execute(chosen.where(FrameRow.id.in_(part))):
            found[frame_id].append((face_of(row), crops.kept(crop)))
    return found


def _with_video(chosen: _Chosen) -> _Chosen:
    return chosen.join(Segment, Segment.id == FrameRow.segment_id).join(Video, Video.id == Segment.video_id)
