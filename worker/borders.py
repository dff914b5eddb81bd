"""Between which frames people come and leave: what the samples tell of it, and what is to be looked at.

Knows neither ledger nor decoder. A border lies between a frame that shows the person and one that does not. Where both
are neighbouring samples, `worker.refining` looks in between.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from config.face_settings import Whose
from db.borders import BorderRecord, Edge
from db.casts import AppearanceRecord, Cast, EdgeSample
from db.schema import SampleOutcome, Side
from db.segments import RunRecord
from models.decision import Decision
from worker.finish import Segmented
from worker.numbering import Numbering


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The nearest sample beside an appearance that was looked at: its segment, and the tick of its frame."""

    sample: int
    segment_id: int
    pts: int


@dataclass(frozen=True, slots=True)
class Instants:
    """When samples are due and when the video ends; ticks from the origin."""

    interval: Fraction
    tolerance: Fraction
    end: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """Which samples were looked at, and when their frames are shown.

    Args:
        runs: the account of the video's samples, in ordinals.
        times: of analysed frames by ordinal, as far as they are known; the ends of runs are known without.
        instants: for all others.
        numbering: where ordinals come from.
    """

    runs: Segmented
    times: Mapping[int, int]
    instants: Instants
    numbering: Numbering = field(default_factory=Numbering)
    _looked: list[tuple[int, RunRecord]] = field(init=False)

    def __post_init__(self) -> None:
        looked = [
            (segment_id, run)
            for segment_id, runs in self.runs.items()
            for run in runs
            if run.outcome != SampleOutcome.UNDECODABLE
        ]
        looked.sort(key=lambda each: each[1].first_sample)
        object.__setattr__(self, "_looked", looked)

    def before(self, sample: int) -> Neighbour | None:
        """The last sample before that was looked at."""
        index = bisect_left(self._looked, sample, key=lambda each: each[1].first_sample) - 1
        if index < 0:
            return None
        segment_id, run = self._looked[index]
        number = min(run.end_sample, sample) - 1
        due = self.numbering.sample(number) * self.instants.interval - self.instants.tolerance
        return Neighbour(number, segment_id, self._pts(run, number, math.ceil(due)))

    def after(self, sample: int) -> Neighbour | None:
        """The first sample after it that was looked at."""
        index = bisect_right(self._looked, sample, key=lambda each: each[1].end_sample - 1)
        if index == len(self._looked):
            return None
        segment_id, run = self._looked[index]
        number = max(run.first_sample, sample + 1)
        due = (self.numbering.sample(number) + 2) * self.instants.interval - self.instants.tolerance
        return Neighbour(number, segment_id, self._pts(run, number, math.floor(due)))

    def ends_with(self, sample: int) -> bool:
        """Whether a sample is the video's last, looked at or not."""
        return all(run.end_sample <= sample + 1 for runs in self.runs.values() for run in runs[-1:])

    def segment_of(self, sample: int) -> int:
        """In which segment a sample is that was looked at."""
        index = bisect_left(self._looked, sample, key=lambda each: each[1].end_sample - 1)
        return self._looked[index][0]

    def _pts(self, run: RunRecord, sample: int, otherwise: int) -> int:
        """Of a frame of a run; `otherwise` the bound that the rule of sampling gives (see `worker.sampling`)."""
        if sample == run.first_sample and run.first_pts is not None:
            return run.first_pts
        if sample == run.end_sample - 1 and run.last_pts is not None:
            return run.last_pts
        return self.times.get(sample, otherwise)


def settled(cast: Cast, account: Account, found: Mapping[Edge, BorderRecord]) -> Cast:
    """The cast with what is known of its borders, by the samples and by what was looked at."""
    groups = [
        replace(group, appearances=tuple(_settled(seen, account, found) for seen in group.appearances))
        for group in cast.groups
    ]
    return replace(cast, groups=groups)


def _settled(seen: AppearanceRecord, account: Account, found: Mapping[Edge, BorderRecord]) -> AppearanceRecord:
    start, unseen_before = seen.start_pts, min(0, seen.start_pts)
    end, unseen_after = seen.end_pts, account.instants.end
    before, after = account.before(seen.first.sample), account.after(seen.last.sample)
    if before is not None:
        unseen_before = min(before.pts, start)
    if after is not None:
        unseen_after = after.pts
    if (border := found.get(_edge(seen.first, Side.START))) is not None:
        start, unseen_before = border.seen, border.unseen
    if (border := found.get(_edge(seen.last, Side.END))) is not None:
        end, unseen_after = border.seen, border.unseen
    return replace(
        seen,
        start_pts=start,
        end_pts=end,
        unseen_before_pts=unseen_before,
        unseen_after_pts=None if unseen_after is None else max(end, unseen_after),
    )


def wanted(
    cast: Cast, account: Account, found: Container[Edge], whose: Whose, tolerance: Fraction
) -> list[BorderRecord]:
    """The borders that are to be looked at: between neighbouring samples that lie farther apart than a tolerance.

    Args:
        cast: as `settled` gives it. Who is not recognisable would not be known again, and is left out.
        account: of its video.
        found: what was looked at, or given up, before.
        whose: appearances are meant.
        tolerance: ticks.
    """
    return [
        record
        for group in cast.groups
        if group.verdict.likely is not None
        or (whose == "everybody" and group.verdict.decision != Decision.UNRECOGNISABLE)
        for seen in group.appearances
        for record in _sides(seen, account)
        if record.edge not in found and _width(record) > tolerance
    ]


def _width(record: BorderRecord) -> int:
    """Ticks; frames may lie behind the end that a video declares."""
    return record.unseen - record.seen if record.side == Side.END else record.seen - record.unseen


def _sides(seen: AppearanceRecord, account: Account) -> Iterator[BorderRecord]:
    """The borders of an appearance beside which the very next sample was looked at, or the video ends.

    All borders between two samples are the work of the later one's segment, so that they are looked at together.
    """
    before, after = account.before(seen.first.sample), account.after(seen.last.sample)
    if before is not None and before.sample == seen.first.sample - 1:
        yield _record(seen.first, Side.START, account.segment_of(seen.first.sample), seen.start_pts, before.pts)
    if after is not None and after.sample == seen.last.sample + 1:
        yield _record(seen.last, Side.END, after.segment_id, seen.end_pts, after.pts)
    elif account.instants.end is not None and account.ends_with(seen.last.sample):
        yield _record(seen.last, Side.END, account.segment_of(seen.last.sample), seen.end_pts, account.instants.end)


def _record(edge: EdgeSample, side: Side, segment_id: int, seen: int, unseen: int) -> BorderRecord:
    return BorderRecord(*_edge(edge, side), segment_id, edge.face_ids, seen, unseen)


def _edge(edge: EdgeSample, side: Side) -> Edge:
    return edge.face_ids[0], side
