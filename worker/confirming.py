"""Whether a new frame shows what a known one showed, and where the known faces are in it.

The small pictures say which part of the new frame differs, if any: a channel's logo may, and that part can be looked at
alone. Every face is compared by itself with the crop that was kept of it, so that somebody else on the same chair is
never taken for whoever sat there before. Whatever is in doubt is not confirmed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from db.frames import KnownFrame
from models import frame_likeness
from models.crops import crop_area
from models.faces import Box, Face, RgbImage
from models.frame_hash import Grey, frame_hash, grey
from models.scaling import Scaling

_OTHER_SHAPE: Final = 0.01
"""Share by which the ratio of width to height may differ: encoders want even numbers."""
_LEAST_EDGE: Final = 128
"""Pixels of the picture that a hash is made of: four for each of its samples."""
_LEAST_FACE: Final = 20
"""Edge in pixels of the new frame. People who are smaller cannot be told from each other by their pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A new frame as it is compared: its grey levels, its small picture, its hash.

    `smallest_face`: edge in pixels of the smallest face that the detector finds in it.
    """

    grey: Grey
    picture: Grey
    hash: int
    smallest_face: float


@dataclass(frozen=True, slots=True)
class KnownFace:
    """A face of a known frame, in pixels of that, and its crop; None where there is none to confirm it by."""

    face: Face
    crop: bytes | None


@dataclass(frozen=True, slots=True)
class Match:
    """A known frame that is the same as a new one, but for a part of the new one, if `changed` says so, in pixels."""

    frame: KnownFrame
    changed: Box | None


def look_at(image: RgbImage, scaling: Scaling) -> Look:
    """A new frame, ready to be compared. `scaling` says how large the detector looks at it."""
    picture = grey(image)
    height, width = picture.shape
    smallest = scaling.smallest_face(height, width)
    shape = frame_likeness.shape_of_picture(height, width, smallest)
    small = frame_likeness.halved(picture, max(_LEAST_EDGE, 2 * min(shape)))
    return Look(picture, frame_likeness.reduced(small, shape), frame_hash(small), smallest)


def match(look: Look, known: KnownFrame, png: bytes, limit: float) -> Match | None:
    """Compare the small pictures; None where the frames are not the same, or cannot be told to be.

    Args:
        look: the new frame.
        known: the known one. A smaller one is no match: faces were missed in it that the new one shows.
        png: its small picture.
        limit: grey levels by which parts of frames that are the same may differ.
    """
    height, width = look.grey.shape
    ratio = known.width * height / max(1, known.height * width)
    if known.width < width or abs(ratio - 1) > _OTHER_SHAPE:
        return None
    likeness = frame_likeness.compare(frame_likeness.decoded(png), look.picture, limit)
    if not likeness.is_same:
        return None
    if likeness.changed is None:
        return Match(known, None)
    margin = round(look.smallest_face)
    there = likeness.changed.scaled(width / likeness.columns, height / likeness.rows)
    return Match(known, there.grown(margin, margin).inside(height, width))


def faces_of(
    look: Look, known: KnownFrame, faces: Iterable[KnownFace], limit: float
) -> list[tuple[Face, bytes]] | None:
    """The faces of a known frame in pixels of the new one, with their crops; None where one is not there as it was.

    Args:
        look: the new frame.
        known: the known one.
        faces: of the known one.
        limit: share of a face's contrast by which it may differ.
    """
    found = []
    for each in faces:
        if each.crop is None or _difference(look, known, each.face.box, each.crop) > limit:
            return None
        across, down = look.grey.shape[1] / known.width, look.grey.shape[0] / known.height
        box = each.face.box.scaled(across, down)
        landmarks = each.face.landmarks * np.array([across, down], np.float32)
        found.append((replace(each.face, box=box, landmarks=landmarks), each.crop))
    return found


def _difference(look: Look, known: KnownFrame, box: Box, crop: bytes) -> float:
    """How far the face in a box of the known frame has changed; infinite where it is too small to tell."""
    height, width = look.grey.shape
    shown = box.inside(known.height, known.width)
    there = shown.scaled(width / known.width, height / known.height).inside(height, width)
    if min(there.width, there.height) < _LEAST_FACE:
        return float("inf")
    before = frame_likeness.decoded(crop)
    area = crop_area(box, known.height, known.width)
    in_area = Box(shown.left - area.left, shown.top - area.top, shown.right - area.left, shown.bottom - area.top)
    rows, columns = before.shape
    here = in_area.scaled(columns / area.width, rows / area.height).inside(rows, columns)
    return frame_likeness.face_difference(_cut(before, here), _cut(look.grey, there))


def _cut(picture: Grey, box: Box) -> Grey:
    return picture[box.top : box.bottom, box.left : box.right]
