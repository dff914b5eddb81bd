"""Where the detector's network is run: everywhere, or only where a cheaper one has seen something.

The network in 8-bit integers looks first, at every second level of the pyramid. Its scores are wrong by some
hundredths, and a face that is a sixth too large or too small for a level has a lower score there, but not by much: so
wherever the first look gives more than -`MARGIN`, the network itself is run on the neighbouring levels, and on that
level where it gives more than its error, with all pixels that influence the scores. What comes out is what the network
gives there for the whole canvas, to the last digits.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pyramid import Layout, Pixels, Tile

Run = Callable[[NDArray[Any]], NDArray[np.float32]]
"""A network on a batch of one: (1, rows, columns, channels) in, (1, 1, rows, columns) scores out."""

Scores = NDArray[np.float32]
"""(rows, columns) of the network's output; each cell stands for a window of the canvas."""

MARGIN = 0.6
"""In 2,333 pictures with 2,381 faces none is lost by it, nor by 0.4; `bench/first_look.py` measures that."""

_ERROR = 0.2
"""Ten times the standard deviation of what integers add to a score: below it, the level itself holds no face."""

_STEP, _CLOSE_UP = 2, 160
"""Every so many levels of the pyramid are looked at first; but each of those whose shorter edge has fewer pixels than
that. There a face may fill the picture to beyond its edges, and such faces are seen at their own scale only."""

# Cell n of a row of scores depends on the pixels 8 n to 8 n + 28 by the three layers with stride, which have no
# padding, and by the other layers on 10 cells to each side: 2 + 2 + 2 + 4.
_STRIDE, _OVERHANG, _CENTRE = 8, 22, 14
_REACH = 10

_CELLS_AT_ONCE, _CELLS_AT_A_GLANCE = 1 << 15, 1 << 14
"""Bounds memory: the network's activations take some 3 kB for each, the first look's some 2 kB."""

_JOINED = 8
"""Cells between two places that are cheaper to look at together."""

_FRINGE = 2
"""Cells around what the first look is asked for, so that it sees more than the level's edge."""

_CROWDED = 0.6
"""Share of the cells beyond which it is cheaper to look everywhere."""


@dataclass(frozen=True, slots=True)
class Region:
    """Rows [top, bottom) and columns [left, right) of the scores."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """How many cells."""
        return (self.bottom - self.top) * (self.right - self.left)

    def widened(self, cells: int, shape: tuple[int, int]) -> "Region":
        """With so many cells more on each side, within scores of a shape."""
        return Region(
            max(0, self.top - cells),
            min(shape[0], self.bottom + cells),
            max(0, self.left - cells),
            min(shape[1], self.right + cells),
        )

    def of_scores(self, scores: Scores) -> Scores:
        """These cells."""
        return scores[self.top : self.bottom, self.left : self.right]

    def of_canvas(self, canvas: Pixels) -> Pixels:
        """The pixels of these cells; an even number each way."""
        return canvas[
            _STRIDE * self.top : _STRIDE * self.bottom + _OVERHANG,
            _STRIDE * self.left : _STRIDE * self.right + _OVERHANG,
        ]


def everywhere(canvas: Pixels, network: Run) -> Scores:
    """The network's scores of a whole canvas."""
    scores = np.empty(_shape(canvas), np.float32)
    whole = Region(0, scores.shape[0], 0, scores.shape[1])
    _fill(scores, [whole], canvas, network, reach=_REACH, at_once=_CELLS_AT_ONCE)
    return scores


def where_needed(canvas: Pixels, plan: Layout, first_look: Run, network: Run, margin: float = MARGIN) -> Scores:
    """The network's scores of a canvas wherever they may be above 0, -∞ elsewhere.

    Args:
        canvas: an even number of rows and columns.
        plan: where its levels lie.
        first_look: the network in integers; it is given blocks of 2 × 2 pixels.
        network: the network itself.
        margin: scores of the first look below -margin are taken for no face.
    """
    shape = _shape(canvas)
    places = list(_places(_worth_a_look(canvas, plan, first_look, margin)))
    if sum(place.widened(_REACH, shape).area for place in places) > _CROWDED * shape[0] * shape[1]:
        return everywhere(canvas, network)
    scores = np.full(shape, -np.inf, np.float32)
    _fill(scores, places, canvas, network, reach=_REACH, at_once=_CELLS_AT_ONCE)
    return scores


def _worth_a_look(canvas: Pixels, plan: Layout, first_look: Run, margin: float) -> NDArray[np.bool_]:
    """Which scores may be above 0."""
    glanced = np.full(_shape(canvas), -np.inf, np.float32)
    wanted = np.zeros(glanced.shape, bool)
    for level, tile in enumerate(plan.tiles):
        if level % _STEP and min(tile.rows, tile.columns) >= _CLOSE_UP:
            continue
        cells = _cells(tile, glanced.shape)
        _fill(
            glanced,
            [cells],
            canvas,
            lambda pixels: first_look(blocks(pixels[0])[np.newaxis]),
            reach=_FRINGE,
            at_once=_CELLS_AT_A_GLANCE,
        )
        rows, columns = np.nonzero(cells.of_scores(glanced) > -margin)
        rows, columns = rows + cells.top, columns + cells.left
        for neighbour in (*plan.tiles[max(0, level - 1) : level], *plan.tiles[level + 1 : level + 2]):
            down = _moved(rows, (tile.top, tile.rows), (neighbour.top, neighbour.rows))
            across = _moved(columns, (tile.left, tile.columns), (neighbour.left, neighbour.columns))
            wanted[down.clip(0, wanted.shape[0] - 1), across.clip(0, wanted.shape[1] - 1)] = True
    # What lies between two cells of one level is two cells of another.
    near = cv2.dilate(wanted.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return near | (glanced > -_ERROR)


def _cells(tile: Tile, shape: tuple[int, int]) -> Region:
    """The cells whose windows have their centres on a level or just beside it."""
    top, left = ((edge - _CENTRE) // _STRIDE for edge in (tile.top, tile.left))
    bottom, right = ((edge - _CENTRE) // _STRIDE + 2 for edge in (tile.top + tile.rows, tile.left + tile.columns))
    return Region(max(0, top), min(bottom, shape[0]), max(0, left), min(right, shape[1]))


def _moved(cells: NDArray[np.intp], level: tuple[int, int], other: tuple[int, int]) -> NDArray[np.intp]:
    """Along one axis, the cells of another level that stand for the same place; levels are (first pixel, pixels)."""
    (start, length), (other_start, other_length) = level, other
    pixels = (_STRIDE * cells + _CENTRE - start) * (other_length / length) + other_start
    return np.rint((pixels - _CENTRE) / _STRIDE).astype(np.intp)


def blocks(pixels: Pixels) -> NDArray[np.uint8]:
    """(rows / 2, columns / 2, 12): blocks of 2 × 2 pixels, each (row, column, colour), levels rounded to 8 bits."""
    rows, columns = pixels.shape[:2]
    halves = pixels.view(np.uint8).reshape(rows, columns // 2, 12)
    found = np.empty((rows // 2, columns // 2, 12), np.uint8)
    # Of the two bytes of a number the upper one is the level; memory holds it second.
    chosen = [pair for channel in range(12) for pair in (2 * channel + 1, channel)]
    cv2.mixChannels([halves[0::2], halves[1::2]], [found], chosen)
    return found


def _shape(canvas: Pixels) -> tuple[int, int]:
    rows, columns = ((edge - _OVERHANG) // _STRIDE for edge in canvas.shape[:2])
    return rows, columns


def _fill(scores: Scores, regions: Iterable[Region], canvas: Pixels, network: Run, *, reach: int, at_once: int) -> None:
    """Run a network for some regions, strip by strip, on the pixels of `reach` cells more on each side of a region.

    Where strips meet, each sees all that its scores depend on: a face may lie across the seam.
    """
    for region in regions:
        whole = region.widened(reach, scores.shape)
        for strip in _strips(region, at_once):
            top, bottom = max(whole.top, strip.top - _REACH), min(whole.bottom, strip.bottom + _REACH)
            seen = Region(top, bottom, whole.left, whole.right)
            found = network(seen.of_canvas(canvas)[np.newaxis])[0, 0]
            left = region.left - seen.left
            inner = Region(strip.top - top, strip.bottom - top, left, left + region.right - region.left)
            strip.of_scores(scores)[:] = inner.of_scores(found)


def _strips(region: Region, at_once: int) -> list[Region]:
    strips = max(1, -(-region.area // at_once))
    edges = [region.top + (region.bottom - region.top) * strip // strips for strip in range(strips + 1)]
    return [Region(top, bottom, region.left, region.right) for top, bottom in pairwise(edges) if top < bottom]


def _places(wanted: NDArray[np.bool_]) -> Iterator[Region]:
    """The bounding boxes of what is wanted, joined where neighbours are near."""
    rows, columns = np.nonzero(wanted)
    if not rows.size:
        return
    kernel = np.ones((_JOINED + 1, _JOINED + 1), np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(wanted.astype(np.uint8), kernel), connectivity=8)
    places = labels[rows, columns].astype(np.intp)
    first = np.full((2, count), max(wanted.shape))
    last = np.zeros((2, count), np.intp)
    for axis, cells in enumerate((rows, columns)):
        np.minimum.at(first[axis], places, cells)
        np.maximum.at(last[axis], places, cells)
    for place in range(1, count):
        (top, left), (bottom, right) = first[:, place].tolist(), last[:, place].tolist()
        yield Region(top, bottom + 1, left, right + 1)
