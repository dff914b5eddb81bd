"""dlib behind the protocols of `models.faces`: two detectors, the aligner, the embedder.

Building an engine reads nothing. The networks load on first use, once per process, and are shared by all engines.
Results depend on the image alone: not on what was analysed before, nor on how many chips are embedded at once.

dlib's rectangles include their last column and row; a `Box` ends one after them.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

import dlib
import numpy as np
from numpy.typing import NDArray

from models import weights
from models.faces import (
    CHIP_EDGE,
    EMBEDDING_LENGTH,
    Box,
    Chips,
    Detection,
    Embeddings,
    EmbeddingSpace,
    Landmarks,
    RgbImage,
)
from models.scaling import MOST_PIXELS, Scaling, in_pixels_of, padded

CHIP_PADDING = 0.25
SPACE_NAME = "dlib-resnet-v1/chip150-0.25"
MIRRORED_SPACE_NAME = f"{SPACE_NAME}/mirror"

# A lower bound for what the network's convolutions accept; below it dlib raises an internal error.
CNN_LEAST_EDGE = 80

MMOD_PLAIN_SCORE = 1.03
_HOG_PLAIN_SCORE = 0.88

# Activations of one chip take some 10 MB.
_CHIPS_AT_ONCE = 32


class _Rectangle(Protocol):
    """dlib comes without types; these are of the parts of it that are used here."""

    def left(self) -> int: ...
    def top(self) -> int: ...
    def right(self) -> int: ...
    def bottom(self) -> int: ...


class _Point(Protocol):
    x: int
    y: int


class _Shape(Protocol):
    def parts(self) -> Iterable[_Point]: ...


class _MmodDetection(Protocol):
    rect: _Rectangle
    confidence: float


class _Hog(Protocol):
    def run(
        self, image: RgbImage, upsample_num_times: int, adjust_threshold: float
    ) -> tuple[Sequence[_Rectangle], Sequence[float], Sequence[int]]: ...


class _Mmod(Protocol):
    def __call__(self, image: RgbImage, upsample_num_times: int) -> Iterable[_MmodDetection]: ...


class _ShapePredictor(Protocol):
    def __call__(self, image: RgbImage, box: _Rectangle) -> _Shape: ...


class _ResNet(Protocol):
    def compute_face_descriptor(self, batch_img: list[RgbImage]) -> Sequence[Sequence[float]]: ...


class HogDetector:
    """dlib's histogram-of-gradients detector: upright frontal faces.

    Source: Dalal and Triggs, "Histograms of oriented gradients for human detection" (2005), trained with max-margin
    object detection (King 2015, arXiv:1502.00046).

    Args:
        smallest: edge in pixels of the smallest face to find, see `Scaling`. As an image is enlarged at most twofold,
            below 40 the smallest face that is found stays 40.
        most_pixels: see `Scaling`.
    """

    def __init__(self, smallest: int, most_pixels: int = MOST_PIXELS) -> None:
        self._scaling = Scaling(smallest, most_pixels)

    @property
    def name(self) -> str:
        """Engine and options."""
        return f"hog/{self._scaling}"

    @property
    def plain_score(self) -> float:
        """See `FaceDetector`."""
        return _HOG_PLAIN_SCORE

    def detect(self, image: RgbImage) -> list[Detection]:
        """Faces of an image in order of descending score, then of box; scores are distances from the SVM's plane."""
        resized = self._scaling.of(image)
        rectangles, scores, _ = _hog().run(resized, 0, 0.0)
        return in_pixels_of(image, resized, map(_detection, rectangles, scores))


class CnnDetector:
    """dlib's convolutional detector: also turned and partly covered faces; slow.

    Source: King, "Max-margin object detection" (2015), arXiv:1502.00046.

    Args:
        smallest: edge in pixels of the smallest face to find, see `Scaling`.
        most_pixels: see `Scaling`; dlib takes about 1 GB of memory for each million.
    """

    def __init__(self, smallest: int, most_pixels: int = MOST_PIXELS) -> None:
        self._scaling = Scaling(smallest, most_pixels)

    @property
    def name(self) -> str:
        """Engine and options."""
        return f"dlib-cnn/{self._scaling}"

    @property
    def plain_score(self) -> float:
        """See `FaceDetector`."""
        return MMOD_PLAIN_SCORE

    def detect(self, image: RgbImage) -> list[Detection]:
        """Faces of an image in order of descending score, then of box; scores are the network's, mostly 0 to 1.2."""
        resized = self._scaling.of(image, CNN_LEAST_EDGE)
        found = _mmod()(padded(resized, CNN_LEAST_EDGE), 0)
        return in_pixels_of(image, resized, (_detection(item.rect, item.confidence) for item in found))


class DlibAligner:
    """Five landmarks by an ensemble of regression trees, and chips of 150 × 150 px cut along them.

    Source: Kazemi and Sullivan, "One millisecond face alignment with an ensemble of regression trees" (2014).
    """

    def align(self, image: RgbImage, boxes: Sequence[Box]) -> tuple[list[Landmarks], Chips]:
        """Landmarks and chips, one of each per box, in the order of the boxes; what lies outside the image is black."""
        if not boxes:
            return [], np.empty((0, CHIP_EDGE, CHIP_EDGE, 3), np.uint8)
        contiguous = np.ascontiguousarray(image)
        shapes = dlib.full_object_detections()
        for box in boxes:
            shapes.append(_landmarks()(contiguous, _rectangle(box)))
        chips = np.stack(dlib.get_face_chips(contiguous, shapes, size=CHIP_EDGE, padding=CHIP_PADDING))
        return [_points(shape) for shape in shapes], chips


class DlibEmbedder:
    """dlib's ResNet-29 of 128 outputs, trained so that faces of one person lie within a ball of diameter 0.6.

    Source: He et al., "Deep residual learning" (2016), with dlib's metric loss; weights v1 of dlib.

    Args:
        mirror: average each embedding with that of the mirrored chip. The mean is not scaled to unit length.
    """

    def __init__(self, mirror: bool) -> None:
        self._mirror = mirror

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives; known without reading the weights."""
        return space_of(mirror=self._mirror)

    def embed(self, chips: Chips) -> Embeddings:
        """(n, 128) embeddings of (n, 150, 150, 3) chips; n may be 0."""
        if not self._mirror:
            return _describe(chips).astype(np.float32)
        return ((_describe(chips) + _describe(chips[:, :, ::-1])) / 2).astype(np.float32)


def space_of(*, mirror: bool) -> EmbeddingSpace:
    """The space of dlib's embedder, whatever runs it."""
    return EmbeddingSpace(MIRRORED_SPACE_NAME if mirror else SPACE_NAME, EMBEDDING_LENGTH, weights.RESNET.sha256)


def _describe(chips: Chips) -> NDArray[np.float64]:
    described = np.empty((len(chips), EMBEDDING_LENGTH))
    for start in range(0, len(chips), _CHIPS_AT_ONCE):
        part = [np.ascontiguousarray(chip) for chip in chips[start : start + _CHIPS_AT_ONCE]]
        described[start : start + len(part)] = np.asarray(_resnet().compute_face_descriptor(part))
    return described


def _detection(rectangle: _Rectangle, score: float) -> Detection:
    box = Box(rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1)
    return Detection(box, float(score))


def _rectangle(box: Box) -> _Rectangle:
    rectangle: _Rectangle = dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1)
    return rectangle


def _points(shape: _Shape) -> Landmarks:
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)


@cache
def _hog() -> _Hog:
    detector: _Hog = dlib.get_frontal_face_detector()
    return detector


@cache
def _mmod() -> _Mmod:
    detector: _Mmod = dlib.cnn_face_detection_model_v1(str(weights.locate(weights.MMOD)))
    return detector


@cache
def _landmarks() -> _ShapePredictor:
    predictor: _ShapePredictor = dlib.shape_predictor(str(weights.locate(weights.LANDMARKS)))
    return predictor


@cache
def _resnet() -> _ResNet:
    network: _ResNet = dlib.face_recognition_model_v1(str(weights.locate(weights.RESNET)))
    return network
