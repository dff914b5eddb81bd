"""What the photographs of one identity are worth: which are unlike the rest, and which look like somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from curation.likeness import EnrolledFaces, LikenessRule, Neighbour
from db import gallery
from db.schema import EnrolledFace
from db.vectors import from_bytes
from models.faces import Box, Embedding, Quality

UNLIKE_THE_REST = "unlike the rest"
NEARER_TO_ANOTHER = "nearer to another"


@dataclass(frozen=True, slots=True)
class Another:
    """The nearest enrolled face of anybody else."""

    name: str
    photograph: str
    distance: float


@dataclass(frozen=True, slots=True)
class EnrolledPhotograph:
    """One enrolled photograph and how it stands to the others.

    `to_rest` is the median distance to the identity's other photographs, None where there is no other; one wrong
    photograph among several moves its own median, not theirs.
    """

    number: int
    photograph: str
    enrolled_at: datetime
    space: str
    box: Box
    score: float
    quality: Quality
    to_rest: float | None
    nearest_other: Another | None
    remarks: tuple[str, ...]


def inspect(session: Session, identity_id: int, largest_distance: float) -> list[EnrolledPhotograph]:
    """Every photograph of an identity in order of enrolment.

    Args:
        session: a session that reads.
        identity_id: of an identity that exists.
        largest_distance: up to which two faces are taken for one person's; beyond, a photograph is unlike the rest.
    """
    rows = gallery.faces_of(session, identity_id)
    reports: list[EnrolledPhotograph] = []
    for space_id, space_name in gallery.spaces_of(session, identity_id):
        held = gallery.vectors(session, space_id)
        faces = EnrolledFaces(held.version, held.face_ids, held.identity_ids, held.embeddings)
        same_space = [row for row in rows if row.space_id == space_id]
        reports += _inspect_space(session, space_name, same_space, faces, LikenessRule(largest_distance))
    return sorted(reports, key=lambda report: report.number)


def _inspect_space(
    session: Session, space: str, rows: Sequence[EnrolledFace], faces: EnrolledFaces, rule: LikenessRule
) -> list[EnrolledPhotograph]:
    vectors = [from_bytes(row.embedding, -1) for row in rows]
    reports = []
    for place, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
        to_rest = _median_distance(vector, vectors[:place] + vectors[place + 1 :])
        own = faces.nearest_own(row.identity_id, vector, but=row.id)
        other = faces.nearest_other(row.identity_id, vector)
        remarks = []
        if to_rest is not None and to_rest > rule.largest_distance:
            remarks.append(UNLIKE_THE_REST)
        if other is not None and rule.doubts(own, other):
            remarks.append(NEARER_TO_ANOTHER)
        reports.append(
            EnrolledPhotograph(
                number=row.id,
                photograph=row.photograph,
                enrolled_at=row.enrolled_at,
                space=space,
                box=Box(row.left, row.top, row.right, row.bottom),
                score=row.score,
                quality=Quality(row.sharpness, row.size, row.pose),
                to_rest=to_rest,
                nearest_other=None if other is None else _another(session, other),
                remarks=tuple(remarks),
            )
        )
    return reports


def _median_distance(vector: Embedding, others: Sequence[Embedding]) -> float | None:
    if not others:
        return None
    return float(np.median(np.linalg.norm(np.stack(others) - vector, axis=1)))


def _another(session: Session, neighbour: Neighbour) -> Another:
    holder = gallery.holder_of_face(session, neighbour.face_id)
    return Another(holder.name, holder.photograph, neighbour.distance)
