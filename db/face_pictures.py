"""Pictures of faces, to be embedded for another space, and what that gave. Personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, insert, select
from sqlalchemy.orm import Session

from db import crops
from db.crops import Kept
from db.parts import parts
from db.reembedding import Piece, embedded, hold, of_enrolled
from db.schema import EnrolledCrop, EnrolledEmbedding, EnrolledFace, FaceEmbedding, FaceRow, Video
from db.vectors import from_bytes, to_bytes
from models.crops import FacePicture, crop_area
from models.faces import Box, Embedding, Landmarks

Found = tuple[int, FacePicture, Embedding | None]
"""A face's id, its picture, and the embedding of that; None where the picture cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptPicture:
    """A picture as it is kept: its crop, if there is one, and what a `FacePicture` needs besides."""

    crop: Kept | None
    landmarks: Landmarks
    area: Box | None = None


def pictures(session: Session, piece: Piece, most: int) -> dict[int, KeptPicture]:
    """Pictures of faces that have no vector in the space yet, by the face's id; at most so many."""
    return _enrolled_pictures(session, piece, most) if piece.video_id is None else _pictures(session, piece, most)


def _pictures(session: Session, piece: Piece, most: int) -> dict[int, KeptPicture]:
    place = FaceRow.left, FaceRow.top, FaceRow.right, FaceRow.bottom
    chosen = select(FaceRow.id, *place, FaceRow.landmarks, Video.width, Video.height, *crops.COLUMNS)
    rows = session.execute(
        crops.joined(chosen.join(Video, Video.id == FaceRow.video_id))
        .outerjoin(FaceEmbedding, and_(FaceEmbedding.face_id == FaceRow.id, FaceEmbedding.space_id == piece.space_id))
        .where(FaceRow.video_id == piece.video_id, FaceRow.space_id != piece.space_id, FaceEmbedding.face_id.is_(None))
        .order_by(FaceRow.id)
        .limit(most)
    )
    found = {}
    for face_id, left, top, right, bottom, landmarks, width, height, *crop in rows:
        area = crop_area(Box(left, top, right, bottom), height or 0, width or 0)
        found[face_id] = KeptPicture(crops.kept(crop), from_bytes(landmarks, -1, 2), area)
    return found


def _enrolled_pictures(session: Session, piece: Piece, most: int) -> dict[int, KeptPicture]:
    rows = session.execute(
        of_enrolled(select(EnrolledFace.id, EnrolledCrop.jpeg, EnrolledCrop.landmarks), piece.space_id)
        .join(EnrolledCrop, EnrolledCrop.face_id == EnrolledFace.id)
        .where(EnrolledFace.id.not_in(embedded(piece.space_id)))
        .order_by(EnrolledFace.id)
        .limit(most)
    )
    return {face_id: KeptPicture(jpeg, from_bytes(landmarks, -1, 2)) for face_id, jpeg, landmarks in rows}


def write(session: Session, piece: Piece, found: Sequence[Found], *, lease: float, now: datetime) -> None:
    """Write the embeddings of some of a piece's faces, and keep the piece.

    Raises:
        LeaseLost: somebody else has it, or the video has changed meanwhile; nothing is written.
    """
    hold(session, piece, lease_until=now + timedelta(seconds=lease))
    table = EnrolledEmbedding if piece.video_id is None else FaceEmbedding
    kept = _still_there(session, found) if piece.video_id is None else found
    rows = [
        {"face_id": face_id, "space_id": piece.space_id, "embedding": None if one is None else to_bytes(one)}
        for face_id, _, one in kept
    ]
    if rows:
        session.execute(insert(table), rows)


def _still_there(session: Session, found: Sequence[Found]) -> list[Found]:
    """Those enrolled faces whose pictures are the ledger's. SQLite gives the number of an erased face to a new one."""
    known: dict[int, tuple[bytes, bytes]] = {}
    for part in parts([face_id for face_id, _, _ in found]):
        rows = session.execute(
            select(EnrolledCrop.face_id, EnrolledCrop.jpeg, EnrolledCrop.landmarks).where(
                EnrolledCrop.face_id.in_(part)
            )
        )
        known.update((face_id, (jpeg, landmarks)) for face_id, jpeg, landmarks in rows)
    return [each for each in found if known.get(each[0]) == (each[1].jpeg, to_bytes(each[1].landmarks))]
