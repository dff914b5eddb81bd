"""Enrolled faces: written one photograph at a time, loaded whole as the gallery of an embedding space, and erased."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from db import calibrations, quality, rivals, spaces
from db.schema import EmbeddingSpaceRow, EnrolledCrop, EnrolledFace, Identity
from db.vectors import stack, to_bytes
from models.crops import FacePicture
from models.faces import Embeddings, Face, overall
from models.gallery import Gallery
from models.templates import templates_by_identity

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Enrolled faces of one space in order of their ids, n of them. Personal data: never log them."""

    version: int
    face_ids: NDArray[np.int64]
    identity_ids: NDArray[np.int64]
    embeddings: Embeddings
    """(n, length)."""
    weights: NDArray[np.float64]
    """(n,) overall qualities."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a photograph is enrolled for, and where it lay then."""

    identity_id: int
    name: str
    photograph: str


def load(session: Session, space_name: str) -> Gallery:
    """The gallery of a space in this process's own memory; empty, of version 0, where nobody was ever enrolled in it.

    Workers hold theirs together: `db.shared_galleries`.
    """
    row = spaces.find(session, space_name)
    if row is None:
        return Gallery(0, space_name, np.empty(0, np.int64), np.empty((0, 0), np.float32))
    held = vectors(session, row.id)
    known = calibrations.current(session, row)
    people = None
    if known is not None:
        templates = templates_by_identity(held.identity_ids, held.embeddings, held.weights)
        people = calibrations.people(session, known, templates)
    calibrated = calibrations.calibrated(known, people)
    return Gallery(held.version, space_name, held.identity_ids, held.embeddings, calibrated, rivals.load(session, row))


def vectors(session: Session, space_id: int, *, after: int = 0) -> Vectors:
    """The enrolled vectors of a space whose faces' ids are above `after`, read by one query."""
    space = session.get_one(EmbeddingSpaceRow, space_id, populate_existing=True)
    # Buffers grow in place: there is never a second copy of a large gallery.
    face_ids, identity_ids, embeddings, weights = bytearray(), bytearray(), bytearray(), bytearray()
    for part in parts(session, space, after=after):
        face_ids += part.face_ids.data
        identity_ids += part.identity_ids.data
        embeddings += part.embeddings.data
        weights += part.weights.data
    return Vectors(
        version=space.gallery_version,
        face_ids=np.frombuffer(face_ids, np.int64),
        identity_ids=np.frombuffer(identity_ids, np.int64),
        embeddings=np.frombuffer(embeddings, np.float32).reshape(-1, space.length),
        weights=np.frombuffer(weights, np.float64),
    )


def parts(session: Session, space: EmbeddingSpaceRow, *, after: int = 0) -> Iterator[Vectors]:
    """The enrolled vectors of a space in the order of `vectors`, some at a time, read by one query as they are used."""
    chosen = (
        select(EnrolledFace.id, EnrolledFace.identity_id, EnrolledFace.embedding, *quality.columns(EnrolledFace))
        .where(EnrolledFace.space_id == space.id, EnrolledFace.id > after)
        .order_by(EnrolledFace.id)
    )
    with closing(session.execute(chosen, execution_options={"yield_per": _ROWS_AT_ONCE})) as rows:
        for part in rows.partitions():
            numbers = np.array([row[:2] for row in part], dtype=np.int64)
            yield Vectors(
                version=space.gallery_version,
                face_ids=numbers[:, 0].copy(),
                identity_ids=numbers[:, 1].copy(),
                embeddings=stack([row[2] for row in part], space.length),
                weights=overall(np.array([row[3:] for row in part], np.float64)),
            )


def add(
    session: Session,
    *,
    identity_id: int,
    space_id: int,
    photograph: str,
    photograph_hash: str,
    face: Face,
    picture: FacePicture | None = None,
) -> EnrolledFace:
    """Write the face of one photograph, by its picture to be embedded again, and tell every holder of the gallery."""
    row = EnrolledFace(
        identity_id=identity_id, photograph=photograph, photograph_hash=photograph_hash,
        left=face.box.left, top=face.box.top, right=face.box.right, bottom=face.box.bottom, score=face.score,
        **face.quality.parts, space_id=space_id, embedding=to_bytes(face.embedding), enrolled_at=datetime.now(UTC),
    )  # fmt: skip
    session.add(row)
    session.flush()
    if picture is not None:
        add_crop(session, row.id, picture)
    spaces.bump_gallery_version(session, space_id)
    return row


def add_crop(session: Session, face_id: int, picture: FacePicture) -> None:
    """Keep the picture of an enrolled face, its landmarks in pixels of the crop."""
    session.add(EnrolledCrop(face_id=face_id, jpeg=picture.jpeg, landmarks=to_bytes(picture.landmarks)))


def without_crop(session: Session) -> list[EnrolledFace]:
    """Enrolled faces of which no picture was kept, in order of their ids."""
    kept = select(EnrolledCrop.face_id)
    return list(session.scalars(select(EnrolledFace).where(EnrolledFace.id.not_in(kept)).order_by(EnrolledFace.id)))


def is_enrolled(session: Session, face_id: int, photograph_hash: str) -> bool:
    """Whether a face of this number, from this photograph, still waits for its picture."""
    row = session.get(EnrolledFace, face_id)
    return row is not None and row.photograph_hash == photograph_hash and session.get(EnrolledCrop, face_id) is None


def hold(session: Session, space_id: int) -> int:
    """Keep other writers from changing the gallery of a space until this transaction ends; the gallery's version.

    SQLite's writers keep each other out from their beginning; PostgreSQL locks the row of the space.
    """
    version = select(EmbeddingSpaceRow.gallery_version).where(EmbeddingSpaceRow.id == space_id)
    return session.scalars(version.with_for_update()).one()


def photograph_hashes(session: Session, space_id: int) -> frozenset[str]:
    """Hashes of all photographs that are enrolled in a space."""
    return frozenset(session.scalars(select(EnrolledFace.photograph_hash).where(EnrolledFace.space_id == space_id)))


def holder(session: Session, space_id: int, photograph_hash: str) -> Holder | None:
    """Who this photograph is enrolled for already, if it is."""
    row = session.execute(
        select(Identity.id, Identity.name, EnrolledFace.photograph)
        .join(EnrolledFace)
        .where(EnrolledFace.space_id == space_id, EnrolledFace.photograph_hash == photograph_hash)
    ).one_or_none()
    return None if row is None else Holder(*row)


def holder_of_face(session: Session, face_id: int) -> Holder:
    """Who an enrolled face belongs to, and from which photograph."""
    row = session.execute(
        select(Identity.id, Identity.name, EnrolledFace.photograph).join(EnrolledFace).where(EnrolledFace.id == face_id)
    ).one()
    return Holder(*row)


def faces_of(session: Session, identity_id: int) -> Sequence[EnrolledFace]:
    """The enrolled faces of one identity in order of enrolment, in all spaces."""
    return session.scalars(
        select(EnrolledFace).where(EnrolledFace.identity_id == identity_id).order_by(EnrolledFace.id)
    ).all()


def spaces_of(session: Session, identity_id: int | None = None) -> list[tuple[int, str]]:
    """Ids and names of the spaces that an identity, or with None anybody, is enrolled in."""
    held = select(EnrolledFace.space_id)
    if identity_id is not None:
        held = held.where(EnrolledFace.identity_id == identity_id)
    rows = session.execute(
        select(EmbeddingSpaceRow.id, EmbeddingSpaceRow.name)
        .where(EmbeddingSpaceRow.id.in_(held))
        .order_by(EmbeddingSpaceRow.id)
    )
    return [(space_id, name) for space_id, name in rows]


def counts_by_space(session: Session) -> dict[str, int]:
    """How many faces are enrolled in each space that holds any, by the space's name."""
    rows = session.execute(
        select(EmbeddingSpaceRow.name, func.count()).join(EnrolledFace).group_by(EmbeddingSpaceRow.name)
    )
    return {name: count for name, count in rows}  # noqa: C416  to dict's types a Row is no pair


def face(session: Session, face_id: int) -> EnrolledFace:
    """One enrolled face that exists."""
    return session.get_one(EnrolledFace, face_id)


def move_all(session: Session, source_id: int, target_id: int) -> int:
    """Give every enrolled face of one identity to another one; how many there were."""
    touched = session.scalars(
        update(EnrolledFace)
        .where(EnrolledFace.identity_id == source_id)
        .values(identity_id=target_id)
        .returning(EnrolledFace.space_id)
        .execution_options(synchronize_session=False)
    ).all()
    for space_id in sorted(set(touched)):
        spaces.bump_gallery_version(session, space_id)
    return len(touched)


def remove_all(session: Session, identity_id: int) -> int:
    """Erase every enrolled face of an identity; how many there were."""
    return _remove(session, EnrolledFace.identity_id == identity_id)


def remove(session: Session, face_ids: Sequence[int]) -> int:
    """Erase some enrolled faces, and those of the same photographs in other spaces; how many there were."""
    other = aliased(EnrolledFace)
    same = exists().where(
        other.id.in_(face_ids),
        other.photograph_hash == EnrolledFace.photograph_hash,
        other.identity_id == EnrolledFace.identity_id,
    )
    return _remove(session, same)


def _remove(session: Session, condition: ColumnElement[bool]) -> int:
    """Erase enrolled faces and tell every holder of a gallery that they were in."""
    touched = session.scalars(
        delete(EnrolledFace)
        .where(condition)
        .returning(EnrolledFace.space_id)
        .execution_options(synchronize_session=False)
    ).all()
    for space_id in sorted(set(touched)):
        spaces.bump_gallery_version(session, space_id)
    return len(touched)
