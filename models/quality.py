"""How much a face can be trusted to name somebody: its focus, its pixels, its pose.

All three come from the five landmarks and the chip that was cut along them, so they mean the same for every detector.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import CHIP_EDGE, Landmarks, Quality, RgbImage

# Where dlib's aligner puts the five landmarks in a chip of padding 0.25, pixels (dlib, image_transforms/interpolation.h).
_IN_CHIP = np.array([[110.96, 46.35], [89.61, 47.90], [37.06, 46.37], [58.41, 47.91], [74.01, 87.78]])

# Below this edge the blur of a chip cannot be told from its few pixels.
_LEAST_EDGE = 32

# Share of a chip's edge that is background, hair or, at the border of an image, black.
_MARGIN = 0.18

# Gradients that outlast a second blurring, see `sharpness`: as many as in chips blurred beyond use, and in sharp ones.
_BLURRED, _SHARP = 0.16, 0.40

# Of a frontal face, in units of the distance between the eyes' centres: how far the base of the nose lies below them
# (median of 560 faces; 0.75) and before them (a typical head).
_NOSE_DROP, _NOSE_DEPTH = 0.75, 0.45


def assess(landmarks: Landmarks, chip: RgbImage) -> Quality:
    """Quality of one face.

    Args:
        landmarks: in pixels of the image that the face is in.
        chip: (150, 150, 3) RGB, aligned by them.
    """
    edge = _native_edge(landmarks)
    return Quality(sharpness=sharpness(chip, edge), size=min(1.0, edge / CHIP_EDGE), pose=pose(landmarks))


def sharpness(chip: RgbImage, native_edge: float = CHIP_EDGE) -> float:
    """Focus, 0 to 1, in the pixels that the face had in its image (a small sharp face is sharp).

    The measure is what share of the gradients is lost when the picture is blurred once more: much in a sharp picture,
    little in one that was blurred before (Crété-Roffet et al., "The blur effect: perception and estimation with a new
    no-reference perceptual blur metric", 2007). Being a ratio it does not depend on contrast. The variance of the
    Laplacian was tried first: sharp faces of different people and lighting differ in it tenfold, as much as a sharp face
    differs from one blurred with a standard deviation of 3 px; here they differ by a fifth. The picture is smoothed
    before, since the noise of a sensor and the blocks of a codec are gradients, too: without that, blur of any degree
    passed for sharp under noise of 8 grey levels.

    Args:
        chip: (150, 150, 3) RGB.
        native_edge: edge in pixels of the square in the image that the chip was cut from.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    edge = min(CHIP_EDGE, max(_LEAST_EDGE, round(native_edge)))
    if edge < CHIP_EDGE:
        grey = cv2.resize(grey, (edge, edge), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
    margin = round(edge * _MARGIN)
    face = smooth[margin:-margin, margin:-margin]
    lost = min(_lost_gradients(face), _lost_gradients(face.T))
    return min(1.0, max(0.0, (lost - _BLURRED) / (_SHARP - _BLURRED)))


def _lost_gradients(picture: NDArray[np.float32]) -> float:
    """Share of the gradients along the columns that is lost when these are blurred by a mean of 9 px."""
    gradients = np.abs(np.diff(picture, axis=0))
    blurred = np.abs(np.diff(cv2.blur(np.ascontiguousarray(picture), (1, 9)), axis=0))
    total = float(gradients.sum())
    return float(np.maximum(gradients - blurred, 0).sum()) / total if total > 0 else 0.0


def pose(landmarks: Landmarks) -> float:
    """How frontal a face is: cosine of the angle between its direction and the line of sight; frontal 1, profile 0.

    The base of the nose lies before the plane of the eyes. As the head turns by yaw it moves sideways against the eyes,
    whose distance shrinks: their quotient is depth × tan(yaw). As the head nods it moves along the face likewise. So the
    face looks along (tan yaw, tan pitch, 1). Turning the head in the image's plane, or scaling, changes nothing. Drops
    differ between people: a standard deviation of 0.09 looks like a nod of 11° and costs 2 %.

    Args:
        landmarks: of one face, at any scale.
    """
    points = landmarks.astype(np.float64)
    across = points[0:2].mean(axis=0) - points[2:4].mean(axis=0)
    nose = points[4] - points[0:4].mean(axis=0)
    square = float(across @ across)
    if square == 0:
        return 0.0
    sideways = float(nose @ across) / square
    drop = float(across[0] * nose[1] - across[1] * nose[0]) / square
    yaw = sideways / _NOSE_DEPTH
    pitch = (drop / np.hypot(1.0, yaw) - _NOSE_DROP) / _NOSE_DEPTH
    return float(1.0 / np.sqrt(1.0 + yaw**2 + pitch**2))


def _native_edge(landmarks: Landmarks) -> float:
    """Edge in pixels of the square in the image that becomes the chip: the quotient of the landmarks' spreads."""
    return float(CHIP_EDGE * _spread(landmarks.astype(np.float64)) / _spread(_IN_CHIP))


def _spread(points: NDArray[np.float64]) -> float:
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum()))
