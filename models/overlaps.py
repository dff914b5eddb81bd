"""Where two videos show the same: their equal frames line up at one shift of time.

A frame alone proves little, as a slate or a studio is shown again and again. Frames of one stretch that was copied lie
at one distance from their copies, apart from what sampling allows; so the shift with most frames is taken, cut where it
has long gaps, and looked for again among the rest.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
"""(n,) seconds."""

LEAST_FRAMES: Final = 3
"""Fewer frames in a row are no overlap."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A stretch of one video, and that of another one that shows the same, in seconds.

    `pairs`: places of the pairs of frames that tell it, among those that were given, in order of time.
    """

    first_start: float
    first_end: float
    second_start: float
    second_end: float
    pairs: tuple[int, ...]


def overlaps(first: Times, second: Times, slack: float, largest_gap: float) -> list[Overlap]:
    """Stretches that two videos share, in order of time in the first one.

    Args:
        first: times of frames of one video.
        second: of the equal frames of the other one, pair by pair; a frame may be in several pairs.
        slack: seconds by which the shifts of two pairs of one stretch may differ.
        largest_gap: seconds from one shared frame to the next, in either video, that do not end a stretch.
    """
    found: list[Overlap] = []
    left = np.lexsort((second, first, second - first))
    while (band := _fullest_band(first[left], second[left], slack)) is not None:
        pairs = _ascending(first, second, left[band])
        left = np.delete(left, band)
        for part in _cut(first, second, pairs, largest_gap):
            if len(part) < LEAST_FRAMES:
                continue
            a, b, c, d = (float(times[place]) for times in (first, second) for place in (part[0], part[-1]))
            found.append(Overlap(a, b, c, d, tuple(part)))
            # A still scene is like itself at other shifts, too.
            inside = (first[left] >= a) & (first[left] <= b) & (second[left] >= c) & (second[left] <= d)
            left = left[~inside]
    return sorted(found, key=lambda overlap: (overlap.first_start, overlap.second_start))


def _fullest_band(first: Times, second: Times, slack: float) -> slice | None:
    """Of pairs by ascending shift, those within the band of shifts that holds most frames; None of too few frames."""
    shifts = second - first
    of_first: Counter[float] = Counter()
    of_second: Counter[float] = Counter()
    most, best, end = LEAST_FRAMES - 1, None, 0
    for start, shift in enumerate(shifts):
        while end < len(shifts) and shifts[end] <= shift + slack:
            of_first[first[end]] += 1
            of_second[second[end]] += 1
            end += 1
        if (frames := min(len(of_first), len(of_second))) > most:
            most, best = frames, slice(start, end)
        for counter, time in ((of_first, first[start]), (of_second, second[start])):
            counter[time] -= 1
            if not counter[time]:
                del counter[time]
    return best


def _ascending(first: Times, second: Times, pairs: NDArray[np.int64]) -> list[int]:
    """Of some pairs those that are in an order that is that of both videos: each frame once."""
    kept: list[int] = []
    for pair in sorted(pairs.tolist(), key=lambda place: (first[place], second[place])):
        if not kept or (first[pair] > first[kept[-1]] and second[pair] > second[kept[-1]]):
            kept.append(pair)
    return kept


def _cut(first: Times, second: Times, pairs: Sequence[int], largest_gap: float) -> list[list[int]]:
    parts: list[list[int]] = []
    for pair in pairs:
        before = parts[-1][-1] if parts else pair
        if parts and max(first[pair] - first[before], second[pair] - second[before]) <= largest_gap:
            parts[-1].append(pair)
        else:
            parts.append([pair])
    return parts
