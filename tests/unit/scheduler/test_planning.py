"""Cutting videos into segments."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.planning import ranges, sample_count

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


@given(durations, intervals, st.floats(min_value=1, max_value=86_400))
def test_segments_share_the_samples_evenly_and_leave_none_out(
    duration: Fraction, interval_ms: int, segment_seconds: float
) -> None:
    if duration * 1000 / interval_ms > 100_000:
        return
    cut = ranges(duration, interval_ms, segment_seconds)
    ends = [end for _, end in cut]
    assert [first for first, _ in cut] == [0, *ends[:-1]]
    assert ends[-1] == sample_count(duration, interval_ms)
    sizes = [end - first for first, end in cut if end is not None]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == 1 or max(sizes) * interval_ms < segment_seconds * 1000 + interval_ms


def test_an_unknown_duration_is_one_open_segment() -> None:
    assert ranges(None, 3000, 300) == [(0, None)]
