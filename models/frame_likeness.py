"""Whether a frame shows what another one showed: where its parts differ, and whether a face in it is the same.

A frame is kept as a small grey picture whose cells are about a third of the smallest face that a detector finds in it:
a face that was not there before fills a window of three by three cells. A picture has 9 × 16 cells, or twice or four
times as many along its edges: a frame and its copy of another size are cut at the same places. A known face is
compared by itself, from its crop. `docs/decisions/0011-repeats.md` has what was measured.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import Box
from models.frame_hash import Grey

_CELLS_PER_FACE = 3
_LARGEST_CHANGE = 0.2
"""Share of a picture. Where more has changed, it is another one."""
_FACE_EDGE = 16
"""Pixels to which faces are reduced: few enough that scaling and compression are lost, and people are not."""

_SHORT, _LONG = 9, 16
"""Fewest cells along a frame's edges. One of 1920 × 1080 has four times as many, squares of 30 pixels."""

Shape = tuple[int, int]
"""Rows, columns."""


def shape_of_picture(height: int, width: int, smallest_face: float) -> Shape:
    """Rows and columns of the small picture of a frame in which faces have an edge of at least so many pixels."""
    rows, columns = (_SHORT, _LONG) if width >= height else (_LONG, _SHORT)
    wanted = _CELLS_PER_FACE / smallest_face * max(height / rows, width / columns)
    multiple = 2 ** max(0, round(math.log2(wanted)))
    return multiple * rows, multiple * columns


def halved(picture: Grey, least: int) -> Grey:
    """The picture halved as often as its shorter edge stays at least so long: far cheaper than other ratios."""
    while (edge := min(picture.shape) // 2) >= least and edge:
        height, width = picture.shape
        picture = reduced(picture, (height // 2, width // 2))
    return picture


def reduced(picture: Grey, shape: Shape) -> Grey:
    """The picture in another shape, each pixel the mean of the area that it stands for."""
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def to_png(picture: Grey) -> bytes:
    """The picture without loss: what compression leaves of one so small is more than what it is to be compared for."""
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def decoded(file: bytes) -> Grey:
    """The grey levels of a PNG or JPEG of ours."""
    return np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def changed(before: Grey, after: Grey, limit: float) -> Box | None:
    """The smallest box of pixels outside which no window of 3 × 3 differs; None where none does at all.

    Args:
        before: a small picture.
        after: another one of the same shape.
        limit: grey levels; a window differs whose differences have a larger root mean square.
    """
    squares = (before.astype(np.float32) - after) ** 2
    rows, columns = np.nonzero(cv2.blur(squares, (_CELLS_PER_FACE, _CELLS_PER_FACE)) > limit**2)
    if not len(rows):
        return None
    reach = _CELLS_PER_FACE // 2
    height, width = before.shape
    return Box(
        left=max(0, int(columns.min()) - reach), top=max(0, int(rows.min()) - reach),
        right=min(width, int(columns.max()) + reach + 1), bottom=min(height, int(rows.max()) + reach + 1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Likeness:
    """How two small pictures compare, in the `rows` and `columns` of the smaller one; `changed`: see there."""

    rows: int
    columns: int
    changed: Box | None

    @property
    def is_same(self) -> bool:
        """Whether they show the same but for a small part."""
        box = self.changed
        return box is None or box.width * box.height <= _LARGEST_CHANGE * self.rows * self.columns


def compare(before: Grey, after: Grey, limit: float) -> Likeness:
    """Compare two small pictures of any sizes; `limit` as for `changed`."""
    rows, columns = (min(edges) for edges in zip(before.shape, after.shape, strict=True))
    box = changed(reduced(before, (rows, columns)), reduced(after, (rows, columns)), limit)
    return Likeness(rows, columns, box)


def face_difference(before: Grey, after: Grey) -> float:
    """How far what a face's box shows has changed: root mean square of the differences, in units of its contrast.

    The contrast is the standard deviation of the first picture's grey levels: in the dark, people differ by less.

    Args:
        before: what the box showed.
        after: what it shows, at whatever scale.
    """
    first, second = (reduced(cut, (_FACE_EDGE, _FACE_EDGE)).astype(np.float32) for cut in (before, after))
    difference: NDArray[np.float32] = first - second
    contrast = float(first.std())
    return float(np.sqrt((difference**2).mean())) / contrast if contrast > 0 else float("inf")
