"""What enrolled photographs are worth: which are unlike the rest of their person's, which look like somebody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from curation.likeness import EnrolledFaces, LikenessRule, Neighbour
from db import gallery
from db.quality import quality_of
from db.schema import EnrolledFace
from db.session import Session
from models.faces import Box, Quality

UNLIKE_THE_REST = "unlike the rest"
NEARER_TO_ANOTHER = "nearer to another"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one enrolled face stands to the others.

    `to_rest` is the median distance to the identity's other faces, None where there is no other; one wrong photograph
    among several moves its own median, not theirs.
    """

    face_id: int
    to_rest: float | None
    nearest_other: Neighbour | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnrolledPhotograph:
    """One enrolled photograph and how it stands to the others; `other` has the nearest face of anybody else."""

    number: int
    name: str
    photograph: str
    enrolled_at: datetime
    space: str
    box: Box
    score: float
    quality: Quality
    standing: Standing
    other: gallery.Holder | None


def inspect(session: Session, identity_id: int, rule: LikenessRule) -> list[EnrolledPhotograph]:
    """Every photograph of an identity that exists, in order of enrolment."""
    rows = {row.id: row for row in gallery.faces_of(session, identity_id)}
    photographs = []
    for space_id, space in gallery.spaces_of(session, identity_id):
        faces = _load(session, space_id)
        for position in faces.positions_of(identity_id):
            standing = _standing(faces, position, faces.nearest_other(identity_id, faces.embedding(position)), rule)
            photographs.append(_told(session, rows[standing.face_id], space, standing))
    return sorted(photographs, key=lambda photograph: photograph.number)


def check(session: Session, rule: LikenessRule) -> Iterator[EnrolledPhotograph | None]:
    """Every photograph that calls for a remark, space by space in order of enrolment; None for each that does not."""
    for space_id, space in gallery.spaces_of(session):
        faces = _load(session, space_id)
        for position, other in enumerate(faces.nearest_others()):
            standing = _standing(faces, position, other, rule)
            row = gallery.face(session, standing.face_id) if standing.remarks else None
            yield None if row is None else _told(session, row, space, standing)


def _standing(faces: EnrolledFaces, position: int, other: Neighbour | None, rule: LikenessRule) -> Standing:
    to_own = faces.distances_to_own(position)
    to_rest = float(np.median(to_own)) if len(to_own) else None
    own = float(to_own.min()) if len(to_own) else None
    remarks = []
    if to_rest is not None and rule.unlike(to_rest):
        remarks.append(UNLIKE_THE_REST)
    if other is not None and rule.doubts(own, other.distance):
        remarks.append(NEARER_TO_ANOTHER)
    return Standing(int(faces.face_ids[position]), to_rest, other, tuple(remarks))


def _told(session: Session, row: EnrolledFace, space: str, standing: Standing) -> EnrolledPhotograph:
    other = standing.nearest_other
    return EnrolledPhotograph(
        number=row.id,
        name=gallery.holder_of_face(session, row.id).name,
        photograph=row.photograph,
        enrolled_at=row.enrolled_at,
        space=space,
        box=Box(row.left, row.top, row.right, row.bottom),
        score=row.score,
        quality=quality_of(row),
        standing=standing,
        other=None if other is None else gallery.holder_of_face(session, other.face_id),
    )


def _load(session: Session, space_id: int) -> EnrolledFaces:
    held = gallery.vectors(session, space_id)
    return EnrolledFaces(held.version, held.face_ids, held.identity_ids, held.embeddings)
