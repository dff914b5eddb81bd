"""Bisection: between which two frames a person comes or leaves."""

from collections.abc import Callable
from dataclasses import dataclass

Look = Callable[[tuple[int, int], tuple[int, int]], tuple[int, bool] | None]
"""Looks at a frame strictly between two instants, in a window of that time if there is one there (both ends belong to
it): the frame's tick, and whether it shows the person. None where there is no frame to look at."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The frames nearest to a border that show the person and that do not, ticks; how many frames were looked at."""

    seen: int
    unseen: int
    looks: int


def looks_needed(width: int, tolerance: int) -> int:
    """How many frames tell a border inside `width` ticks to a tolerance: the least n with tolerance × 2ⁿ ≥ width."""
    return max(0, -(-width // tolerance) - 1).bit_length()


def narrow(seen: int, unseen: int, tolerance: int, look: Look) -> Narrowed:
    """Find a border between two frames, to a tolerance or to neighbouring frames.

    After n looks a gap of tolerance × 2ⁿ is narrow enough. A gap that is not quite so wide leaves a choice: any frame
    of the middle does that leaves no more than tolerance × 2ⁿ⁻¹ on either side. That window is what `look` is given, to
    take the frame that costs least. Where the person comes and leaves several times in between, one of these borders
    is found.

    Args:
        seen: tick of a frame that shows the person.
        unseen: tick of one that does not.
        tolerance: ticks, at least 1.
        look: see `Look`.
    """
    looks = 0
    while (width := abs(unseen - seen)) > tolerance:
        low, high = sorted((seen, unseen))
        reach = tolerance << (looks_needed(width, tolerance) - 1)
        found = look((low, high), (high - reach, low + reach))
        if found is None:
            break
        pts, shows = found
        looks += 1
        if shows:
            seen = pts
        else:
            unseen = pts
    return Narrowed(seen, unseen, looks)
