"""Galleries for searching: read from the ledger once per machine and state, held once by all its processes together."""

from collections.abc import Iterator
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session

from db import calibrations, gallery, rivals, spaces
from db.gallery_files import Faces, GalleryFiles, State
from db.schema import CalibrationRow, EmbeddingSpaceRow
from db.session import Database
from models.gallery import Gallery
from models.normalised import People
from models.templates import TemplateSums

log = structlog.get_logger(__name__)


class _Held(NamedTuple):
    state: tuple[str, str | None]
    gallery: Gallery


class SharedGalleries:
    """The galleries of a ledger as this process searches them. Where no file can be shared, it holds its own.

    Args:
        database: the ledger, which also says where files are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._files = None if database.galleries is None else GalleryFiles(database.galleries, database.key)
        self._held: dict[str, _Held] = {}

    def current(self, session: Session, space_name: str) -> Gallery:
        """The gallery of a space as the session sees it; loaded again only when it has changed."""
        space = spaces.find(session, space_name)
        if space is None:
            return gallery.load(session, space_name)
        held, state = self._held.get(space_name), (space.gallery_token, space.rivals_of)
        if held is None or held.state != state:
            # The old one goes before the new one comes.
            held = None
            self._held.pop(space_name, None)
            held = self._held[space_name] = _Held(state, self._load(session, space))
        return held.gallery

    def _load(self, session: Session, space: EmbeddingSpaceRow) -> Gallery:
        if self._files is not None:
            known = calibrations.current(session, space)
            try:
                faces = self._shared(self._files, session, space, known)
            except OSError as error:
                log.warning("gallery not shared with other processes", detail=str(error))
            else:
                calibrated = calibrations.calibrated(known, faces.people)
                return Gallery(
                    space.gallery_version, space.name, faces.identity_ids, faces.embeddings, calibrated,
                    rivals.load(session, space),
                )  # fmt: skip
        return gallery.load(session, space.name)

    def _shared(
        self, files: GalleryFiles, session: Session, space: EmbeddingSpaceRow, known: CalibrationRow | None
    ) -> Faces:
        state = State(space.name, space.gallery_version, space.gallery_token, space.length)
        faces = files.open(state)
        if faces is None or files.outdated(self._tokens()):
            with files.alone():
                # Whoever was here before us may have made it.
                faces = faces or files.open(state) or _make(files, state, session, space, known)
                # Asked anew: if somebody was erased while we read, what we have made must go, or who erases deletes it.
                for path in files.outdated(self._tokens()):
                    path.unlink(missing_ok=True)
        return faces

    def _tokens(self) -> frozenset[str]:
        with self._database.reading() as session:
            return spaces.gallery_tokens(session)


def _make(
    files: GalleryFiles, state: State, session: Session, space: EmbeddingSpaceRow, known: CalibrationRow | None
) -> Faces:
    sums = TemplateSums(space.length)

    def faces() -> Iterator[Faces]:
        for part in gallery.parts(session, space):
            if known is not None:
                sums.add(part.identity_ids, part.embeddings, part.weights)
            yield Faces(part.identity_ids, part.embeddings)

    def people() -> People | None:
        return None if known is None else calibrations.people(session, known, sums.templates())

    return files.make(state, faces(), people)
