"""Crops of faces as the ledger keeps them: the picture itself, or where it lies in a pack. No pack is read here."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from db.parts import parts
from db.schema import CropPack, FaceCrop, FaceRow, PackedCrop
from storage.parts import Part

Kept = bytes | Part
"""A JPEG, or where it is. Personal data."""

COLUMNS = (FaceCrop.jpeg, CropPack.root, CropPack.name, PackedCrop.first, PackedCrop.count)
"""What `kept` takes, of a choice that `joined` has seen."""

_Chosen = TypeVar("_Chosen", bound=Select[*tuple[Any, ...]])


def joined(chosen: _Chosen) -> _Chosen:
    """A choice of faces with their crops beside them, if they have one."""
    return (
        chosen.outerjoin(FaceCrop, FaceCrop.face_id == FaceRow.id)
        .outerjoin(PackedCrop, PackedCrop.face_id == FaceRow.id)
        .outerjoin(CropPack, CropPack.id == PackedCrop.pack_id)
    )


def kept(columns: Sequence[Any]) -> Kept | None:
    """The crop of a row's `COLUMNS`; None where there is none."""
    jpeg, *place = columns
    if place[0] is None:
        return None if jpeg is None else bytes(jpeg)
    return Part(*place)


def of_faces(session: Session, face_ids: Sequence[int]) -> dict[int, Kept]:
    """The crops of those of some faces that have one, by the face's id."""
    chosen = joined(select(FaceRow.id, *COLUMNS).select_from(FaceRow))
    found: dict[int, Kept] = {}
    for part in parts(face_ids):
        found |= by_face(session.execute(chosen.where(FaceRow.id.in_(part))))
    return found


def by_face(rows: Iterable[Row[*tuple[Any, ...]]]) -> dict[int, Kept]:
    """Crops by the face's id, from rows of that and `COLUMNS`; faces without one are left out."""
    crops = {face_id: kept(columns) for face_id, *columns in rows}
    return {face_id: crop for face_id, crop in crops.items() if crop is not None}
