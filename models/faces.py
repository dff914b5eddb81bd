"""The words that everything else speaks: box, detection, face, embedding space; and the protocols of the engines.

Images are `uint8` arrays of shape (height, width, 3), RGB, upright. Pixel coordinates grow to the right and down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""(height, width, 3), RGB."""

Chips = NDArray[np.uint8]
"""(n, edge, edge, 3), RGB: faces aligned by their landmarks; of dlib's aligner of edge 150."""

Embedding = NDArray[np.float32]
"""(d,), d the length of its space. In dlib's, d is 128, the vector of one chip about of unit length, and distances
between faces of one person are mostly below 0.6."""

Embeddings = NDArray[np.float32]
"""(n, d)."""

Landmarks = NDArray[np.float32]
"""(5, 2): x, y of both corners of both eyes and the base of the nose, in dlib's order, pixels of the image."""

CHIP_EDGE = 150
EMBEDDING_LENGTH = 128
"""Of dlib's network; of others their space says it."""


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A face's rectangle in pixels; may leave the image. `right` and `bottom` are the first column and row outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def scaled(self, across: float, down: float) -> "Box":
        """The same place in an image that is so many times as wide and as high, in whole pixels."""
        return Box(
            round(self.left * across), round(self.top * down), round(self.right * across), round(self.bottom * down)
        )

    def grown(self, across: int, down: int) -> "Box":
        """With so many pixels more on either side, and above and below."""
        return Box(self.left - across, self.top - down, self.right + across, self.bottom + down)

    def inside(self, height: int, width: int) -> "Box":
        """What of it lies in an image of so many rows and columns; its edges cross where nothing does."""
        return Box(max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom))

    def overlap(self, other: "Box") -> float:
        """Intersection over union with another box, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        common = width * height
        return common / (self.width * self.height + other.width * other.height - common)


@dataclass(frozen=True, slots=True)
class Detection:
    """A face that a detector found. `score` grows with confidence; its scale is the detector's own."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How much a face can be trusted to name somebody; each 0 to 1, 1 best.

    `sharpness`: focus inside the box. `size`: pixels against what the embedder takes. `pose`: frontal 1, profile 0.
    `exposure`: light and shade that were recorded. `certainty`: the detector's score against that of plain portraits.
    None where one was not measured, as in rows of older ledgers. `overall` weighs a face in its group's mean.
    """

    sharpness: float
    size: float
    pose: float
    exposure: float | None = None
    certainty: float | None = None

    @property
    def overall(self) -> float:
        """Weighted geometric mean of the parts: one that is poor spoils the whole."""
        return float(overall(np.array([list(self.parts.values())], np.float64))[0])

    @property
    def parts(self) -> dict[str, float | None]:
        """All parts by name, in the order of `PARTS`."""
        return {name: getattr(self, name) for name in PARTS}

    def rounded(self, digits: int) -> dict[str, float | None]:
        """The parts and `overall` by name, to so many decimals."""
        known = {**self.parts, "overall": self.overall}
        return {name: None if value is None else round(value, digits) for name, value in known.items()}


PARTS = ("sharpness", "size", "pose", "exposure", "certainty")
WEIGHTS = np.array([0.25, 0.25, 0.0, 0.25, 0.25])
"""Of the parts in the mean: those that tell which faces fail to match have the same (docs/decisions, 18).

Pose has none: certainty falls as a head turns, and pose tells nothing beside it."""


def overall(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) `Quality.overall` of n faces, (n, 5) the parts of each; what is NaN is left out of the mean."""
    rows = parts.reshape(-1, len(PARTS))
    known = ~np.isnan(rows)
    weights = WEIGHTS * known
    return np.asarray(np.prod(np.where(known, rows, 1.0) ** (weights / weights.sum(axis=1, keepdims=True)), axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in one image, with its embedding. Personal data: never log one. `repr` leaves the embedding out."""

    box: Box
    score: float
    landmarks: Landmarks
    quality: Quality
    embedding: Embedding

    def __repr__(self) -> str:
        return f"Face(box={self.box}, score={self.score:.3f}, quality={self.quality.overall:.2f})"


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """Where embeddings may be compared: vectors of different spaces never are.

    `name` tells network, alignment and averaging, e.g. `dlib-resnet-v1/chip150-0.25/mirror`. `length` is that of its
    vectors.
    """

    name: str
    length: int
    weights_sha256: str


class FaceDetector(Protocol):
    """Finds faces."""

    @property
    def name(self) -> str:
        """Engine and options, for provenance, e.g. `hog/smallest60/pixels2073600`."""
        ...

    @property
    def plain_score(self) -> float:
        """Score that 19 of 20 plain portraits reach: those of Labelled Faces in the Wild."""
        ...

    def detect(self, image: RgbImage) -> list[Detection]:
        """Faces of an image in order of descending score, then of box."""
        ...


class FaceAligner(Protocol):
    """Finds the landmarks of detected faces and cuts upright chips."""

    def align(self, image: RgbImage, boxes: Sequence[Box]) -> tuple[list[Landmarks], Chips]:
        """Landmarks and chips, one of each per box, in the order of the boxes."""
        ...


class FaceEmbedder(Protocol):
    """Turns chips into embeddings."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives."""
        ...

    def embed(self, chips: Chips) -> Embeddings:
        """(n, d) embeddings of (n, edge, edge, 3) chips; n may be 0."""
        ...
