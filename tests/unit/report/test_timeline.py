"""Places on the time axis."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.schema import SampleOutcome
from report.model import Appearance, Coverage, Stretch
from report.timeline import Place, bars, lost_places, place, strip


def seen(start: int, end: int, faces: int = 1) -> Appearance:
    times = Fraction(start), Fraction(end), Fraction(end + 3)
    return Appearance(1, start, end, *times, faces, None, start, end + 3, Fraction(start), Fraction(end + 3))


def account(*pieces: tuple[SampleOutcome, int]) -> Coverage:
    stretches, at = [], 0
    for outcome, samples in pieces:
        times = (Fraction(at * 3), Fraction((at + samples) * 3))
        stretches.append(Stretch(outcome, at, at + samples, *times, None, None, None, None))
        at += samples
    return Coverage(tuple(stretches))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (15, 30, Place(25.0, 25.0)),
        (0, 60, Place(0.0, 100.0)),
        (-5, 90, Place(0.0, 100.0)),
        (60, 60, Place(100.0, 0.0)),
    ],
)
def test_places_stay_on_the_axis(start: int, end: int, expected: Place) -> None:
    assert place(Fraction(start), Fraction(end), Fraction(60)) == expected


def test_a_video_of_no_length_is_one_place() -> None:
    assert place(Fraction(0), Fraction(0), Fraction(0)) == Place(0.0, 100.0)


def test_each_appearance_of_a_short_video_has_its_bar() -> None:
    made = bars([seen(6, 12, 3), seen(18, 18)], Fraction(60))
    assert [(bar.place, bar.first, bar.count, bar.face_count) for bar in made] == [
        (Place(10.0, 15.0), 0, 1, 3),
        (Place(30.0, 5.0), 1, 1, 1),
    ]
    assert (made[0].start, made[0].end) == (Fraction(6), Fraction(12))


def test_what_lies_too_close_in_a_day_is_one_bar() -> None:
    made = bars([seen(0, 3), seen(60, 63), seen(3600, 3603)], Fraction(86400))
    assert [(bar.first, bar.count, bar.face_count) for bar in made] == [(0, 2, 2), (2, 1, 1)]
    assert (made[0].start, made[0].end) == (Fraction(0), Fraction(63))


@given(st.lists(st.tuples(st.integers(0, 86000), st.integers(0, 300)), min_size=1, max_size=200).map(sorted))
def test_bars_are_few_and_hold_every_appearance_once(stretches: Sequence[tuple[int, int]]) -> None:
    appearances = [seen(start, start + length) for start, length in stretches]
    made = bars(appearances, Fraction(86400))
    assert [index for bar in made for index in range(bar.first, bar.first + bar.count)] == list(range(len(appearances)))
    assert len(made) <= 500
    for one, following in pairwise(made):
        assert following.place.left - (one.place.left + one.place.width) > 0.19


def area(path: str) -> float:
    """Of all boxes of a path, in squares of the canvas."""
    total = 0.0
    for left, bottom, top, right in re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)V[\d.]+Z", path):
        assert 0 <= float(left) < float(right) <= 1000
        assert 0 <= float(top) < float(bottom) <= 100
        total += (float(right) - float(left)) * (float(bottom) - float(top))
    return total


def test_the_strip_of_a_short_video_is_exact() -> None:
    coverage = account((SampleOutcome.FLAT, 1), (SampleOutcome.ANALYSED, 3), (SampleOutcome.UNDECODABLE, 1))
    assert strip(coverage, Fraction(15)) == {
        SampleOutcome.ANALYSED: "M200 100V0H800V100Z",
        SampleOutcome.FLAT: "M0 100V0H200V100Z",
        SampleOutcome.UNDECODABLE: "M800 100V0H1000V100Z",
    }


def test_the_strip_of_a_day_is_small_and_true_to_the_shares() -> None:
    pieces = [(SampleOutcome.ANALYSED, 2), (SampleOutcome.CARRIED, 1)] * 9600
    paths = strip(account(*pieces), Fraction(86400))
    assert sum(map(len, paths.values())) < 60_000
    assert area(paths[SampleOutcome.ANALYSED]) == pytest.approx(100_000 * 2 / 3, rel=0.01)
    assert area(paths[SampleOutcome.CARRIED]) == pytest.approx(100_000 / 3, rel=0.01)


def test_one_lost_sample_of_a_day_can_be_seen() -> None:
    pieces = [(SampleOutcome.ANALYSED, 2), (SampleOutcome.CARRIED, 1)] * 4800
    coverage = account(*pieces, (SampleOutcome.UNDECODABLE, 1), *pieces)
    path = strip(coverage, Fraction(28801 * 3))[SampleOutcome.UNDECODABLE]
    assert area(path) >= 25 * 1000 / 600 * 0.99


def test_nothing_is_drawn_of_nothing() -> None:
    assert strip(Coverage(()), Fraction(0)) == {}
    assert lost_places(account((SampleOutcome.ANALYSED, 3)), Fraction(9)) == []


def test_lost_stretches_that_lie_close_are_one_place() -> None:
    coverage = account(
        (SampleOutcome.UNDECODABLE, 1), (SampleOutcome.ANALYSED, 1), (SampleOutcome.UNDECODABLE, 2),
        (SampleOutcome.ANALYSED, 28000), (SampleOutcome.UNDECODABLE, 796),
    )  # fmt: skip
    places = lost_places(coverage, Fraction(28800 * 3))
    assert [(round(where.left, 1), round(where.left + where.width, 1)) for where in places] == [
        (0.0, 0.0),
        (97.2, 100.0),
    ]
