"""Bisection: the border is found, within the tolerance, with no more looks than it takes."""

import math
from bisect import bisect_left
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.narrowing import Look, looks_needed, narrow

WIDEST = 20_000


def on(frames: list[int], shows: Callable[[int], bool], asked: list[int]) -> Look:
    """A video with frames at these ticks, ascending, that answers as `Looker` does where there are no key frames."""

    def look(between: tuple[int, int], window: tuple[int, int]) -> tuple[int, bool] | None:
        assert between[0] < window[0] <= window[1] < between[1]
        following = bisect_left(frames, window[0])
        for pts in (*frames[following : following + 1], *frames[max(0, following - 1) : following]):
            if between[0] < pts < between[1]:
                asked.append(pts)
                return pts, shows(pts)
        return None

    return look


@given(
    st.integers(1, WIDEST),
    st.integers(1, WIDEST),
    st.integers(0, WIDEST),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_a_border_is_found_within_the_tolerance_by_as_few_looks_as_it_takes(
    width: int, tolerance: int, border: int, is_start: bool, choice: int
) -> None:
    border = 1 + border % width
    asked: list[int] = []

    def look(between: tuple[int, int], window: tuple[int, int]) -> tuple[int, bool]:
        assert between[0] < window[0] <= window[1] < between[1]
        # Any frame of the window will do.
        pts = window[0] + choice % (window[1] - window[0] + 1)
        asked.append(pts)
        return pts, (pts >= border) == is_start

    seen, unseen = (width, 0) if is_start else (0, width)
    found = narrow(seen, unseen, tolerance, look)
    before, after = sorted((found.seen, found.unseen))
    assert before < border <= after
    assert (found.seen > found.unseen) == is_start
    assert after - before <= tolerance
    assert found.looks == len(asked) <= max(0, math.ceil(math.log2(width / tolerance) - 1e-12))


@given(
    st.lists(st.integers(1, WIDEST - 1), unique=True).map(sorted),
    st.integers(1, WIDEST),
    st.integers(1, WIDEST),
    st.booleans(),
)
def test_where_frames_are_rare_neighbouring_ones_are_the_border(
    frames: list[int], border: int, tolerance: int, is_start: bool
) -> None:
    asked: list[int] = []
    seen, unseen = (WIDEST, 0) if is_start else (0, WIDEST)
    found = narrow(seen, unseen, tolerance, on(frames, lambda pts: (pts >= border) == is_start, asked))
    before, after = sorted((found.seen, found.unseen))
    assert before < border <= after
    assert after - before <= tolerance or not [pts for pts in frames if before < pts < after]
    assert len(set(asked)) == len(asked) == found.looks


@given(st.lists(st.booleans(), min_size=2, max_size=200), st.integers(1, 50))
def test_of_several_borders_in_between_one_is_found(shown: list[bool], tolerance: int) -> None:
    shown = [False, *shown, True]
    found = narrow(len(shown) - 1, 0, tolerance, on(list(range(1, len(shown) - 1)), lambda pts: shown[pts], asked=[]))
    assert shown[found.seen]
    assert not shown[found.unseen]
    assert 0 < found.seen - found.unseen <= tolerance


@pytest.mark.parametrize(("width", "looks"), [(1, 0), (500, 0), (501, 1), (1000, 1), (1001, 2), (4000, 3), (6000, 4)])
def test_so_many_looks_are_needed_for_half_a_second(width: int, looks: int) -> None:
    assert looks_needed(width, 500) == looks


def test_a_gap_that_cannot_be_looked_into_stays_as_it_is() -> None:
    found = narrow(3000, 0, 500, lambda _between, _window: None)
    assert (found.seen, found.unseen, found.looks) == (3000, 0, 0)
