"""From the scores of dlib's face detector to boxes.

The way back from the canvas to the image and non-maximum suppression are those of dlib (dlib/dnn/loss.h; King,
"Max-margin object detection", arXiv:1502.00046).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.faces import Box, Detection
from models.networks.layers import Overlap, Window
from models.pyramid import Layout, Tile

# Output position → canvas position: three convolutions of 5 × 5 with stride 2 and no padding; the rest keep positions.
_STRIDE, _OFFSET = 8, 14


def detections(
    scores: NDArray[np.float32], plan: Layout, window: Window, suppression: Overlap, threshold: float = 0.0
) -> list[Detection]:
    """Boxes in pixels of the image, the surest first, of each cluster of windows the best.

    Args:
        scores: (rows, columns) of the network.
        plan: layout of the canvas that it looked at.
        window: size of its window.
        suppression: which boxes are the same face.
        threshold: scores at or below it are no faces.
    """
    rows, columns = np.nonzero(scores > threshold)
    found = scores[rows, columns]
    kept: list[tuple[Detection, Box]] = []
    for index in np.argsort(-found, kind="stable").tolist():
        centre = (_STRIDE * int(columns[index]) + _OFFSET, _STRIDE * int(rows[index]) + _OFFSET)
        box = _in_image(centre, plan, window)
        if not any(_overlap(box, other, suppression) for _, other in kept):
            kept.append((Detection(box, float(found[index])), box))
    return [detection for detection, _ in kept]


def _in_image(centre: tuple[int, int], plan: Layout, window: Window) -> Box:
    """The box in the image of the window around a point of the canvas."""
    level = _nearest(centre, plan.tiles)
    tile = plan.tiles[level]
    x, y = centre[0] - tile.left, centre[1] - tile.top
    half_width, half_height = (window.width - 1) / 2, (window.height - 1) / 2
    edges = (x - half_width, y - half_height, x + half_width, y + half_height)
    left, top, right, bottom = (math.floor(_up(edge, level) + 0.5) for edge in edges)
    return Box(left, top, right + 1, bottom + 1)


def _up(coordinate: float, levels: int) -> float:
    """From a level of the pyramid to the image; the shift at each level is dlib's."""
    for _ in range(levels):
        coordinate = coordinate * (6 / 5) + 0.3
    return coordinate


def _nearest(point: tuple[int, int], tiles: Sequence[Tile]) -> int:
    """Index of the tile that holds a point, or is nearest to it; the first of equals."""
    x, y = point

    def distance(index: int) -> int:
        tile = tiles[index]
        dx = max(tile.left - x, 0, x - (tile.left + tile.columns - 1))
        dy = max(tile.top - y, 0, y - (tile.top + tile.rows - 1))
        return dx * dx + dy * dy

    return min(range(len(tiles)), key=distance)


def _overlap(one: Box, other: Box, limits: Overlap) -> bool:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return False
    common, area, other_area = width * height, one.width * one.height, other.width * other.height
    union = common / (area + other_area - common)
    return union > limits.union or max(common / area, common / other_area) > limits.covered
