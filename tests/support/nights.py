"""Nights whose truth is known by construction: costs drawn from known laws, and queues played event by event."""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np

from db.costs import VideoCost
from db.open_work import OpenWork
from db.schema import Priority
from db.states import VideoState

EVENING = datetime(2026, 3, 10, 22, tzinfo=UTC)
SEGMENT = 300.0
FORMATS = (("h264", 1920, 1080), ("h264", 1280, 720), ("hevc", 1920, 1080), ("mpeg2video", 720, 576))


@dataclass
class Truth:
    """How costs come about: logarithms of seconds for a sample by format, and standard deviations of logarithms."""

    seed: int
    rates: dict[str, float] = field(
        default_factory=lambda: {"1920h264": -1.2, "1280h264": -1.9, "1920hevc": -0.8, "720mpeg2video": -2.6}
    )
    video: float = 0.4
    night: float = 0.15
    interval: float = 0.3
    fixed: float = 4.0
    waste: float = 0.02
    hung: float = 0.0
    """Share of the videos that take a hundred times as long."""

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.ids = itertools.count(1)

    def work(self, form: tuple[str, int, int], samples: float, interval_ms: int, night: float) -> float:
        """Seconds that one video takes."""
        rate = self.rates[f"{form[1]}{form[0]}"] + self.interval * math.log(interval_ms / 3000) + night
        seconds = (samples + self.fixed) * math.exp(rate + self.random.normal(0, self.video))
        return seconds * (100 if self.random.random() < self.hung else 1)

    def speed(self) -> float:
        """Of one night, as a logarithm."""
        return float(self.random.normal(0, self.night))

    def past(
        self, nights: int, videos: int, intervals_ms: Sequence[int] = (3000,), forms: Sequence[int] = (0, 1, 2, 3)
    ) -> list[VideoCost]:
        """What a ledger knows of so many nights before `EVENING`."""
        found = []
        for night in range(nights, 0, -1):
            speed = self.speed()
            for _ in range(videos):
                form = FORMATS[int(self.random.choice(forms))]
                interval = int(self.random.choice(intervals_ms))
                samples = int(self.random.lognormal(6, 0.7))
                work = self.work(form, samples, interval, speed)
                at = EVENING - timedelta(days=night) + timedelta(hours=3)
                found.append(cost_of(next(self.ids), form, interval, samples, work, self.waste * work, at))
        return found

    def tonight(self, videos: int, forms: Sequence[int] = (0, 1, 2, 3)) -> tuple[list[OpenWork], list[float]]:
        """A queue, and what each of its videos will take."""
        speed = self.speed()
        queue, works = [], []
        for _ in range(videos):
            form = FORMATS[int(self.random.choice(forms))]
            samples = int(self.random.lognormal(6, 0.7))
            queue.append(open_video(next(self.ids), form, samples * 3))
            works.append(self.work(form, samples, 3000, speed) * (1 + self.waste))
        return queue, works


def cost_of(
    video_id: int, form: tuple[str, int, int], interval: int, samples: int, work: float, wasted: float, at: datetime
) -> VideoCost:
    """A video that has ended, its work divided as is usual."""
    codec, width, height = form
    return VideoCost(
        video_id, codec, width, height, interval, samples, 0.7 * work, 0.26 * work, 0.04 * work, wasted, True, at
    )


def open_video(
    video_id: int,
    form: tuple[str, int, int] = FORMATS[0],
    seconds: int | None = 3600,
    *,
    deadline: datetime | None = EVENING + timedelta(hours=8),
    priority: Priority = Priority.NORMAL,
    state: VideoState = VideoState.WAITING,
) -> OpenWork:
    """A video that nobody has begun."""
    codec, width, height = form
    length = None if seconds is None else Fraction(seconds)
    return OpenWork(
        id=video_id, title=f"film {video_id}", state=state, deadline=deadline, priority=priority,
        submitted_at=EVENING - timedelta(hours=1), codec=codec, width=width, height=height, length=length,
        interval_ms=None, to_scan=length or Fraction(0), to_refine=Fraction(0), pieces=0, begun=False, refined=False,
    )  # fmt: skip


def played(works: Sequence[float], pieces: Sequence[int], processes: int) -> list[float]:
    """When each video ends: event by event, whoever is free takes the next piece."""
    free = [0.0] * processes
    ends = []
    for work, count in zip(works, pieces, strict=True):
        last = 0.0
        for _ in range(count):
            end = heapq.heappop(free) + work / count
            heapq.heappush(free, end)
            last = max(last, end)
        ends.append(last)
    return ends
