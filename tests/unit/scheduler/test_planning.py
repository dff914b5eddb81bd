"""Cutting videos into segments."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.planning import SMALLEST, Pace, ranges, sample_count

durations = st.fractions(min_value=Fraction(1, 1000), max_value=200_000, max_denominator=90_000)
intervals = st.integers(min_value=40, max_value=3_600_000)


@pytest.mark.parametrize(
    ("duration", "interval_ms", "count"),
    [
        (Fraction(10), 3000, 4),  # 0, 3, 6, 9
        (Fraction(9), 3000, 3),  # 0, 3, 6: at 9 the video is over
        (Fraction(1001, 1000), 1000, 2),
        (Fraction(1, 30), 3000, 1),
        (Fraction(0), 3000, 1),
        (Fraction(86_400), 3000, 28_800),
    ],
)
def test_samples_lie_before_the_end(duration: Fraction, interval_ms: int, count: int) -> None:
    assert sample_count(duration, interval_ms) == count


@given(durations, intervals)
def test_every_instant_before_the_end_is_planned_and_none_after(duration: Fraction, interval_ms: int) -> None:
    count = sample_count(duration, interval_ms)
    assert (count - 1) * interval_ms < duration * 1000 <= count * interval_ms


def pace(sample: float = 0.3, after: float = 0, processes: int = 4, largest: float = 60, longest: float = 3600) -> Pace:
    return Pace(sample, after, processes, largest, longest)


paces = st.builds(
    Pace,
    sample=st.floats(0.001, 50),
    after=st.floats(0, 1e6),
    processes=st.integers(1, 500),
    largest=st.floats(10, 600),
    longest=st.floats(1, 86_400),
)


@given(durations, intervals, paces)
def test_segments_follow_each_other_and_none_is_too_long(duration: Fraction, interval_ms: int, given: Pace) -> None:
    if duration * 1000 / interval_ms > 20_000:
        return
    cut = ranges(duration, interval_ms, given)
    ends = [end for _, end in cut]
    assert [first for first, _ in cut] == [0, *ends[:-1]]
    assert ends[-1] == sample_count(duration, interval_ms)
    sizes = [end - first for first, end in cut if end is not None]
    assert min(sizes) >= 1
    assert max(sizes) == 1 or max(sizes) * interval_ms <= given.longest * 1000
    # Half as much again, where what was left over is shared.
    assert max(sizes) == 1 or max(sizes) * given.sample <= 1.5 * (given.largest + given.sample)


def work_of(duration: int, given: Pace) -> list[float]:
    cut = ranges(Fraction(duration), 3000, given)
    return [(end - first) * given.sample for first, end in cut if end is not None]


def test_segments_are_as_large_as_they_may_be_while_there_is_much_to_do() -> None:
    sizes = work_of(86_400, pace(after=1e6))
    assert min(sizes[:-1]) == max(sizes[:-1]) == pytest.approx(60)


def test_the_last_segments_of_the_queue_become_small() -> None:
    sizes = work_of(86_400, pace())
    assert sizes[0] == pytest.approx(60)
    assert all(later <= earlier + 0.3 for earlier, later in pairwise(sizes[:-1])), "they only shrink"
    assert sizes[-1] < 1.5 * SMALLEST


@given(st.integers(600, 50_000), st.integers(1, 64), st.floats(0.05, 2))
def test_no_core_is_idle_for_long_at_the_end(duration: int, processes: int, sample: float) -> None:
    """Whoever is free takes the next segment: all end within about a segment of the smallest size, or a share of it."""
    sizes = work_of(duration, pace(sample=sample, processes=processes))
    free = [0.0] * processes
    for size in sizes:
        free[free.index(min(free))] += size
    ideal = max(sum(sizes) / processes, min(sizes))
    assert max(free) - ideal <= max(1.5 * (SMALLEST + sample), ideal / 4)


def test_an_unknown_duration_is_one_open_segment() -> None:
    assert ranges(None, 3000, pace()) == [(0, None)]
