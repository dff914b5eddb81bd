"""The scale at which a detector looks at an image, and the way back."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import Detection, RgbImage

Points = NDArray[np.float64]
"""(n, 2): x, y."""

WINDOW = 80
"""Edge in pixels of the smallest face that both of dlib's detectors are made for.

Measured on reduced portraits: both find faces whose HOG box has 70 px, mostly those of 60, and none of 50; the network
reports no box below 80."""

LARGEST_UPSCALING = 2.0
"""Beyond this an enlarged picture shows a detector nothing but interpolation."""


MOST_PIXELS = 1920 * 1080
"""Larger frames show the same people larger; looking closer costs time and memory in proportion."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How large a detector looks at an image.

    Args:
        smallest: edge in pixels of the image of the smallest face to find: it is to fill a detector's window.
        most_pixels: the image is not looked at larger than this; the smallest face that is found grows accordingly.
    """

    smallest: int
    most_pixels: int = MOST_PIXELS

    def __str__(self) -> str:
        """For provenance."""
        return f"smallest{self.smallest}/pixels{self.most_pixels}"

    def smallest_face(self, height: int, width: int) -> float:
        """Edge in pixels of the smallest face that is found in an image of this size."""
        return WINDOW / min(self._scale(height, width), LARGEST_UPSCALING)

    def of(self, image: RgbImage, least_edge: int = 1) -> RgbImage:
        """The image as a detector looks at it, at most twice as large; contiguous.

        Args:
            image: to be looked at.
            least_edge: what the detector will have a shorter edge `padded` to; those pixels count, too.
        """
        height, width = image.shape[:2]
        return scaled(image, min(self._scale(height, width), self.most_pixels / (max(height, width) * least_edge)))

    def _scale(self, height: int, width: int) -> float:
        """At which the smallest face fills a detector's window, or less where that takes too many pixels."""
        return min(WINDOW / self.smallest, math.sqrt(self.most_pixels / (height * width)))


def scaled(image: RgbImage, scale: float) -> RgbImage:
    """The image at a scale, never below one pixel and never enlarged beyond `LARGEST_UPSCALING`; contiguous."""
    scale = min(scale, LARGEST_UPSCALING)
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return np.ascontiguousarray(image)
    # Down to a half every pixel is among the four nearest to some point; means cost several times as much.
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def padded(image: RgbImage, least_edge: int) -> RgbImage:
    """The image with black below and beside it, where it is smaller than a detector can look at."""
    below, beside = (max(0, least_edge - edge) for edge in image.shape[:2])
    if not below and not beside:
        return image
    return np.pad(image, ((0, below), (0, beside), (0, 0)))


def in_pixels_of(image: RgbImage, resized: RgbImage, found: Iterable[Detection]) -> list[Detection]:
    """Detections in an image from those in its resized copy, in order of descending score, then of box."""
    down, across = (image.shape[axis] / resized.shape[axis] for axis in (0, 1))
    detections = [Detection(detection.box.scaled(across, down), detection.score) for detection in found]
    return sorted(detections, key=lambda detection: (-detection.score, detection.box))


def points_in(points: NDArray[Any], low: Sequence[float] | NDArray[Any], factors: NDArray[np.float64]) -> Points:
    """Points of an image in pixels of a part of it that was resized.

    Args:
        points: (n, 2) x, y in pixels of the image.
        low: first column and row of the part.
        factors: by which it was resized, across and down.
    """
    # Pixels' centres lie half a pixel from their corners, which is what resizing keeps in place.
    return np.asarray((points - np.asarray(low) + 0.5) * factors - 0.5, np.float64)
