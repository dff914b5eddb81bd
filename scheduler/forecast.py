"""When the queue will be empty, which videos may miss their deadlines, and what each of some measures would change.

Pure: open videos, what is known of costs, how many processes and a time in; a forecast out. The same input gives the
same forecast.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from db.open_work import OpenWork
from db.schema import Priority
from scheduler.costs import Estimate
from scheduler.drawing import FEWEST, Draws, Queue
from scheduler.queueing import ends
from scheduler.remaining import Plan, queue_of, seconds_left

Floats = NDArray[np.float64]

_MOST_PROCESSES: Final = 256
_NUMBERS_OF_A_STEP: Final = 2_500_000
"""Videos times draws for one step of the search for how many processes are enough."""
_QUANTILES: Final = (0.5, 0.1, 0.9, 0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Span:
    """A point in time that is not known: its median, and the intervals of 80 % and of 95 %."""

    median: datetime
    low_80: datetime
    high_80: datetime
    low_95: datetime
    high_95: datetime


@dataclass(frozen=True, slots=True)
class VideoForecast:
    """When one video will be done (median), and how probable it is that it misses its deadline."""

    id: int
    title: str
    deadline: datetime | None
    priority: int
    end: datetime
    late: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be: when the queue is empty, how probable it is that all is on time, how many videos are at risk.

    `postponed`: videos that are left for later, and not among these.
    """

    empty: Span
    on_time: float
    at_risk: int
    postponed: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that could be done, and what it would change. `name`: stable, for programs."""

    name: str
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one queue, as it is now; what arrives later is not in it.

    `horizon`: the next deadline of its videos that is still to come, else the last one; None where there is none.
    `video_seconds`: of video that nobody has scanned. `work_seconds`: of one worker process, median. `enough`: the
    least number of processes with which everything is on time, but for `risk`; None where no number would do.
    `begins`: before when no new video is begun. `coarse`: videos of which samples are left out. `stretch`: by how much
    past experience widens the intervals.
    """

    made_at: datetime
    processes: int
    horizon: datetime | None
    video_seconds: float
    work_seconds: float
    outlook: Outlook
    videos: Sequence[VideoForecast]
    measures: Sequence[Measure]
    enough: int | None
    risk: float
    begins: datetime
    coarse: int
    stretch: float

    @property
    def at_risk(self) -> list[VideoForecast]:
        """Videos that may miss their deadlines, the likeliest first."""
        return sorted((each for each in self.videos if each.late >= self.risk), key=lambda each: (-each.late, each.id))


@dataclass(frozen=True, slots=True, eq=False)
class _Played:
    """Seconds until the queue is empty and of work, (S,); whether all was on time, (S,); share of draws late, (J,)."""

    empty: Floats
    work: Floats
    on_time: NDArray[np.bool_]
    late: Floats
    ends: NDArray[np.float32] | None


def forecast(
    videos: Sequence[OpenWork],
    estimate: Estimate,
    *,
    processes: int,
    now: datetime,
    plan: Plan,
    risk: float,
    measures: bool = True,
) -> Forecast | None:
    """Foretell the end of a queue; None where it is empty.

    Args:
        videos: what is left, in the order in which it is worked on.
        estimate: of costs.
        processes: worker processes, all of them as fast as those of the past were, at least 1.
        now: the time.
        plan: how what is not cut yet will be.
        risk: probability from which on a video is said to be at risk.
        measures: also reckon what could be done, which takes most of the time.
    """
    if not videos:
        return None
    queue = queue_of(videos, estimate, now=now, plan=plan)
    draws = Draws(estimate, len(queue))
    base = _play(draws, queue, processes, keep=True)
    assert base.ends is not None
    medians = np.median(base.ends, axis=1)
    return Forecast(
        made_at=now,
        processes=processes,
        horizon=_horizon(videos, now),
        video_seconds=sum(seconds_left(each, estimate) for each in videos),
        work_seconds=float(np.median(base.work)),
        outlook=_outlook(base, now, risk),
        videos=[
            VideoForecast(each.id, each.title, each.deadline, each.priority, _after(now, median), float(late))
            for each, median, late in zip(videos, medians, base.late, strict=True)
        ],
        measures=_measures(_Case(videos, estimate, draws, now, plan, risk), queue, processes) if measures else [],
        enough=_enough(draws, queue, processes, base, risk) if measures else None,
        risk=risk,
        begins=plan.begins,
        coarse=sum(each.density < 1 for each in videos),
        stretch=estimate.stretch,
    )


def expected_late(
    videos: Sequence[OpenWork], estimate: Estimate, *, processes: int, now: datetime, plan: Plan
) -> float:
    """How many videos of a queue will miss their deadlines, on average; see `forecast`."""
    queue = queue_of(videos, estimate, now=now, plan=plan)
    return float(_play(Draws(estimate, len(queue)), queue, processes).late.sum())


def thinned(videos: Sequence[OpenWork], strides: Mapping[Priority, int]) -> list[OpenWork]:
    """Videos as they would be, were every which of their samples looked at that nobody has looked at yet.

    Args:
        videos: the queue.
        strides: by priority; 1 for others. Where no end is known, nothing can be left out.
    """

    def stride(video: OpenWork) -> int:
        return 1 if video.length is None else strides.get(Priority(video.priority), 1)

    return [dataclasses.replace(each, density=1 / stride(each)) for each in videos]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """What all measures are held against; see `forecast`."""

    videos: Sequence[OpenWork]
    estimate: Estimate
    draws: Draws
    now: datetime
    plan: Plan
    risk: float

    def outlook(self, queue: Queue, processes: int) -> Outlook:
        """What would be, were this the queue."""
        return _outlook(_play(self.draws, queue, processes), self.now, self.risk)

    def coarser(self, most: Priority) -> Queue:
        """The queue with half the samples of videos up to a priority."""
        half = [
            dataclasses.replace(each, density=each.density / 2) if self.is_thinnable(each, most) else each
            for each in self.videos
        ]
        return queue_of(half, self.estimate, now=self.now, plan=self.plan)

    @staticmethod
    def is_thinnable(video: OpenWork, most: Priority) -> bool:
        """Whether some of its samples may still be left out."""
        return video.priority <= most and video.length is not None and (video.to_scan > 0 or not video.begun)


def _play(draws: Draws, queue: Queue, processes: int, *, count: int | None = None, keep: bool = False) -> _Played:
    count = count or draws.count
    empty, spent, on_time = np.zeros(count), np.zeros(count), np.ones(count, bool)
    late = np.zeros(len(queue))
    kept = np.empty((len(queue), count), np.float32) if keep else None
    deadline = queue.deadline.astype(np.float32)[:, None]
    for some, work in draws.work(queue, count):
        found = ends(work, processes)
        missed = found > deadline
        empty[some] = found.max(axis=0, initial=0)
        spent[some] = work.seconds.sum(axis=0)
        on_time[some] = ~missed.any(axis=0)
        late += np.count_nonzero(missed, axis=1)
        if kept is not None:
            kept[:, some] = found
    return _Played(empty, spent, on_time, late / count, kept)


def _measures(case: _Case, queue: Queue, processes: int) -> list[Measure]:
    """What each of the things that could be done would change."""
    found = [Measure("one-more-process", case.outlook(queue, processes + 1))]
    chosen = 0
    for name, most in (("coarser-low", Priority.LOW), ("coarser-low-normal", Priority.NORMAL)):
        count = sum(case.is_thinnable(each, most) for each in case.videos)
        if count > chosen:
            found.append(Measure(name, case.outlook(case.coarser(most), processes)))
        chosen = count
    low = np.array([not each.begun and each.priority <= Priority.LOW for each in case.videos])
    if low.any() and not low.all():
        outlook = dataclasses.replace(case.outlook(queue.of(~low), processes), postponed=int(low.sum()))
        found.append(Measure("postpone-low", outlook))
    return found


def _enough(draws: Draws, queue: Queue, processes: int, base: _Played, risk: float) -> int | None:
    """The least number of processes that makes everything on time, by bisection."""
    some = max(FEWEST, min(draws.count, _NUMBERS_OF_A_STEP // len(queue)))

    def does(number: int) -> bool:
        played = base if number == processes else _play(draws, queue, number, count=some)
        return float(played.on_time.mean()) >= 1 - risk

    few, many = 0, processes
    if not does(processes):
        few, many = processes, min(_MOST_PROCESSES, int(queue.pieces.sum()))
        if many <= processes or not does(many):
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if does(middle) else (middle, many)
    return many


def _outlook(played: _Played, now: datetime, risk: float) -> Outlook:
    return Outlook(
        empty=Span(*(_after(now, float(seconds)) for seconds in np.quantile(played.empty, _QUANTILES))),
        on_time=float(played.on_time.mean()),
        at_risk=int((played.late >= risk).sum()),
    )


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=float(seconds))


def _horizon(videos: Sequence[OpenWork], now: datetime) -> datetime | None:
    deadlines = [each.deadline for each in videos if each.deadline is not None]
    return min((each for each in deadlines if each >= now), default=max(deadlines, default=None))
