"""Pictures of faces that were enrolled before any were kept: made from the photographs, where they still are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.errors import PhotographError, UnreadablePhotograph
from curation.photographs import photograph_hash, read_photograph, shown
from db import gallery, reembedding
from db.session import Database
from models.crops import FacePicture, kept_picture
from models.dlib_engines import DlibAligner
from models.faces import Box


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrolled face: its number, where its photograph lay, the photograph's hash, the face's box in it."""

    face_id: int
    photograph: str
    photograph_hash: str
    box: Box


def without_picture(database: Database) -> list[Enrolled]:
    """Enrolled faces of which no picture was kept."""
    with database.reading() as session:
        return [
            Enrolled(row.id, row.photograph, row.photograph_hash, Box(row.left, row.top, row.right, row.bottom))
            for row in gallery.without_crop(session)
        ]


def keep_pictures(database: Database, faces: list[Enrolled]) -> Iterator[PhotographError | None]:
    """Keep the picture of each face; None, or why there is none, as each is done.

    Raises:
        Conflict: the face was erased meanwhile.
    """
    aligner = DlibAligner()
    for face in faces:
        try:
            picture = _picture(face, aligner)
        except PhotographError as error:
            yield error
            continue
        with database.writing() as session:
            if gallery.is_enrolled(session, face.face_id, face.photograph_hash):
                gallery.add_crop(session, face.face_id, picture)
                reembedding.enrolled_pictures_changed(session)
        yield None


def _picture(face: Enrolled, aligner: DlibAligner) -> FacePicture:
    path = Path(face.photograph)
    image = read_photograph(path)
    if photograph_hash(image) != face.photograph_hash:
        raise UnreadablePhotograph(shown(path), "is another picture than the one that was enrolled", "enrol it anew")
    (landmarks,), _ = aligner.align(image, [face.box])
    picture = kept_picture(image, face.box, landmarks)
    if picture is None:
        raise UnreadablePhotograph(shown(path), "shows no such face", "enrol it anew")
    return picture
