"""Stretches that two videos share, on plain times."""

from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.overlaps import overlaps

STEP = 3.0
GAP = 10 * STEP


class Stretch(NamedTuple):
    """An overlap, with the number of its pairs."""

    first_start: float
    first_end: float
    second_start: float
    second_end: float
    frames: int


def found(pairs: list[tuple[float, float]], slack: float = 0.1) -> list[Stretch]:
    first, second = np.array(pairs, np.float64).reshape(-1, 2).T
    stretches = []
    for overlap in overlaps(first, second, slack, GAP):
        told = [pairs[place] for place in overlap.pairs]
        ends = overlap.first_start, overlap.first_end, overlap.second_start, overlap.second_end
        assert ends == (told[0][0], told[-1][0], told[0][1], told[-1][1])
        assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(told))
        stretches.append(Stretch(*ends, len(told)))
    return stretches


def run(first: float, second: float, count: int) -> list[tuple[float, float]]:
    return [(first + STEP * number, second + STEP * number) for number in range(count)]


def test_nothing_is_shared_by_nobody() -> None:
    assert found([]) == []
    assert found(run(0, 30, 2)) == []


def test_a_second_upload_is_one_stretch() -> None:
    assert found(run(0, 0, 100)) == [Stretch(0, 297, 0, 297, 100)]


def test_an_advertisement_that_is_shown_twice_is_two_stretches() -> None:
    assert found(run(0, 60, 5) + run(0, 600, 5)) == [Stretch(0, 12, 60, 72, 5), Stretch(0, 12, 600, 612, 5)]


def test_a_slate_again_and_again_is_nothing() -> None:
    slates = [(first, second) for first in (0.0, 500.0) for second in (70.0, 1000.0, 3000.0)]
    assert found(slates) == []


def test_a_still_scene_is_one_stretch_and_not_one_for_each_shift() -> None:
    still = [(100 + STEP * one, 200 + STEP * other) for one in range(8) for other in range(8)]
    assert found(still) == [Stretch(100, 121, 200, 221, 8)]


def test_long_gaps_cut_and_short_ones_do_not() -> None:
    assert found(run(0, 50, 5) + run(40, 90, 5)) == [Stretch(0, 52, 50, 102, 10)]
    assert found(run(0, 50, 5) + run(50, 100, 5)) == [Stretch(0, 12, 50, 62, 5), Stretch(50, 62, 100, 112, 5)]


@pytest.mark.parametrize(("slack", "frames"), [(6.1, 20), (0.5, 10)])
def test_samples_need_not_lie_at_the_same_place_of_a_copy(slack: float, frames: int) -> None:
    wobbling = [(first, second + (number % 2) * 2) for number, (first, second) in enumerate(run(0, 50, 20))]
    assert sum(overlap.frames for overlap in found(wobbling, slack)[:1]) == frames


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=60),
    st.floats(0.1, 10),
)
def test_stretches_hold_pairs_of_frames_in_the_order_of_both(pairs: list[tuple[int, int]], slack: float) -> None:
    times = [(STEP * one, STEP * other) for one, other in pairs]
    for overlap in found(times, slack):
        assert overlap.frames >= 3
        assert (overlap.first_start, overlap.second_start) in times
        assert (overlap.first_end, overlap.second_end) in times
        assert overlap.first_end - overlap.first_start >= STEP * (overlap.frames - 1)
        shift = overlap.second_start - overlap.first_start
        assert abs(overlap.second_end - overlap.first_end - shift) <= slack + 1e-9


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40), st.randoms())
def test_the_order_of_pairs_does_not_matter(pairs: list[tuple[int, int]], random: Random) -> None:
    times = [(STEP * one, STEP * other) for one, other in pairs]
    shuffled = list(times)
    random.shuffle(shuffled)
    assert found(shuffled) == found(times)
