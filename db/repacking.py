"""Crops in packs that go before their video does: the others of the video come into a new pack.

A pack is never changed. What goes, and what stays, is read first; then what stays is written elsewhere; then the
ledger is changed in one transaction, if the video is still as it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from config.errors import Conflict
from db import packs
from db.packs import Pack
from db.parts import parts
from db.removal import finished_before, is_best
from db.schema import CropPack, FaceCrop, FaceRow, PackedCrop, Video
from storage.parts import Part


@dataclass(frozen=True, slots=True)
class Thinning:
    """Crops of a video in packs, by the face's id: those that stay, with their places, and those that go."""

    video_id: int
    staying: Mapping[int, Part]
    going: frozenset[int]


def to_thin(session: Session, before: datetime) -> list[int]:
    """Videos that were finished before, with a crop in a pack that shows nobody best."""
    chosen = (
        select(FaceRow.video_id)
        .distinct()
        .join(PackedCrop, PackedCrop.face_id == FaceRow.id)
        .join(Video, Video.id == FaceRow.video_id)
    )
    return list(session.scalars(chosen.where(*finished_before(before), ~is_best()).order_by(FaceRow.video_id)))


def thinning(session: Session, video_id: int, before: datetime) -> Thinning:
    """What is to become of a video's crops in packs; nothing of them goes or stays unless it was finished before."""
    rows = session.execute(
        select(FaceRow.id, is_best(), CropPack.root, CropPack.name, PackedCrop.first, PackedCrop.count)
        .join(PackedCrop, PackedCrop.face_id == FaceRow.id)
        .join(CropPack, CropPack.id == PackedCrop.pack_id)
        .join(Video, Video.id == FaceRow.video_id)
        .where(FaceRow.video_id == video_id, *finished_before(before))
    ).all()
    staying = {face_id: Part(root, name, first, count) for face_id, best, root, name, first, count in rows if best}
    return Thinning(video_id, staying, frozenset(row[0] for row in rows if not row[1]))


def thin(session: Session, planned: Thinning, before: datetime, read: Mapping[int, bytes], pack: Pack | None) -> None:
    """Let crops go, and others be where they were written anew.

    Args:
        session: for writing.
        planned: what `thinning` said.
        before: as it was told.
        read: the crops that were written anew, by the face's id; others that stay, stay where they are.
        pack: where those are, in that order; None: the ledger is to keep them.

    Raises:
        Conflict: the video has changed meanwhile; nothing is written.
        LeaseLost: the pack was given up.
    """
    session.execute(select(Video.id).where(Video.id == planned.video_id).with_for_update())
    if thinning(session, planned.video_id, before) != planned:
        raise Conflict(f"video {planned.video_id}", "has changed while its pictures were read", "try again")
    for some in parts(sorted({*planned.going, *read})):
        session.execute(delete(PackedCrop).where(PackedCrop.face_id.in_(some)))
    if pack is not None:
        packs.keep(session, pack, list(read))
    elif read:
        session.execute(insert(FaceCrop), [{"face_id": face_id, "jpeg": jpeg} for face_id, jpeg in read.items()])
