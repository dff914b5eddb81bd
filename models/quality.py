"""How much a face can be trusted to name somebody: its focus, its pixels, its pose, its light, its detection.

All but the last come from the five landmarks and the chip that was cut along them, so they mean the same for every
detector. How they make one number is in `models.faces`.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import Landmarks, Quality, RgbImage

# Where dlib's aligner puts the landmarks in a chip of padding 0.25 (dlib, image_transforms/interpolation.h), pixels.
_IN_CHIP = np.array([[110.96, 46.35], [89.61, 47.90], [37.06, 46.37], [58.41, 47.91], [74.01, 87.78]], np.float32)

# Pixels along each edge of a chip that show background, hair or, at the border of an image, black.
_MARGIN = 27

# Share of gradients that a second blurring takes, see `sharpness`: in chips blurred beyond use, and in sharp ones.
_BLURRED, _SHARP = 0.15, 0.34

# Of a frontal face, in units of the distance between the eyes' centres: how far the base of the nose lies below them
# (median of 560 faces) and before them (a typical head).
_NOSE_DROP, _NOSE_DEPTH = 0.75, 0.45


# Grey levels at either end that count as clipped.
_CLIPPED = 8

# Grain in relation to the range of light at which exposure is halved: there every second face fails to match.
_HALVING_GRAIN = 0.08

# Less light and shade than this is no range, grey levels.
_LEAST_RANGE = 4.0


def assess(landmarks: Landmarks, chip: RgbImage, score: float) -> Quality:
    """Quality of one face.

    `size` compares the square of the image that the chip was cut from with the chip: 1 where the chip was not enlarged.

    Args:
        landmarks: in pixels of the image that the face is in.
        chip: (150, 150, 3) RGB, aligned by them.
        score: of the detection, in relation to the detector's score of plain portraits. `certainty` is 1 from 1 on.
    """
    size = min(1.0, _spread(landmarks) / _spread(_IN_CHIP))
    return Quality(
        sharpness=sharpness(chip),
        size=size,
        pose=pose(landmarks),
        exposure=exposure(chip),
        certainty=min(1.0, max(0.0, score)),
    )


def sharpness(chip: RgbImage) -> float:
    """Focus of a (150, 150, 3) RGB chip, 0 to 1: whatever its size was in the image, what counts is what is left of it.

    The measure is what share of the gradients is lost when the picture is blurred once more: much in a sharp picture,
    little in one that was blurred before (Crété-Roffet et al., "The blur effect: perception and estimation with a new
    no-reference perceptual blur metric", 2007). It is a ratio, so contrast does not matter. The variance of the
    Laplacian over the variance, tried first, differs fifteenfold among sharp faces, more than by a blur of 3 px; this
    one by a third. The picture is smoothed before, since the noise of a sensor and the blocks of a codec are gradients,
    too, and without it made any blur pass for sharp; strong noise (8 grey levels) still does.

    Measured on 394 faces of five collections, blurred by Gaussians of a standard deviation in pixels of the chip:

    | blur | 5 %, median, 95 % | below 0.15 | the embedding moves by (median) |
    |---|---|---|---|
    | none | 0.88, 1.00, 1.00 | none | |
    | 1 px | 0.65, 0.97, 1.00 | none | 0.11 |
    | 2 px | 0.28, 0.54, 0.85 | none | 0.27 |
    | 3 px | 0.01, 0.24, 0.48 | 26 % | 0.38 |
    | 4 px | 0.00, 0.05, 0.25 | 81 % | 0.46 |
    | 5 px | 0.00, 0.00, 0.09 | 99 % | 0.5 |

    So 0.15 (the default of `enrol.least_sharpness`) refuses what has moved about as far as another person may be. None
    of 760 faces as they were found is below 0.45, and sharp faces of 32 px, enlarged, have 0.28 to 0.83.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), np.float32)
    face = smooth[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
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
    whose distance shrinks: their quotient is depth × tan(yaw). As the head nods it moves along the face likewise. So
    the face looks along (tan yaw, tan pitch, 1). Rolling the head in the image's plane, or scaling, changes nothing.
    Drops differ between people; their standard deviation of 0.09 looks like a nod of 11° and costs 2 %.

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


def exposure(chip: RgbImage) -> float:
    """How much of a face's light and shade was recorded, 0 to 1, from a (150, 150, 3) RGB chip.

    Of pixels that are black or white nothing is known; a face under too little light has little range, and grain or
    rounding hides what is left of it. So it is the share of pixels that are not clipped, less what grain takes:

        exposure = (1 − clipped) / (1 + (g / 0.08)²)

    g is the standard deviation of the grain in relation to the range of the smoothed light, from its 5th to its 95th
    percentile. The deviation comes from the mean of the absolute finest diagonal details, of which a face has few, as
    in Immerkær, "Fast noise variance estimation" (Computer Vision and Image Understanding, 1996). Grain of a small face
    is smoothed with it when the chip is cut, and not seen; a crisp photograph has details that pass for some grain.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), 2.0))[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    face = grey[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].astype(np.float32)
    clipped = float(((face <= _CLIPPED) | (face >= 255 - _CLIPPED)).mean())
    details = (face[::2, ::2] - face[1::2, ::2] - face[::2, 1::2] + face[1::2, 1::2]) / 2
    low, high = np.percentile(smooth, [5, 95])
    grain = math.sqrt(math.pi / 2) * float(np.abs(details).mean()) / max(_LEAST_RANGE, float(high - low))
    return (1 - clipped) / (1 + (grain / _HALVING_GRAIN) ** 2)


def _spread(points: NDArray[np.float32]) -> float:
    centred = points.astype(np.float64) - points.mean(axis=0)
    return float(np.sqrt((centred**2).sum()))
