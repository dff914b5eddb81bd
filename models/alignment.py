"""Where an embedder wants the face in its picture, and chips cut so: every embedder has an alignment of its own.

All start from the same five landmarks, so a face that was found once can be cut for any embedder.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from config.embedder_file import EmbedderFile
from models.faces import Chips, Landmarks, RgbImage
from models.scaling import points_in

Points = NDArray[np.float64]
"""(5, 2): x, y, in the order of `Landmarks`."""

# dlib's mean face in the unit square (dlib, image_transforms/interpolation.h, `get_face_chip_details`).
_MEAN_FACE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)

# Centres of the eyes in the frame of 112 px (Deng et al., "ArcFace", arXiv:1801.07698; insightface, `arcface_dst`), the
# picture's right one first, as in dlib's order. The frame is given by eye centres, tip of the nose and corners of the
# mouth; dlib's five points have neither of the latter. Its mean face is laid on the eyes instead.
_ARCFACE_EYES = np.array([[73.5318, 51.5014], [38.2946, 51.6963]])
_ARCFACE_EDGE = 112

# Chips are interpolated between pixels; where a chip has fewer than the picture, these are averaged first.
_LARGEST_REDUCTION = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where the five landmarks shall lie in a square chip.

    Args:
        edge: of the chip, pixels.
        points: in pixels of the chip.
    """

    edge: int
    points: Points

    def cut(self, image: RgbImage, landmarks: Landmarks) -> RgbImage:
        """The (edge, edge, 3) chip of one face; what lies outside the image is black.

        Args:
            image: RGB.
            landmarks: of the face, in pixels of the image.
        """
        there = landmarks.astype(np.float64)
        reduction = 1 / _scale(similarity(there, self.points))
        if reduction > _LARGEST_REDUCTION:
            image, there = _reduced(image, there, reduction, self.edge)
        matrix = similarity(there, self.points)
        return np.asarray(cv2.warpAffine(image, matrix, (self.edge, self.edge), flags=cv2.INTER_LINEAR), np.uint8)

    def cut_all(self, image: RgbImage, landmarks: list[Landmarks]) -> Chips:
        """(n, edge, edge, 3) chips of n faces of one image; n may be 0."""
        if not landmarks:
            return np.empty((0, self.edge, self.edge, 3), np.uint8)
        return np.stack([self.cut(image, points) for points in landmarks])

    def corners(self, landmarks: Landmarks) -> Points:
        """(4, 2) corners of the chip of a face, in pixels of its image."""
        matrix = similarity(self.points, landmarks.astype(np.float64))
        last = self.edge - 1
        square = np.array([[0, 0], [last, 0], [last, last], [0, last]], np.float64)
        return np.asarray(square @ matrix[:, :2].T + matrix[:, 2])


def dlib_alignment(edge: int, padding: float) -> Alignment:
    """The mean face of dlib with some of its edge left at each side."""
    # Its frame begins at the outer edge of the first pixel, half a pixel before the centre.
    return Alignment(edge, (padding + _MEAN_FACE) / (2 * padding + 1) * edge - 0.5)


def arcface_alignment(edge: int) -> Alignment:
    """The eyes as in ArcFace's frame of 112 px, scaled to another edge."""
    eyes = np.array([_MEAN_FACE[0:2].mean(axis=0), _MEAN_FACE[2:4].mean(axis=0)])
    matrix = similarity(eyes, _ARCFACE_EYES)
    return Alignment(edge, (_MEAN_FACE @ matrix[:, :2].T + matrix[:, 2]) * (edge / _ARCFACE_EDGE))


def alignment_of(file: EmbedderFile) -> Alignment:
    """The alignment that a declared embedder wants."""
    if file.alignment == "dlib":
        return dlib_alignment(file.edge, file.padding)
    return arcface_alignment(file.edge)


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """(2, 3) matrix that turns, scales and shifts points onto others with the least sum of squares; it never mirrors.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).
    """
    from_middle, to_middle = source.mean(axis=0), target.mean(axis=0)
    before, after = source - from_middle, target - to_middle
    left, singular, right = np.linalg.svd(after.T @ before)
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    spread = float((before**2).sum())
    turned = (left * signs) @ right * (float(singular @ signs) / spread if spread else 1.0)
    return np.column_stack([turned, to_middle - turned @ from_middle])


def _scale(matrix: NDArray[np.float64]) -> float:
    return max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)


def _reduced(image: RgbImage, landmarks: Points, reduction: float, edge: int) -> tuple[RgbImage, Points]:
    """The face's surroundings, made as small as the chip shows them; the landmarks in them."""
    height, width = image.shape[:2]
    reach = edge * reduction
    low = np.maximum(landmarks.min(axis=0) - reach, 0).astype(int)
    high = np.minimum(landmarks.max(axis=0) + reach, (width, height)).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return image, landmarks
    columns, rows = (max(1, round(length / reduction)) for length in (part.shape[1], part.shape[0]))
    small = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    factors = np.array([columns / part.shape[1], rows / part.shape[0]])
    return small, points_in(landmarks, low, factors)
