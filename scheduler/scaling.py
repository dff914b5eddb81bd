"""How many worker processes the queue needs: the least with which everything is done by its deadline.

By time and not by the number of messages: a queue of ten long videos needs more than one of a hundred short ones, and
one that is due in an hour more than one that is due tomorrow.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from scheduler.agenda import Entry
from scheduler.costs import Estimate

_SURE: Final = 1.64
"""Standard deviations of what is common to all costs, so that they are enough in 19 of 20 nights."""
_SHORTEST: Final = 900.0
"""Seconds that are at least given: nobody starts machines for what is due in a minute, or was due yesterday."""


def needed(entries: Sequence[Entry], estimate: Estimate, now: datetime) -> int:
    """Worker processes that are needed; 0 where nothing is to be done.

    Args:
        entries: the agenda.
        estimate: of costs, whose uncertainty is provided for.
        now: the time.
    """
    kinds = {(entry.kind, entry.interval_ms) for entry in entries}
    margin = math.exp(_SURE * max((estimate.rate(*kind).common for kind in kinds), default=0.0))
    most, work, pieces = 0.0, 0.0, 0
    for left, entry in sorted(((_seconds_left(entry, now), entry) for entry in entries), key=lambda pair: pair[0]):
        work += entry.work * margin
        pieces += max(1, entry.video.pieces, math.ceil(entry.work / _SHORTEST))
        if math.isfinite(left):
            most = max(most, work / left)
    # What has no deadline is done all the same.
    least = 1 if entries else 0
    return min(max(math.ceil(most), least), pieces)


def _seconds_left(entry: Entry, now: datetime) -> float:
    if entry.video.deadline is None:
        return math.inf
    return max((entry.video.deadline - now).total_seconds(), _SHORTEST)
