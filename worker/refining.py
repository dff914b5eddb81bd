"""Borders of appearances, found frame by frame. Knows neither ledger nor messages."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby

import cv2
import numpy as np

from db.borders import BorderFound, BorderRecord, Edge, Witnesses
from models.engine import FaceEngine
from models.faces import Embeddings, Face, RgbImage
from worker.narrowing import narrow
from worker.samples import Frame

GetFrame = Callable[[tuple[int, int], tuple[int, int]], Frame | None]
"""A frame between two instants, in a window if there is one there; see `worker.looking.Looker`."""

_ROOM = 2
"""How much smaller than its witnesses a face may be to be found."""


def refine(
    wanted: Sequence[BorderRecord],
    witnesses: Mapping[Edge, Witnesses],
    get_frame: GetFrame,
    engine: FaceEngine,
    *,
    largest_distance: float,
    smallest: int,
    tolerance: int,
    on_look: Callable[[], None] = lambda: None,
) -> list[BorderFound]:
    """Look between the samples of some borders; what was found of each.

    A frame shows the person if it shows a face whose root mean square distance to the witnesses is at most that at
    which faces are grouped: the rule by which the samples' faces became one person.

    Args:
        wanted: borders; those between the same two samples are looked at together, as people come and leave at cuts.
        witnesses: for each border some faces of the person.
        get_frame: gives frames.
        engine: finds and embeds faces.
        largest_distance: see above.
        smallest: pixels, the smallest face that the engine finds. Frames are reduced until the person's face is twice
            as large: that takes a fraction of the time, and whoever moves away may still halve in size.
        tolerance: ticks, at least 1.
        on_look: called after each frame; the place to renew a lease, and to stop by raising.
    """
    found = []
    for _, records in groupby(sorted(wanted, key=_gap), _gap):
        together = list(records)
        scale = _ROOM * smallest / min(witnesses[record.edge].width for record in together)
        frames = _Frames(get_frame, engine, min(1.0, scale), on_look)
        for record in together:
            look = partial(_look, frames, witnesses[record.edge].embeddings, largest_distance)
            border = narrow(record.seen, record.unseen, tolerance, look)
            found.append(BorderFound(record.edge, border.seen, border.unseen, border.looks))
    return found


def _reduced(image: RgbImage, scale: float) -> RgbImage:
    return (
        image if scale == 1 else np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    )


def _gap(record: BorderRecord) -> tuple[int, int]:
    return min(record.seen, record.unseen), max(record.seen, record.unseen)


def _look(
    frames: "_Frames",
    witnesses: Embeddings,
    largest_distance: float,
    between: tuple[int, int],
    window: tuple[int, int],
) -> tuple[int, bool] | None:
    pts = frames.at(between, window)
    return None if pts is None else (pts, _shows(frames.faces[pts], witnesses, largest_distance))


def _shows(faces: Sequence[Face], witnesses: Embeddings, largest_distance: float) -> bool:
    return any(
        float(np.mean(np.sum((witnesses - face.embedding) ** 2, axis=1))) <= largest_distance**2 for face in faces
    )


class _Frames:
    """The frames between two samples that were looked at, with their faces by tick."""

    def __init__(self, get_frame: GetFrame, engine: FaceEngine, scale: float, on_look: Callable[[], None]) -> None:
        self._get_frame = get_frame
        self._engine = engine
        self._scale = scale
        self._on_look = on_look
        self.faces: dict[int, Sequence[Face]] = {}

    def at(self, between: tuple[int, int], window: tuple[int, int]) -> int | None:
        """The tick of a frame that was looked at, one in the window that is known already if there is one."""
        known = [pts for pts in self.faces if window[0] <= pts <= window[1]]
        if known:
            return min(known, key=lambda pts: (abs(2 * pts - sum(window)), pts))
        frame = self._get_frame(between, window)
        if frame is None:
            return None
        if frame.pts not in self.faces:
            self.faces[frame.pts] = self._engine.analyse(_reduced(frame.image, self._scale))
            self._on_look()
        return frame.pts
