"""What work costs, learnt from what past work has cost.

The cost of a video is told by sample: the logarithm of its seconds of work, of one worker process, for each of its
samples. It is the sum of

    the whole          what a sample costs in general
    the class          codec and band of resolution; one with few videos is drawn towards the whole
    the interval       how much more a sample costs where samples lie farther apart: 0 where all work goes with the
                       samples, 1 where all goes with the length of the video, as looking for borders does
    the night          the machine's speed in that night; old nights tell less of the next one
    the video          what it shows: people cost more than landscapes

and a video costs as much as `fixed` samples more, whatever its length. `scheduler.regression` finds these.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from db.costs import VideoCost
from scheduler.regression import Fit, Prior, Table, fit

Floats = NDArray[np.float64]


class Band(StrEnum):
    """Of resolution, by pixels of the upright frame."""

    SD = "SD"
    HD = "720p"
    FHD = "1080p"
    UHD = "UHD"

    @classmethod
    def of(cls, width: int, height: int) -> Self:
        """The band of a frame; that of 1080p where its size is not known (0)."""
        pixels = width * height
        if not pixels:
            return cls("1080p")
        return cls(next((band for band, most in _MOST_PIXELS.items() if pixels <= most), "UHD"))


_MOST_PIXELS: Final = {"SD": 720 * 576, "720p": 1280 * 720, "1080p": 1920 * 1088}

PRIOR_SECONDS: Final = 0.33
"""Of work for a sample of 1080p, before any is known: docs/performance.md has 0.23 to 0.26 on one quiet core, and a
sixth to a half of it more for borders."""
_PRIOR_OF_BAND: Final = {Band.SD: 0.25, Band.HD: 0.5, Band.FHD: 1.0, Band.UHD: 1.3}
"""Of that, by the times of docs/performance.md."""
PRIOR: Final = Prior(whole=math.log(PRIOR_SECONDS), whole_spread=0.7, video=0.5, class_=0.4, night=0.15)

_INTERVAL_SPREAD: Final = 0.15
_REFERENCE_MS: Final = 3000
_HALF_LIFE: Final = 7.0
"""Nights after which a night tells half as much of the next one."""

_FIXED: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_PRIOR_FIXED: Final = 2.0
_EVIDENCE: Final = 3.0
"""Logarithm of the likelihood ratio from which another value is believed."""
_PRIOR_SHARES: Final = (0.72, 0.25, 0.03)
_PRIOR_VIDEOS: Final = 10.0
"""How many videos the prior shares count as."""
_PRIOR_WASTE: Final = 0.01
_PRIOR_WORK: Final = 3600.0
"""How many seconds of work the prior share of wasted work counts as."""
_PRIOR_LENGTH: Final = 1800.0
_LENGTH_SPREADS: Final = (0.3, 1.5)
_IDLE: Final = 60.0
"""Seconds without work after which a process had nothing to do."""
_LONGEST_PAUSE: Final = 2.0


@dataclass(frozen=True, slots=True, order=True)
class WorkClass:
    """Videos that cost about the same."""

    codec: str
    band: Band

    @classmethod
    def of(cls, codec: str, width: int, height: int) -> Self:
        """The class of a video."""
        return cls(codec, Band.of(width, height))


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a video's work; they add up to 1."""

    scan: float
    refine: float
    finish: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds of work for a second of video of one class and interval.

    `median` of videos. `between`: standard deviation of its logarithm from video to video of one night; `common`: of
    the class's own, tonight, which no number of videos averages out.
    """

    median: float
    between: float
    common: float


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What is known of costs.

    `fixed`: samples that a video costs beyond its own. `waste`: seconds of failed tries for each second of work that
    ends well. `pause`: seconds between two tries of one process. `lengths`: seconds of a typical video by class, None
    the whole, and `length_spread` the standard deviation of the logarithm. `known`: of videos that are worked on, how
    far the logarithm of their cost is from what is expected of them, and the samples that tell so. `stretch`: by how
    much spreads are widened because past forecasts were too sure, or narrowed.
    """

    found: Fit
    classes: Mapping[WorkClass, int]
    shares: Shares
    fixed: float
    waste: float
    pause: float
    lengths: Mapping[WorkClass | None, float]
    length_spread: float
    known: Mapping[int, tuple[float, int]]
    videos: int
    nights: int
    stretch: float = 1.0

    def terms(self, classes: Sequence[WorkClass], intervals_ms: Sequence[int]) -> tuple[Floats, Floats]:
        """What the logarithm of a sample's cost is made of: (n, p) factors of the fit's p terms, (n,) constants."""
        rows = np.zeros((len(classes), len(self.found.mean)))
        rows[:, 0] = 1
        rows[:, 1] = np.log(np.asarray(intervals_ms, float) / _REFERENCE_MS)
        # The last class is that of all that were never seen, the first night is tonight.
        numbers = [2 + self.classes.get(each, len(self.classes)) for each in classes]
        rows[np.arange(len(classes)), numbers] = 1
        rows[:, 3 + len(self.classes)] = 1
        return rows, np.log([_PRIOR_OF_BAND[each.band] for each in classes])

    def rate(self, of: WorkClass, interval_ms: int) -> Rate:
        """What a second of video costs."""
        rows, constants = self.terms([of], [interval_ms])
        common = math.sqrt((rows @ self.found.covariance @ rows.T).item())
        sample = math.exp((rows @ self.found.mean).item() + constants.item()) * (1 + self.waste)
        return Rate(float(sample) * 1000 / interval_ms, self.found.video * self.stretch, common * self.stretch)

    def length(self, of: WorkClass) -> float:
        """Seconds of a typical video."""
        return self.lengths.get(of, self.lengths[None])


def learn(costs: Sequence[VideoCost], pauses: Sequence[float], *, now: datetime, zone: ZoneInfo) -> Estimate:
    """What past work tells of the cost of work to come.

    Args:
        costs: of videos that ended, and of those that are worked on.
        pauses: seconds between two tries of one process.
        now: tells which night is tonight.
        zone: in which nights are nights.
    """
    useful = [cost for cost in costs if cost.samples > 0 and cost.scan > 0]
    ended = [cost for cost in useful if cost.ended]
    shares = _shares(ended)
    fixed = _fixed(ended)
    classes = {each: number for number, each in enumerate(sorted({_class_of(cost) for cost in useful}))}
    tonight = _night(now, zone)
    nights = sorted({tonight, *(_night(cost.at, zone) for cost in useful)}, reverse=True)
    table = Table(
        value=np.array([_log_cost(cost, shares, fixed) for cost in useful]),
        interval=np.array([math.log(cost.interval_ms / _REFERENCE_MS) for cost in useful]),
        class_=np.array([classes[_class_of(cost)] for cost in useful], int),
        night=np.array([nights.index(_night(cost.at, zone)) for cost in useful], int),
        classes=len(classes) + 1,
        weight=np.array([0.5 ** (max(0, tonight - night) / _HALF_LIFE) for night in nights]),
    )
    found = fit(table, PRIOR, interval=shares.refine, interval_spread=_INTERVAL_SPREAD)
    lengths, length_spread = _lengths(ended)
    return Estimate(
        found=found,
        classes=classes,
        shares=shares,
        fixed=fixed,
        waste=_wasted(costs, useful, found, fixed),
        pause=_pause(pauses),
        lengths=lengths,
        length_spread=length_spread,
        known={
            cost.video_id: (float(residual), cost.samples)
            for cost, residual in zip(useful, found.residuals, strict=True)
            if not cost.ended
        },
        videos=len(useful),
        nights=len({_night(cost.at, zone) for cost in useful}),
    )


def _class_of(cost: VideoCost) -> WorkClass:
    return WorkClass.of(cost.codec, cost.width, cost.height)


def _night(moment: datetime, zone: ZoneInfo) -> int:
    """From noon to noon."""
    return (moment.astimezone(zone) - timedelta(hours=12)).date().toordinal()


def _log_cost(cost: VideoCost, shares: Shares, fixed: float) -> float:
    """Of a sample, less what the band is known to cost; of a video that is not done, as its scan foretells it."""
    work = cost.scan + cost.refine + cost.finish if cost.ended else cost.scan / shares.scan
    return math.log(work / (cost.samples + fixed)) - math.log(_PRIOR_OF_BAND[_class_of(cost).band])


def _shares(ended: Sequence[VideoCost]) -> Shares:
    """Means over videos, so that one that hung does not spoil them."""
    sums = np.array(_PRIOR_SHARES) * _PRIOR_VIDEOS
    for cost in ended:
        sums += np.array([cost.scan, cost.refine, cost.finish]) / (cost.scan + cost.refine + cost.finish)
    return Shares(*(float(share) for share in sums / sums.sum()))


def _fixed(ended: Sequence[VideoCost]) -> float:
    """What a video costs whatever its length, in samples: by which the costs of long and short ones agree best.

    Least absolute deviations from the median of each class: the likeliest under Laplace's law. Where videos do not
    tell, as when all are of one length, it is the prior's.
    """
    groups: dict[WorkClass, list[int]] = {}
    for number, cost in enumerate(ended):
        groups.setdefault(_class_of(cost), []).append(number)
    samples = np.array([cost.samples for cost in ended], float)
    work = np.log([cost.scan + cost.refine + cost.finish for cost in ended])

    def disagreement(fixed: float) -> float:
        each = work - np.log(samples + fixed)
        return sum(float(np.abs(each[some] - np.median(each[some])).sum()) for some in groups.values())

    told = {fixed: disagreement(fixed) for fixed in _FIXED}
    best = min(told, key=lambda fixed: told[fixed])
    if not told[best]:
        return _PRIOR_FIXED
    evidence = len(ended) * math.log(told[_PRIOR_FIXED] / told[best])
    return best if evidence > _EVIDENCE else _PRIOR_FIXED


def _wasted(costs: Iterable[VideoCost], useful: Sequence[VideoCost], found: Fit, fixed: float) -> float:
    """Seconds of failed tries for each second that was not wasted; of one video, no more than it should cost at all."""
    expected = {
        cost.video_id: math.exp(expectation) * _PRIOR_OF_BAND[_class_of(cost).band] * (cost.samples + fixed)
        for cost, expectation in zip(useful, found.expected, strict=True)
    }
    typical = float(np.median(list(expected.values()))) if expected else 0.0
    wasted = sum(min(cost.wasted, expected.get(cost.video_id, typical)) for cost in costs)
    well = sum(min(cost.scan + cost.refine + cost.finish, 3 * expected[cost.video_id]) for cost in useful)
    return (wasted + _PRIOR_WASTE * _PRIOR_WORK) / (well + _PRIOR_WORK)


def _pause(pauses: Sequence[float]) -> float:
    """What lies between the end of one piece of work and the begin of the next, while there is work."""
    busy = [pause for pause in pauses if 0 <= pause < _IDLE]
    return min(float(np.median(busy)), _LONGEST_PAUSE) if busy else 0.0


def _lengths(ended: Sequence[VideoCost]) -> tuple[dict[WorkClass | None, float], float]:
    by_class: dict[WorkClass, list[float]] = {}
    for cost in ended:
        by_class.setdefault(_class_of(cost), []).append(cost.samples * cost.interval_ms / 1000)
    everything = [length for some in by_class.values() for length in some]
    if not everything:
        return {None: _PRIOR_LENGTH}, _LENGTH_SPREADS[1]
    logs = np.log(everything)
    spread = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))
    lengths: dict[WorkClass | None, float] = {each: float(np.median(some)) for each, some in by_class.items()}
    return {**lengths, None: float(np.median(everything))}, min(max(spread, _LENGTH_SPREADS[0]), _LENGTH_SPREADS[1])
