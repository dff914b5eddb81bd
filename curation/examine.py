"""Whether one photograph may enrol: readable, not enrolled yet, one face, large, sharp and plain enough."""

from dataclasses import dataclass
from pathlib import Path

from config.errors import FaceTooBlurred, FaceTooSmall, FaceUnrecognisable, NoFace, PhotographError, SeveralFaces
from config.face_settings import EnrolSettings, FaceSettings
from curation.analysis import engine_of
from curation.photographs import photograph_hash, read_photograph, shown
from models.crops import FacePicture, kept_picture
from models.faces import Face, RgbImage

# In larger photographs the search for faces too small to enrol would take seconds, only to refuse by another name.
_LARGEST_SECOND_LOOK = 4_000_000

_SMALLEST_EVER = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """A photograph that may enrol. `face` is None when its hash was known beforehand: it was not analysed.

    `picture`: of the face, to be kept.
    """

    photograph_hash: str
    face: Face | None
    picture: FacePicture | None = None


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines photographs; can be sent to another process.

    Args:
        options: the engine to use, and the least quality that tells who a face is.
        limits: which faces are too small or too blurred.
        accepted: codes of errors that are not to be raised, `too-small`, `too-blurred` and `unrecognisable` among them.
        known: hashes of photographs that are enrolled already, which are not worth an analysis.
    """

    options: FaceSettings
    limits: EnrolSettings
    accepted: frozenset[str]
    known: frozenset[str]

    def __call__(self, path: Path) -> Examined | PhotographError:
        """The face to enrol, or why there is none."""
        try:
            image = read_photograph(path)
            hashed = photograph_hash(image)
            if hashed in self.known:
                return Examined(hashed, None)
            face = self._the_face(path, image)
            return Examined(hashed, face, kept_picture(image, face.box, face.landmarks))
        except PhotographError as error:
            return error

    def _the_face(self, path: Path, image: RgbImage) -> Face:
        faces = engine_of(self.options).analyse(image) or self._look_closer(image)
        if not faces:
            raise NoFace(
                shown(path),
                f"no face of {self.options.smallest} pixels or more was found",
                "turn it upright if it lies on its side, or take one that shows the face from the front",
            )
        if len(faces) > 1:
            raise SeveralFaces(shown(path), f"shows {len(faces)} faces", "cut out the one that is meant")
        self._check_size(path, faces[0])
        self._check_sharpness(path, faces[0])
        self._check_quality(path, faces[0])
        return faces[0]

    def _look_closer(self, image: RgbImage) -> list[Face]:
        """Smaller faces, so that one that is there but too small is refused for that."""
        if image.shape[0] * image.shape[1] > _LARGEST_SECOND_LOOK:
            return []
        smaller = max(_SMALLEST_EVER, self.options.smallest // 2)
        return engine_of(self.options.model_copy(update={"smallest": smaller})).analyse(image)

    def _check_size(self, path: Path, face: Face) -> None:
        edge = min(face.box.width, face.box.height)
        if edge < self.limits.smallest_face and FaceTooSmall.code not in self.accepted:
            raise FaceTooSmall(
                shown(path),
                f"its face is {edge} pixels wide, below {self.limits.smallest_face}",
                f"take one of higher resolution, or enrol it with `--accept {FaceTooSmall.code}`",
            )

    def _check_sharpness(self, path: Path, face: Face) -> None:
        sharpness = face.quality.sharpness
        if sharpness < self.limits.least_sharpness and FaceTooBlurred.code not in self.accepted:
            raise FaceTooBlurred(
                shown(path),
                f"its face has sharpness {sharpness:.2f}, below {self.limits.least_sharpness:.2f}",
                f"take a sharper one, or enrol it with `--accept {FaceTooBlurred.code}`",
            )

    def _check_quality(self, path: Path, face: Face) -> None:
        quality, least = face.quality, self.options.least_quality
        if quality.overall < least and FaceUnrecognisable.code not in self.accepted:
            parts = ", ".join(f"{name} {value:.2f}" for name, value in quality.parts.items() if value is not None)
            raise FaceUnrecognisable(
                shown(path),
                f"its face has quality {quality.overall:.2f}, below {least:.2f} ({parts})",
                f"take a better one, or enrol it with `--accept {FaceUnrecognisable.code}`",
            )
