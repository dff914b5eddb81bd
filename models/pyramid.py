"""The image pyramid that dlib's face detector looks at, on one canvas.

The detector has one window of fixed size. To find larger faces, it looks at the image and at ever smaller copies of it,
each 5/6 of the one before, laid out beside and below each other. Layout and interpolation are those of dlib
(dlib/image_transforms/image_pyramid.h), since the network's receptive field reaches across neighbours on the canvas:
another layout gives other scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import RgbImage
from models.networks.layers import CANVAS_CODING, Normalisation

Pixels = NDArray[np.uint16]
"""(rows, columns, 3) RGB of `CANVAS_CODING`."""

_PADDING, _OUTER_PADDING = 10, 11
_LEAST_ROWS = 5
_RATE = 5 / 6


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


class Canvas:
    """The canvas of a layout, for one image after the other: its background never changes, its memory is used again.

    Args:
        plan: where the levels lie.
        background: the mean colour, which is no signal.
    """

    def __init__(self, plan: Layout, background: Normalisation) -> None:
        self.plan = plan
        # An odd last row or column says nothing to a network with stride 2, but blocks of 2 × 2 need its neighbour.
        shape = plan.rows + plan.rows % 2, plan.columns + plan.columns % 2, 3
        self._pixels = np.empty(shape, np.uint16)
        self._pixels[:] = [_coded(level) for level in (background.red, background.green, background.blue)]

    def draw(self, image: RgbImage) -> Pixels:
        """The levels of an image of the layout's shape; good until the next call."""
        before: Pixels | None = None
        for tile in self.plan.tiles:
            level = self._pixels[tile.top : tile.top + tile.rows, tile.left : tile.left + tile.columns]
            if before is None:
                np.left_shift(image, 8, out=level, dtype=np.uint16)
                level |= int(CANVAS_CODING.offset)
            else:
                _resize(before, level)
            before = level
        return self._pixels


def _coded(level: float) -> int:
    return round(level * CANVAS_CODING.scale + CANVAS_CODING.offset)


def _resize(level: Pixels, target: Pixels) -> None:
    """Bilinear interpolation that keeps the corners' centres where they are, as dlib's; OpenCV's resize moves them."""
    rows, columns = level.shape[:2]
    target_rows, target_columns = target.shape[:2]
    across = (columns - 1) / max(target_columns - 1, 1)
    down = (rows - 1) / max(target_rows - 1, 1)
    back = np.array([[across, 0, 0], [0, down, 0]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(level, back, (target_columns, target_rows), dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)
