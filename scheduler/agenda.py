"""The agenda: open videos in the order in which they are worked on, and what each of them still costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from config.settings import Settings
from db.open_work import OpenWork
from scheduler.costs import Estimate, WorkClass
from scheduler.experience import Experience
from scheduler.ordering import Job, order
from scheduler.planning import Pace, ranges
from scheduler.remaining import samples_left, spacing_ms


@dataclass(frozen=True, slots=True)
class Entry:
    """A video on the agenda: its class of work, `interval_ms` from sample to sample (`remaining.spacing_ms`). In
    seconds of work of one process, `sample`: of one sample; `work`: of all that is left of the video; `after`: of all
    videos behind it.
    """  # noqa: D205  the lines are one sentence

    video: OpenWork
    kind: WorkClass
    interval_ms: int
    sample: float
    work: float
    after: float


@dataclass(frozen=True, slots=True)
class Agenda:
    """Videos in order, and the ids of those that are expected to miss their deadlines."""

    entries: Sequence[Entry]
    late: frozenset[int]

    @property
    def ranks(self) -> dict[int, int]:
        """Place of each video by its id."""
        return {entry.video.id: place for place, entry in enumerate(self.entries)}


def draw_up(videos: Sequence[OpenWork], known: Experience, settings: Settings, now: datetime) -> Agenda:
    """The agenda of open videos."""
    prices = _Prices(known.estimate)
    costs = {video.id: prices.of(video, settings.interval_ms) for video in videos}
    jobs = [
        Job(
            id=video.id,
            work=costs[video.id].work,
            deadline=math.inf if video.deadline is None else (video.deadline - now).total_seconds(),
            priority=video.priority,
            waited=(now - video.submitted_at).total_seconds(),
        )
        for video in videos
    ]
    found = order(jobs, known.processes)
    by_id = {video.id: video for video in videos}
    entries, after = [], 0.0
    for video_id in reversed(found.ids):
        video, price = by_id[video_id], costs[video_id]
        entries.append(Entry(video, *price.kind, price.sample, price.work, after))
        after += price.work
    return Agenda(entries[::-1], found.late)


def pace(entry: Entry, processes: int, settings: Settings) -> Pace:
    """How to cut a video of the agenda."""
    return Pace(entry.sample, entry.after, processes, settings.work.segment, settings.sampling.segment)


def cut(entry: Entry, processes: int, settings: Settings) -> int:
    """Into how many segments a video will be cut that is not cut yet."""
    return len(ranges(entry.video.length, settings.interval_ms, pace(entry, processes, settings)))


class _Price(NamedTuple):
    """What a video costs by: seconds of work of one sample, and of all that is left of it."""

    kind: tuple[WorkClass, int]
    sample: float
    work: float


class _Prices:
    """What a sample costs, reckoned once for all videos of a class."""

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self._samples: dict[tuple[WorkClass, int], float] = {}

    def of(self, video: OpenWork, planned_ms: int) -> _Price:
        """Of a video."""
        kind = WorkClass.of(video.codec, video.width, video.height), spacing_ms(video, planned_ms)
        if kind not in self._samples:
            self._samples[kind] = self._estimate.rate(*kind).median * kind[1] / 1000
        sample = self._samples[kind]
        return _Price(kind, sample, sample * samples_left(video, *kind, self._estimate))
