"""One image in, its faces out: detection, alignment, quality and embedding in a row."""

from collections.abc import Callable

from config.face_settings import DetectorName, EmbedderName, FaceSettings
from models import quality
from models.alignment import Alignment, alignment_of
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder, HogDetector
from models.faces import EmbeddingSpace, Face, FaceAligner, FaceDetector, FaceEmbedder, RgbImage
from models.file_embedder import FileEmbedder
from models.onnx_engines import MmodDetector, OnnxEmbedder


class FaceEngine:
    """Analyses images with one detector, one aligner and one embedder.

    Args:
        detector: finds faces.
        aligner: finds landmarks, and cuts the chips by which quality is told.
        embedder: embeds chips.
        alignment: of the embedder's chips; None where it takes the aligner's.
    """

    def __init__(
        self,
        detector: FaceDetector,
        aligner: FaceAligner,
        embedder: FaceEmbedder,
        alignment: Alignment | None = None,
    ) -> None:
        self._detector = detector
        self._aligner = aligner
        self._embedder = embedder
        self._alignment = alignment

    @property
    def detector_name(self) -> str:
        """The detector and its options, for provenance."""
        return self._detector.name

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives; known before anything is loaded."""
        return self._embedder.space

    def analyse(self, image: RgbImage) -> list[Face]:
        """The faces of an upright (height, width, 3) image, in the detector's order: the surest first.

        Raises:
            WeightsMissing: a file of weights is not there.
            ForeignWeights: the embedder's file is not what was declared.
        """
        detections = self._detector.detect(image)
        landmarks, chips = self._aligner.align(image, [detection.box for detection in detections])
        embeddings = self._embedder.embed(self._alignment.cut_all(image, landmarks) if self._alignment else chips)
        return [
            Face(
                box=detection.box,
                score=detection.score,
                landmarks=points,
                quality=quality.assess(points, chip, detection.score / self._detector.plain_score),
                embedding=embedding,
            )
            for detection, points, chip, embedding in zip(detections, landmarks, chips, embeddings, strict=True)
        ]


def build_engine(faces: FaceSettings) -> FaceEngine:
    """The engine that the settings name. Cheap: networks load on first use."""
    detectors: dict[DetectorName, Callable[[], FaceDetector]] = {
        "mmod": lambda: MmodDetector(
            faces.smallest, faces.provider, first_look=faces.first_look, most_pixels=faces.most_pixels
        ),
        "hog": lambda: HogDetector(faces.smallest, faces.most_pixels),
        "dlib-cnn": lambda: CnnDetector(faces.smallest, faces.most_pixels),
    }
    alignment = alignment_of(faces.file) if faces.embedder == "file" else None
    return FaceEngine(detectors[faces.detector](), DlibAligner(), build_embedder(faces), alignment)


def build_embedder(faces: FaceSettings) -> FaceEmbedder:
    """The embedder that the settings name. Cheap: it loads on first use.

    Raises:
        SettingsError: it is a file, and none is declared.
    """
    embedders: dict[EmbedderName, Callable[[], FaceEmbedder]] = {
        "onnx": lambda: OnnxEmbedder(faces.mirror, faces.provider),
        "dlib": lambda: DlibEmbedder(faces.mirror),
        "file": lambda: FileEmbedder(faces.file, faces.provider),
    }
    return embedders[faces.embedder]()
