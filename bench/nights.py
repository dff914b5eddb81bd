"""`python -m bench.nights`: nights on a virtual clock, by the real planner, order, forecaster and scaling.

Uploads, what they cost, workers and their deaths are drawn; what decides is the product's own code: `scheduler.agenda`
puts the queue in order, `scheduler.planning` cuts it, `scheduler.costs` learns, `scheduler.forecast` foretells, and
`scheduler.scaling` says how many workers are needed. Costs are those of docs/performance.md, with a spread from video
to video and from night to night that the forecaster does not know.
"""

import argparse
import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.nights_plot import draw
from config.night_settings import CoarseStep, PriorityName, ScheduleSettings
from config.settings import Settings
from db.costs import VideoCost
from db.open_work import OpenWork
from db.schema import Priority
from db.states import VideoState
from intake.facts import by_default
from scheduler.agenda import Agenda, draw_up, pace
from scheduler.coarsening import Strides, fewest
from scheduler.costs import learn
from scheduler.experience import Experience, Source
from scheduler.forecast import Span, forecast, thinned
from scheduler.planning import ranges
from scheduler.remaining import Plan
from scheduler.scaling import needed

MIDDAY: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCHEDULE: Final = ScheduleSettings()
SETTINGS: Final = Settings()
_SAMPLE: Final = 0.33  # seconds of work of one sample of 1080p, see scheduler.costs
_BETWEEN_VIDEOS, _BETWEEN_NIGHTS = 0.4, 0.15
_SHARES: Final = {"scan": 0.72, "refine": 0.25, "finish": 0.03}
_STAGES: Final = tuple(_SHARES)
_TICK, _FORETELL, _START, _LEASE = 60.0, 900.0, 180.0, 120.0
_PATIENCE: Final = 900.0
_PAST_NIGHTS: Final = 14


@dataclass(frozen=True, slots=True)
class Scenario:
    """A night: how many channels, of how many hours; workers, who of them die when, and whether others are started."""

    name: str
    channels: int = 8
    hours: int = 24
    processes: int = 4
    deaths: tuple[tuple[float, int], ...] = ()
    """Hours after the start of the night, and how many die then."""
    most: int = 0
    """Processes up to which as many are started as are recommended; 0: none."""
    by_night: int = 0
    """Of the hours, how many arrive one by one from the start of the night on."""
    lengths: float = 0.0
    """Standard deviation of the logarithm of an upload's length, an hour on average."""
    coarsen: tuple[tuple[PriorityName, int], ...] = ()
    """Steps that may be taken: of which priority every which sample is looked at."""
    seed: int = 1


STEPS: Final[tuple[tuple[PriorityName, int], ...]] = (("low", 2), ("low", 4), ("normal", 2), ("normal", 3))
SCENARIOS: Final = (
    Scenario("8 channels × 24 h, 4 processes"),
    Scenario("twice as much, 4 processes", hours=48),
    Scenario("twice as much, 4 processes, coarsening", hours=48, coarsen=STEPS),
    Scenario("twice as much, as many as recommended", hours=48, most=32),
    Scenario("of all lengths, a quarter arriving by night", by_night=6, lengths=1.0),
    Scenario("half of 4 processes lost at 23:00", deaths=((1.0, 2),)),
    Scenario("half lost, then as many as recommended", deaths=((1.0, 2),), most=32),
)


@dataclass(slots=True)
class _Video:
    """An upload on its way. `sample`: what one of its samples costs in truth."""

    id: int
    seconds: int
    arrives: float
    deadline: datetime
    priority: Priority
    sample: float
    stage: int = -1
    waiting: list[float] = field(default_factory=list)
    """Seconds of work of pieces that nobody has."""
    held: int = 0
    cut: int = 0
    scanned: float = 0.0
    """Shares of the stage at hand that are done."""
    left_out: float = 0.0
    """Share of its samples."""
    ended: float | None = None

    @property
    def work(self) -> float:
        """All of it, seconds of one process."""
        return self.seconds / 3 * self.sample


@dataclass(frozen=True, slots=True)
class Point:
    """The night at one moment: seconds since midday, hours of video, processes, and the last forecast of its end."""

    at: float
    backlog: float
    processes: int
    recommended: int
    foretold: Span | None


@dataclass(frozen=True, slots=True)
class Result:
    """How a night went: its course, when it ended, which videos were late, and by which deadline they were due."""

    scenario: Scenario
    points: Sequence[Point]
    emptied: float
    late: int
    videos: int
    deadline: float
    left_out: float
    """Share of all samples."""
    midnight: datetime = MIDDAY - timedelta(hours=12)
    """Before the night."""


class Night:
    """Plays one scenario, event by event."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._random = np.random.default_rng(scenario.seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._clock = 0.0
        self._past = self._costs_of_the_past()
        self._videos = self._uploads()
        self._busy: dict[int, tuple[_Video, float]] = {}
        self._idle: set[int] = set(range(scenario.processes))
        self._workers = itertools.count(scenario.processes)
        self._starting = 0
        self._too_many_since: float | None = None
        self._ranks: dict[int, int] = {}
        self._known: Experience | None = None
        self._foretold: Span | None = None
        self._recommended = 0
        self._points: list[Point] = []
        self._strides: Strides = {}
        steps = [CoarseStep(priority=priority, stride=stride) for priority, stride in scenario.coarsen]
        self._settings = SETTINGS.model_copy(update={"schedule": SCHEDULE.model_copy(update={"coarsen": steps})})

    def play(self) -> Result:
        """The whole night."""
        begin = _seconds(by_default(SCHEDULE, MIDDAY).deadline or MIDDAY) - 8 * 3600
        self._at(begin, self._tick)
        self._at(begin, self._foretell)
        for hours, count in self._scenario.deaths:
            self._at(begin + hours * 3600, lambda count=count: self._die(count))  # type: ignore[misc]  # one call each
        while self._events and any(video.ended is None for video in self._videos):
            self._clock, _, happen = heapq.heappop(self._events)
            happen()
            self._share_out()
        ends = [video.ended or math.inf for video in self._videos]
        late = sum(end > _seconds(video.deadline) for end, video in zip(ends, self._videos, strict=True))
        deadline = max(_seconds(video.deadline) for video in self._videos)
        left_out = sum(video.left_out for video in self._videos) / len(self._videos)
        return Result(self._scenario, self._points, max(ends), late, len(ends), deadline, left_out)

    def _at(self, moment: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happen))

    def _uploads(self) -> list[_Video]:
        """A file an hour from each channel; every fourth channel is of low priority."""
        tonight = float(self._random.normal(0, _BETWEEN_NIGHTS))
        deadline = by_default(SCHEDULE, MIDDAY).deadline or MIDDAY
        begin, here = _seconds(deadline) - 8 * 3600, self._scenario.hours - self._scenario.by_night
        return [
            _Video(
                id=100_000 + 1000 * channel + hour,
                seconds=self._length(),
                arrives=0.0 if hour < here else begin + (hour - here) * 3600,
                deadline=deadline,
                priority=Priority.LOW if channel % 4 == 3 else Priority.NORMAL,
                sample=self._cost_of_a_sample(tonight),
            )
            for hour in range(self._scenario.hours)
            for channel in range(self._scenario.channels)
        ]

    def _length(self) -> int:
        spread = self._scenario.lengths
        return round(3600 * math.exp(float(self._random.normal(-(spread**2) / 2, spread)))) if spread else 3600

    def _cost_of_a_sample(self, night: float) -> float:
        return _SAMPLE * math.exp(night + float(self._random.normal(0, _BETWEEN_VIDEOS)))

    def _costs_of_the_past(self) -> list[VideoCost]:
        found = []
        for night in range(1, _PAST_NIGHTS + 1):
            speed = float(self._random.normal(0, _BETWEEN_NIGHTS))
            for number in range(30):
                work = 1200 * self._cost_of_a_sample(speed)
                found.append(_cost(1000 * night + number, 1200, work, MIDDAY - timedelta(days=night - 0.5), ended=True))
        return found

    def _open(self) -> list[OpenWork]:
        return [_open_work(video) for video in self._videos if video.ended is None and video.arrives <= self._clock]

    def _agenda(self) -> tuple[Agenda, Experience]:
        now, open_work = _moment(self._clock), self._open()
        live = max(1, len(self._busy) + len(self._idle))
        if self._known is None:
            tonight = [_spent(video) for video in self._videos if video.stage >= 0 and (video.scanned or video.ended)]
            learnt = learn([*self._past, *tonight], [], now=now, zone=SCHEDULE.time_zone)
            self._known = Experience(learnt, live, Source.TOLD)
        self._known = replace(self._known, processes=live)
        return draw_up(open_work, self._known, SETTINGS, now), self._known

    def _tick(self) -> None:
        """The sweep, the metrics, and whoever starts and stops workers by them."""
        agenda, known = self._agenda()
        by_id = {video.id: video for video in self._videos}
        for entry in agenda.entries:
            video = by_id[entry.video.id]
            if video.stage < 0:
                cut = ranges(entry.video.length, SETTINGS.interval_ms, pace(entry, known.processes, SETTINGS))
                video.cut = len(cut)
                self._begin_stage(video, [(end or 0) - first for first, end in cut])
        self._ranks = agenda.ranks
        self._recommended = needed(agenda.entries, known.estimate, _moment(self._clock))
        self._scale()
        here = [video for video in self._videos if video.arrives <= self._clock]
        backlog = sum(video.seconds * _unscanned(video) for video in here) / 3600
        live = len(self._busy) + len(self._idle)
        self._points.append(Point(self._clock, backlog, live, self._recommended, self._foretold))
        self._at(self._clock + _TICK, self._tick)

    def _foretell(self) -> None:
        self._known = None
        agenda, known = self._agenda()
        pieces = {entry.video.id: entry.video.pieces or 1 for entry in agenda.entries}
        now = _moment(self._clock)
        in_order = [entry.video for entry in agenda.entries]
        self._strides = fewest(in_order, known, self._settings, now)
        found = forecast(
            thinned(in_order, self._strides), known.estimate, processes=known.processes, now=now,
            plan=Plan(SETTINGS.interval_ms, now, pieces), risk=0.05, measures=False,
        )  # fmt: skip
        self._foretold = found.outlook.empty if found else None
        self._at(self._clock + _FORETELL, self._foretell)

    def _scale(self) -> None:
        """Out at once, in when fewer were enough for a quarter of an hour."""
        live, wanted = len(self._busy) + len(self._idle) + self._starting, min(self._recommended, self._scenario.most)
        if not self._scenario.most:
            return
        for _ in range(wanted - live):
            self._starting += 1
            self._at(self._clock + _START, self._start)
        if wanted >= live:
            self._too_many_since = None
        elif self._too_many_since is None:
            self._too_many_since = self._clock
        elif self._clock - self._too_many_since >= _PATIENCE:
            for worker in sorted(self._idle)[: live - max(wanted, 1)]:
                self._idle.discard(worker)

    def _start(self) -> None:
        self._starting -= 1
        self._idle.add(next(self._workers))

    def _die(self, count: int) -> None:
        """Their pieces are done again, once their leases have run out."""
        for worker in sorted([*self._busy, *self._idle])[:count]:
            self._idle.discard(worker)
            if worker in self._busy:
                video, work = self._busy.pop(worker)
                self._at(self._clock + _LEASE, lambda video=video, work=work: self._free(video, work))  # type: ignore[misc]

    def _free(self, video: _Video, work: float) -> None:
        video.held -= 1
        video.waiting.append(work)

    def _share_out(self) -> None:
        ready = [video for video in self._videos if video.waiting]
        ready.sort(key=lambda video: self._ranks.get(video.id, len(self._ranks)))
        for video in ready:
            while video.waiting and self._idle:
                worker, work = min(self._idle), video.waiting.pop(0)
                self._idle.discard(worker)
                self._busy[worker] = video, work
                video.held += 1
                stride = self._strides.get(video.priority, 1) if video.stage == 0 else 1
                self._at(
                    self._clock + work / stride,
                    lambda worker=worker, work=work, stride=stride: self._end(worker, work, stride),  # type: ignore[misc]
                )
            if not self._idle:
                return

    def _end(self, worker: int, work: float, stride: int) -> None:
        if worker not in self._busy:
            # It had died.
            return
        video, _ = self._busy.pop(worker)
        self._idle.add(worker)
        video.held -= 1
        share = work / (video.work * _SHARES[_STAGES[video.stage]])
        video.scanned += share
        video.left_out += share * (1 - 1 / stride)
        if video.waiting or video.held:
            return
        if video.stage == len(_STAGES) - 1:
            video.ended = self._clock
        else:
            self._begin_stage(video, [1.0] * (video.cut if _STAGES[video.stage + 1] == "refine" else 1))

    @staticmethod
    def _begin_stage(video: _Video, sizes: Sequence[float]) -> None:
        video.stage += 1
        video.scanned = 0.0
        work = video.work * _SHARES[_STAGES[video.stage]]
        video.waiting = [work * size / sum(sizes) for size in sizes]


def _unscanned(video: _Video) -> float:
    return 1.0 if video.stage < 0 else 1 - video.scanned if video.stage == 0 else 0.0


def _open_work(video: _Video) -> OpenWork:
    length = Fraction(video.seconds)
    left = Fraction(1 - min(1.0, video.scanned)).limit_denominator(10_000)
    stage = "" if video.stage < 0 else _STAGES[video.stage]
    states = {"": VideoState.WAITING, "finish": VideoState.FINISHING}
    return OpenWork(
        id=video.id, title=str(video.id), state=states.get(stage, VideoState.RUNNING), deadline=video.deadline,
        priority=video.priority, submitted_at=MIDDAY, codec="h264", width=1920, height=1080, length=length,
        interval_ms=None if not stage else SETTINGS.interval_ms, to_scan=length * _share(stage, "scan", left),
        to_refine=length * left if stage == "refine" else Fraction(0),
        pieces=len(video.waiting) + video.held if stage else 0,
        begun=bool(stage) and (stage != "scan" or video.scanned > 0), refined=stage in {"refine", "finish"},
    )  # fmt: skip


def _share(stage: str, scan: str, left: Fraction) -> Fraction:
    return Fraction(1) if not stage else left if stage == scan else Fraction(0)


def _cost(video_id: int, samples: int, work: float, at: datetime, *, ended: bool) -> VideoCost:
    parts: dict[str, Any] = {stage: work * share for stage, share in _SHARES.items()}
    return VideoCost(
        video_id=video_id, codec="h264", width=1920, height=1080, interval_ms=SETTINGS.interval_ms, samples=samples,
        wasted=0.0, ended=ended, at=at, **parts,
    )  # fmt: skip


def _spent(video: _Video) -> VideoCost:
    """What a ledger knows of a video of tonight: of one that is not done, what was scanned."""
    share = video.scanned if video.stage == 0 else 1.0
    samples = max(1, round(video.seconds / 3 * (share - video.left_out)))
    at = MIDDAY + timedelta(hours=12) if video.ended is None else _moment(video.ended)
    whole = _cost(video.id, samples, video.work * share, at, ended=video.ended is not None)
    spent = replace(
        whole,
        scan=video.work * _SHARES["scan"] * (share - video.left_out),
        interval_ms=round(SETTINGS.interval_ms * share / (share - video.left_out)),
    )
    return spent if video.ended is not None else replace(spent, refine=0.0, finish=0.0)


def _moment(seconds: float) -> datetime:
    return MIDDAY + timedelta(seconds=seconds)


def _seconds(moment: datetime) -> float:
    return (moment - MIDDAY).total_seconds()


def main() -> None:
    """Play all scenarios, tell how they went, and draw them."""
    parser = argparse.ArgumentParser(prog="python -m bench.nights", description=__doc__)
    parser.add_argument("--plot", type=Path, default=Path("bench/out/nights.png"), help="where to draw them")
    parser.add_argument("--seeds", type=int, default=1, help="draws of each night; the first is drawn as a picture")
    given = parser.parse_args()
    drawn = []
    for scenario in SCENARIOS:
        results = [Night(replace(scenario, seed=seed)).play() for seed in range(1, given.seeds + 1)]
        drawn.append(results[0])
        ends = sorted((result.emptied - result.deadline) / 60 for result in results)
        late = sorted(result.late for result in results)
        most = max(point.processes for result in results for point in result.points)
        print(
            f"{scenario.name}: {results[0].videos} videos; empty {_told(ends)} after the deadline; "
            f"late {late[0]} to {late[-1]}; at most {most} processes; "
            f"left out {max(result.left_out for result in results):.0%} of the samples at most"
        )
    given.plot.parent.mkdir(parents=True, exist_ok=True)
    draw(drawn, given.plot)
    print(f"drawn to {given.plot}")


def _told(minutes: Sequence[float]) -> str:
    if len(minutes) == 1:
        return f"{minutes[0]:+.0f} min"
    return f"{minutes[0]:+.0f} to {minutes[-1]:+.0f} min"


if __name__ == "__main__":
    main()
