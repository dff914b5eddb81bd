"""Where the detector's network is run: everywhere, or only where a cheaper one has seen something.

The network in 8-bit integers looks first, at the whole canvas. Its scores are wrong by some hundredths, so wherever it
gives more than -`MARGIN`, the network itself is run on what can influence those scores; the rest of the canvas holds
nothing above 0. What comes out is what the network gives for the whole canvas, to the last digits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pyramid import Pixels

Run = Callable[[NDArray[Any]], NDArray[np.float32]]
"""A network on a batch of one: (1, rows, columns, channels) in, (1, 1, rows, columns) scores out."""

Scores = NDArray[np.float32]
"""(rows, columns) of the network's output; each cell stands for a window of the canvas."""

MARGIN = 0.2
"""Ten times the standard deviation of the first look's error (0.0195). In 2,319 pictures with 2,368 faces its score was
nowhere below -0.105 where the network's was above 0, and no face was lost; `bench/first_look.py` measures both."""

# Cell n of a row of scores depends on the pixels 8 n to 8 n + 28 by the three layers with stride, which have no
# padding, and by the other layers on 10 cells to each side: 2 + 2 + 2 + 4.
_STRIDE, _OVERHANG = 8, 22
_REACH = 10

_CELLS_AT_ONCE = 1 << 16
"""Bounds memory: the network's activations take some 3 kB for each."""

_JOINED = 8
"""Cells between two places that are cheaper to look at together."""

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

    def widened(self, shape: tuple[int, int]) -> "Region":
        """With all cells that its own depend on, within scores of a shape."""
        return Region(
            max(0, self.top - _REACH),
            min(shape[0], self.bottom + _REACH),
            max(0, self.left - _REACH),
            min(shape[1], self.right + _REACH),
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
    _fill(scores, _strips(scores.shape), canvas, network)
    return scores


def where_needed(canvas: Pixels, first_look: Run, network: Run) -> Scores:
    """The network's scores of a canvas wherever they may be above 0, −∞ elsewhere.

    Args:
        canvas: an even number of rows and columns.
        first_look: the network in integers; it is given blocks of 2 × 2 pixels.
        network: the network itself.
    """
    glanced = everywhere(canvas, lambda pixels: first_look(blocks(pixels[0])[np.newaxis]))
    places = list(_places(glanced > -MARGIN))
    if sum(place.widened(glanced.shape).area for place in places) > _CROWDED * glanced.size:
        return everywhere(canvas, network)
    scores = np.full(glanced.shape, -np.inf, np.float32)
    _fill(scores, places, canvas, network)
    return scores


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


def _fill(scores: Scores, regions: Sequence[Region], canvas: Pixels, network: Run) -> None:
    for region in regions:
        seen = region.widened(scores.shape)
        found = network(seen.of_canvas(canvas)[np.newaxis])[0, 0]
        top, left = region.top - seen.top, region.left - seen.left
        inner = Region(top, top + region.bottom - region.top, left, left + region.right - region.left)
        region.of_scores(scores)[:] = inner.of_scores(found)


def _strips(shape: tuple[int, int]) -> list[Region]:
    rows, columns = shape
    strips = -(-rows * columns // _CELLS_AT_ONCE)
    edges = [rows * strip // strips for strip in range(strips + 1)]
    return [Region(top, bottom, 0, columns) for top, bottom in pairwise(edges) if top < bottom]


def _places(wanted: NDArray[np.bool_]) -> Iterator[Region]:
    """The bounding boxes of what is wanted, joined where neighbours are near."""
    if not wanted.any():
        return
    kernel = np.ones((_JOINED + 1, _JOINED + 1), np.uint8)
    near = cv2.dilate(wanted.astype(np.uint8), kernel)
    count, labels = cv2.connectedComponents(near, connectivity=8)
    for label in range(1, count):
        rows, columns = np.nonzero(wanted & (labels == label))
        yield Region(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)
