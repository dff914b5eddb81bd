"""Who is on a photograph: each face with its nearest identities and the decision of the one rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.errors import PhotographError
from config.face_settings import DetectorName
from config.settings import Settings
from curation.analysis import AnalysedPhotograph, analyse_all, engine_of, with_engine
from curation.photographs import shown
from db import gallery, identities, unknown_people
from db.session import Database
from db.shared_galleries import SharedGalleries
from models.decision import Candidate, NearestRule, Verdict
from models.faces import Face

SCHEMA = "rollcall.identify/2"

# The rule looks at the first two, however many are listed.
_LEAST_CANDIDATES = 2


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    """A face, the identities nearest to it whatever was decided, and the decision."""

    face: Face
    candidates: tuple[Candidate, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class IdentifiedPhotograph:
    """A photograph's size in pixels, upright, and its faces, the surest detection first; or why it cannot be read."""

    path: Path
    width: int
    height: int
    faces: tuple[IdentifiedFace, ...]
    error: PhotographError | None = None


class Identifier:
    """Identifies the faces of photographs by the gallery as it was when this was made.

    Args:
        database: the ledger; read once.
        settings: engine, rule, number of listed candidates and of processes.
        detector: another detector than the settings name.
    """

    def __init__(self, database: Database, settings: Settings, detector: DetectorName | None = None) -> None:
        self._options = with_engine(settings.faces, detector)
        self._processes = settings.work.processes
        self._listed = settings.match.neighbours
        with database.reading() as session:
            self.gallery = SharedGalleries(database).current(session, engine_of(self._options).space.name)
            self.rule = self.gallery.rule(NearestRule.of(settings.match))
            self.counts_by_space = gallery.counts_by_space(session)
        self._database = database

    @property
    def detector_name(self) -> str:
        """The detector and its options."""
        return engine_of(self._options).detector_name

    def identify(self, paths: Sequence[Path]) -> Iterator[IdentifiedPhotograph]:
        """Each photograph with its faces, in the order of the paths; one that cannot be read carries its error.

        Raises:
            ModelError: the networks cannot be loaded.
        """
        for path, result in analyse_all(paths, self._options, self._processes):
            if isinstance(result, AnalysedPhotograph):
                faces = tuple(self._identify(face) for face in result.faces)
                yield IdentifiedPhotograph(path, result.width, result.height, faces)
            else:
                yield IdentifiedPhotograph(path, 0, 0, (), result)

    def _identify(self, face: Face) -> IdentifiedFace:
        candidates = self.gallery.candidates(face.embedding, max(self._listed, _LEAST_CANDIDATES))
        (verdict,) = self.gallery.contested(face.embedding[np.newaxis], [self.rule.decide(candidates)])
        if face.quality.overall < self._options.least_quality:
            verdict = verdict.unrecognisable()
        return IdentifiedFace(face, tuple(candidates[: self._listed]), verdict)

    def names(self, photograph: IdentifiedPhotograph) -> Mapping[int, str]:
        """Names of all identities that a photograph's candidates and verdicts speak of, by id."""
        spoken_of = {candidate.identity_id for face in photograph.faces for candidate in face.candidates}
        for face in photograph.faces:
            nearest = (face.verdict.first, face.verdict.second)
            spoken_of.update(candidate.identity_id for candidate in nearest if candidate is not None)
        with self._database.reading() as session:
            return identities.names(session, spoken_of)

    def as_json(self, photograph: IdentifiedPhotograph) -> dict[str, object]:
        """The photograph in the shape that docs/identify.md describes."""
        head: dict[str, object] = {"schema": SCHEMA, "photograph": shown(photograph.path)}
        if photograph.error is not None:
            error = photograph.error
            return {**head, "error": {"code": error.code, "what": error.what, "remedy": error.remedy}}
        names, rivals = self.names(photograph), self._rivals(photograph)
        return {
            **head,
            "width": photograph.width,
            "height": photograph.height,
            "detector": self.detector_name,
            "space": self.gallery.space,
            "gallery_version": self.gallery.version,
            "rule": self.rule.name,
            "faces": [self._face_as_json(face, names, rivals) for face in photograph.faces],
        }

    def _rivals(self, photograph: IdentifiedPhotograph) -> Mapping[int, str]:
        """Codes of the unknown people who contest names, by id."""
        ids = [face.verdict.rival for face in photograph.faces if face.verdict.rival is not None]
        with self._database.reading() as session:
            numbers = unknown_people.numbers(session, ids)
        return {row_id: unknown_people.code(number) for row_id, number in numbers.items()}

    def _face_as_json(
        self, identified: IdentifiedFace, names: Mapping[int, str], rivals: Mapping[int, str]
    ) -> dict[str, object]:
        face, verdict = identified.face, identified.verdict
        box, quality = face.box, face.quality
        return {
            "box": {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom},
            "score": round(face.score, 4),
            "quality": quality.rounded(4),
            "decision": verdict.decision.value,
            "name": None if verdict.identity_id is None else names.get(verdict.identity_id),
            "rival": rivals.get(verdict.rival or 0),
            "confidence": None if verdict.confidence is None else round(verdict.confidence, 6),
            "margin": None if verdict.margin is None else round(verdict.margin, 6),
            "candidates": [
                {
                    "name": names.get(candidate.identity_id),
                    "distance": round(candidate.distance, 6),
                    "score": round(candidate.score, 6),
                }
                for candidate in identified.candidates
            ],
        }
