"""Crops that go before their video does, or that come elsewhere: what stays of them is written anew.

A pack is never changed. What goes, and what stays, is read first; then what stays is written; then the ledger is
changed in one transaction, if the crops are still as they were read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.orm import Session

from config.errors import Conflict
from db import crops, packs
from db.crops import Kept
from db.packs import Pack
from db.parts import parts
from db.removal import finished_before, is_best
from db.schema import CropPack, FaceCrop, FaceRow, PackedCrop, Video
from db.states import WITH_NAMES


@dataclass(frozen=True, slots=True)
class Repacking:
    """Crops of a video, by the face's id: those to be written anew, as they are kept, and those that go. Personal data.

    `repr` leaves the pictures out.
    """

    video_id: int
    staying: Mapping[int, Kept]
    going: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"Repacking(video_id={self.video_id}, staying={len(self.staying)}, going={len(self.going)})"


def to_thin(session: Session, before: datetime) -> list[int]:
    """Videos that were finished before, with a crop in a pack that shows nobody best."""
    chosen = (
        select(FaceRow.video_id)
        .distinct()
        .join(PackedCrop, PackedCrop.face_id == FaceRow.id)
        .join(Video, Video.id == FaceRow.video_id)
    )
    return list(session.scalars(chosen.where(*finished_before(before), ~is_best()).order_by(FaceRow.video_id)))


def thinning(session: Session, video_id: int, before: datetime) -> Repacking:
    """Of a video's crops in packs the best are to stay; nothing stays or goes unless it was finished before."""
    chosen = crops.joined(
        select(FaceRow.id, is_best(), *crops.COLUMNS).select_from(FaceRow).join(Video, Video.id == FaceRow.video_id)
    ).where(FaceRow.video_id == video_id, PackedCrop.face_id.is_not(None), *finished_before(before))
    staying: dict[int, Kept] = {}
    going = set()
    for face_id, best, *columns in session.execute(chosen):
        crop = crops.kept(columns)
        if best and crop is not None:
            staying[face_id] = crop
        else:
            going.add(face_id)
    return Repacking(video_id, staying, frozenset(going))


def to_move(session: Session, root: str) -> list[int]:
    """Videos with names of which a crop is not kept at a root; an empty one is the ledger itself."""
    chosen = crops.joined(select(FaceRow.video_id).select_from(FaceRow)).join(Video, Video.id == FaceRow.video_id)
    return list(
        session.scalars(
            chosen.where(Video.state.in_(WITH_NAMES), _is_elsewhere(root)).distinct().order_by(FaceRow.video_id)
        )
    )


def moving(session: Session, video_id: int, root: str, after: int, most: int) -> Repacking:
    """Crops of a video with names that are not kept at a root: at most so many, of faces behind one of these ids."""
    chosen = crops.joined(select(FaceRow.id, *crops.COLUMNS).select_from(FaceRow)).join(
        Video, Video.id == FaceRow.video_id
    )
    rows = session.execute(
        chosen.where(FaceRow.video_id == video_id, FaceRow.id > after, Video.state.in_(WITH_NAMES), _is_elsewhere(root))
        .order_by(FaceRow.id)
        .limit(most)
    )
    return Repacking(video_id, crops.by_face(rows))


def _is_elsewhere(root: str) -> ColumnElement[bool]:
    in_ledger = FaceCrop.face_id.is_not(None)
    return in_ledger | (CropPack.root != root) if root else and_(~in_ledger, PackedCrop.face_id.is_not(None))


def write(
    session: Session,
    planned: Repacking,
    again: Callable[[Session], Repacking],
    read: Mapping[int, bytes],
    pack: Pack | None,
) -> None:
    """Let crops go, and others be where they were written anew.

    Args:
        session: for writing.
        planned: what was read.
        again: reads it again.
        read: the crops that were written anew, by the face's id; others that stay, stay where they are.
        pack: where those are, in that order; None: the ledger is to keep them.

    Raises:
        Conflict: the video has changed meanwhile; nothing is written.
        LeaseLost: the pack was given up.
    """
    session.execute(select(Video.id).where(Video.id == planned.video_id).with_for_update())
    if again(session) != planned:
        raise Conflict(f"video {planned.video_id}", "has changed while its pictures were read", "try again")
    for some in parts(sorted({*planned.going, *read})):
        session.execute(delete(PackedCrop).where(PackedCrop.face_id.in_(some)))
        session.execute(delete(FaceCrop).where(FaceCrop.face_id.in_(some)))
    if pack is not None:
        packs.keep(session, pack, list(read))
    elif read:
        session.execute(insert(FaceCrop), [{"face_id": face_id, "jpeg": jpeg} for face_id, jpeg in read.items()])
