"""A row of the faces of videos as the face that it holds. Personal data."""

from db.quality import quality_of
from db.schema import FaceRow
from db.vectors import from_bytes
from models.faces import Box, Face


def face_of(row: FaceRow) -> Face:
    """The face, with its embedding in the row's space."""
    return Face(
        box=Box(row.left, row.top, row.right, row.bottom),
        score=row.score,
        landmarks=from_bytes(row.landmarks, -1, 2),
        quality=quality_of(row),
        embedding=from_bytes(row.embedding, -1),
    )
