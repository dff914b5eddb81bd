"""From an image to the canvas that dlib's face detector looks at, and from its scores back to boxes.

The detector is a convolutional network with one window of fixed size. To find larger faces, it looks at the image and
at ever smaller copies of it, each 5/6 of the one before, laid out on one canvas beside and below each other. Layout,
interpolation, the way back to the image, and non-maximum suppression are those of dlib
(dlib/image_transforms/image_pyramid.h, dlib/dnn/loss.h; King, "Max-margin object detection", arXiv:1502.00046), since
the network's receptive field reaches across neighbours on the canvas: another layout gives other scores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import Box, Detection, RgbImage
from models.networks.layers import Normalisation, Overlap, Window

_PADDING, _OUTER_PADDING = 10, 11
_LEAST_ROWS = 5
_RATE = 5 / 6

# Output position → canvas position: three convolutions of 5 × 5 with stride 2 and no padding; the rest keep positions.
_STRIDE, _OFFSET = 8, 14


@dataclass(frozen=True, slots=True)
class Tile:
    """A level of the pyramid on the canvas: columns [left, left + columns), rows [top, top + rows)."""

    left: int
    top: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A canvas of rows × columns with the levels of the pyramid, the image itself first."""

    rows: int
    columns: int
    tiles: tuple[Tile, ...]


@lru_cache(maxsize=16)
def layout(rows: int, columns: int) -> Layout:
    """Where dlib lays the levels of an image of rows × columns: down the left edge, then up the right one."""
    sizes = _sizes(rows, columns)
    height = _canvas_rows(sizes)
    tiles: list[Tile] = []
    below = _OUTER_PADDING
    while below < height + _OUTER_PADDING and len(tiles) < len(sizes):
        level_rows, level_columns = sizes[len(tiles)]
        tiles.append(Tile(_OUTER_PADDING, below, level_columns, level_rows))
        below += level_rows + _PADDING
    above = below - _PADDING
    for level_rows, level_columns in sizes[len(tiles) :]:
        tile = Tile(_OUTER_PADDING + columns - level_columns, above - level_rows, level_columns, level_rows)
        if _touches(tiles[0], tile):
            break
        tiles.append(tile)
        above -= level_rows + _PADDING
    return Layout(height + 2 * _OUTER_PADDING, columns + 2 * _OUTER_PADDING, tuple(tiles))


def _sizes(rows: int, columns: int) -> list[tuple[int, int]]:
    sizes = [(rows, columns)]
    while True:
        rows, columns = int(_RATE * rows), int(_RATE * columns)
        if not rows * columns or rows < _LEAST_ROWS:
            return sizes
        sizes.append((rows, columns))


def _canvas_rows(sizes: Sequence[tuple[int, int]]) -> int:
    """How far down the first column goes: until the next level fits beside the last, and half of them are laid."""
    rows, columns = sizes[0]
    total = sum(level_rows + _PADDING for level_rows, _ in sizes) - 2 * _PADDING
    height, before = 0, 0
    for level_rows, level_columns in sizes:
        if level_columns <= columns - before - _PADDING and 2 * (height - rows) >= total - rows:
            break
        height += level_rows + _PADDING
        before = level_columns
    return height - _PADDING


def _touches(one: Tile, other: Tile) -> bool:
    return (
        one.left < other.left + other.columns
        and other.left < one.left + one.columns
        and one.top < other.top + other.rows
        and other.top < one.top + one.rows
    )


def draw(image: RgbImage, normalisation: Normalisation) -> NDArray[np.float32]:
    """The canvas (rows, columns, 3) float32 of an image; beside the levels lies the mean colour, which is no signal."""
    plan = layout(*image.shape[:2])
    canvas = np.empty((plan.rows, plan.columns, 3), np.float32)
    canvas[:] = (normalisation.red, normalisation.green, normalisation.blue)
    level = image.astype(np.float32)
    for tile in plan.tiles:
        level = _resized(level, tile)
        canvas[tile.top : tile.top + tile.rows, tile.left : tile.left + tile.columns] = level
    return canvas


def _resized(level: NDArray[np.float32], tile: Tile) -> NDArray[np.float32]:
    """Bilinear interpolation that keeps the corners' centres where they are, as dlib's; OpenCV's resize moves them."""
    rows, columns = level.shape[:2]
    if (rows, columns) == (tile.rows, tile.columns):
        return level
    across = (columns - 1) / max(tile.columns - 1, 1)
    down = (rows - 1) / max(tile.rows - 1, 1)
    back = np.array([[across, 0, 0], [0, down, 0]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (tile.columns, tile.rows)
    return np.asarray(cv2.warpAffine(level, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


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
