"""How good forecasts have been: how often the intervals held, and by how much they should be wider.

Forecasts of one night stand and fall together, so the first one of each night counts. The correction is that of split
conformal prediction (Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005): the intervals are
widened by what would have made those of 80 % hold in 80 % of past nights.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from db.schema import ForecastRow

NIGHTS: Final = 30
"""The last of them are looked at."""
_FEWEST: Final = 10
_LEVEL: Final = 0.8
_STRETCH: Final = (0.5, 4.0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many nights there is a result, and in how many of them it lay within the intervals.

    `off`: median of how much later the queue was empty than the median said, as a share of the time foretold, whichever
    way. `stretch`: by how much the next intervals are to be wider; 1 where there are too few results.
    """

    nights: int
    held_80: int
    held_95: int
    off: float
    stretch: float


def judge(settled: Sequence[ForecastRow], zone: ZoneInfo) -> Coverage:
    """What forecasts were worth.

    Args:
        settled: with results, oldest first.
        zone: in which nights are nights.
    """
    first: dict[int, ForecastRow] = {}
    for row in settled:
        first.setdefault((row.made_at.astimezone(zone) - timedelta(hours=12)).date().toordinal(), row)
    rows = list(first.values())[-NIGHTS:]
    offs = sorted(abs(_seconds(row, row.emptied_at) / _seconds(row, row.median_at) - 1) for row in rows)
    return Coverage(
        nights=len(rows),
        held_80=sum(row.low_80_at <= _result(row) <= row.high_80_at for row in rows),
        held_95=sum(row.low_95_at <= _result(row) <= row.high_95_at for row in rows),
        off=offs[len(offs) // 2] if offs else 0.0,
        stretch=_stretch([_distance(row) * row.stretch for row in rows]),
    )


def _stretch(distances: Sequence[float]) -> float:
    if len(distances) < _FEWEST:
        return 1.0
    rank = min(len(distances), math.ceil(_LEVEL * (len(distances) + 1)))
    return min(max(sorted(distances)[rank - 1], _STRETCH[0]), _STRETCH[1])


def _distance(row: ForecastRow) -> float:
    """How far off the result was: 1 at the border of the interval of 80 %. In logarithms, as costs are."""
    result, median = _seconds(row, row.emptied_at), _seconds(row, row.median_at)
    border = _seconds(row, row.high_80_at if result >= median else row.low_80_at)
    width = abs(math.log(border / median))
    return abs(math.log(result / median)) / width if width else math.inf


def _result(row: ForecastRow) -> datetime:
    assert row.emptied_at is not None
    return row.emptied_at


def _seconds(row: ForecastRow, moment: datetime | None) -> float:
    """Since the forecast was made; a second is the least."""
    assert moment is not None
    return max(1.0, (moment - row.made_at).total_seconds())
