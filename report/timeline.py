"""Where things lie on a time axis: bars of appearances, the strip of the coverage account, stretches nobody looked at.

Places are per cent of the axis, which reaches from 0:00 to the end of the video. What would lie too close to be told
apart is drawn as one, so that a day of video draws no more marks than a minute.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from db.schema import SampleOutcome
from report.model import Appearance, Coverage, Stretch

_CLOSEST = Fraction(1, 500)
"""Marks nearer than this share of the axis are drawn as one: about two pixels on a wide screen."""
_COLUMNS = 600
LEFT_OUT = "left-out"
"""Beside the outcomes: samples that nobody looked at for want of time."""
_ORDER = (
    *(outcome for outcome in SampleOutcome if outcome != SampleOutcome.UNDECODABLE),
    LEFT_OUT,
    SampleOutcome.UNDECODABLE,
)
_LEAST_LOST = Fraction(1, 4)
"""Height of a column of the strip that lost samples take at least, however few they are: they must be seen."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the axis in per cent of its length, from 0 to 100."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One mark on a person's lane: appearances of indices [first, first + count), from first frame to last."""

    place: Place
    first: int
    count: int
    start: Fraction
    end: Fraction
    face_count: int


def place(start: Fraction, end: Fraction, length: Fraction) -> Place:
    """Where a stretch lies on an axis of `length` seconds; nothing sticks out at either end."""
    if length <= 0:
        return Place(0.0, 100.0)
    left, right = (min(Fraction(1), max(Fraction(0), time / length)) for time in (start, end))
    return Place(round(float(left) * 100, 3), round(float(right - left) * 100, 3))


def bars(appearances: Sequence[Appearance], length: Fraction) -> list[Bar]:
    """The marks of one person's appearances, which come in order of start."""
    clusters: list[list[int]] = []
    reached = Fraction(0)
    for index, appearance in enumerate(appearances):
        if clusters and appearance.start - reached < length * _CLOSEST:
            clusters[-1].append(index)
        else:
            clusters.append([index])
        reached = max(reached, appearance.until)
    return [_bar(appearances, cluster, length) for cluster in clusters]


def _bar(appearances: Sequence[Appearance], indices: Sequence[int], length: Fraction) -> Bar:
    members = [appearances[index] for index in indices]
    return Bar(
        place=place(members[0].start, max(member.until for member in members), length),
        first=indices[0],
        count=len(indices),
        start=members[0].start,
        end=max(member.end for member in members),
        face_count=sum(member.face_count for member in members),
    )


def lost(coverage: Coverage) -> list[Stretch]:
    """The stretches that nobody looked at."""
    return [stretch for stretch in coverage.stretches if stretch.outcome == SampleOutcome.UNDECODABLE]


def lost_places(coverage: Coverage, length: Fraction) -> list[Place]:
    """Where nobody looked, those drawn as one that lie close together."""
    joined: list[tuple[Fraction, Fraction]] = []
    for stretch in lost(coverage):
        if joined and stretch.start - joined[-1][1] < length * _CLOSEST:
            joined[-1] = (joined[-1][0], stretch.end)
        else:
            joined.append((stretch.start, stretch.end))
    return [place(start, end, length) for start, end in joined]


def strip(coverage: Coverage, length: Fraction) -> dict[str, str]:
    """The coverage account as an SVG path for each outcome that occurs, on a canvas of 1000 × 100 units.

    A video of few stretches is drawn exactly. In a longer one each of 600 columns is stacked from the shares of the
    outcomes in its time, what was looked at below, then what was left out, and what was lost on top.
    """
    if length <= 0:
        return {}
    paths: dict[str, list[str]] = {}
    for start, end, shares in _columns(coverage.stretches, length):
        bottom = Fraction(100)
        for outcome, share in shares:
            top = bottom - share * 100
            left, right = (_unit(time / length * 1000) for time in (start, end))
            paths.setdefault(outcome, []).append(f"M{left} {_unit(bottom)}V{_unit(top)}H{right}V{_unit(bottom)}Z")
            bottom = top
    return {outcome: "".join(paths[outcome]) for outcome in _ORDER if outcome in paths}


_Column = tuple[Fraction, Fraction, list[tuple[str, Fraction]]]


def _columns(stretches: Sequence[Stretch], length: Fraction) -> Iterable[_Column]:
    if len(stretches) <= _COLUMNS:
        return [(s.start, s.end, _parts(s)) for s in stretches if s.end > s.start]
    width = length / _COLUMNS
    seconds: list[dict[str, Fraction]] = [{} for _ in range(_COLUMNS)]
    for stretch in stretches:
        for column in range(int(stretch.start / width), min(_COLUMNS, int(stretch.end / width) + 1)):
            inside = min(stretch.end, (column + 1) * width) - max(stretch.start, column * width)
            if inside > 0:
                here = seconds[column]
                for outcome, share in _parts(stretch):
                    here[outcome] = here.get(outcome, Fraction(0)) + inside * share
    return [(i * width, (i + 1) * width, _shares(here)) for i, here in enumerate(seconds) if here]


def _parts(stretch: Stretch) -> list[tuple[str, Fraction]]:
    """What was looked at, and what was left out, as shares of all its samples."""
    looked = Fraction(stretch.count, stretch.end_sample - stretch.first_sample)
    return [(stretch.outcome, looked)] if looked == 1 else [(stretch.outcome, looked), (LEFT_OUT, 1 - looked)]


def _shares(seconds: dict[str, Fraction]) -> list[tuple[str, Fraction]]:
    total = sum(seconds.values())
    missing = seconds.get(SampleOutcome.UNDECODABLE, Fraction(0)) / total
    shown = max(missing, _LEAST_LOST) if 0 < missing < 1 else missing
    scale = (1 - shown) / (1 - missing) if missing < 1 else Fraction(0)
    shares = [
        (outcome, shown if outcome == SampleOutcome.UNDECODABLE else seconds[outcome] / total * scale)
        for outcome in _ORDER
        if outcome in seconds
    ]
    return [(outcome, share) for outcome, share in shares if share > 0]


def _unit(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")
