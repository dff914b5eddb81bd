"""Where 0:00 is, how long the picture lasts, where pictures were lost: on plain numbers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.video.timeline import Declared, LatestEnd, LossWatch, is_plausible


def declared(
    *,
    start: int | None = 0,
    length: int | None = None,
    container_start: int | None = 0,
    container_length: int | None = None,
    running_clock: bool = False,
    edited: bool = False,
    absolute: bool = False,
) -> Declared:
    return Declared(
        time_base=Fraction(1, 90000),
        start=start,
        length=length,
        container_start=container_start,
        container_length=container_length,
        running_clock=running_clock,
        edited=edited,
        absolute=absolute,
    )


@pytest.mark.parametrize(
    ("times", "origin"),
    [
        pytest.param(declared(), 0, id="starts at zero"),
        pytest.param(declared(start=None, container_start=None), 0, id="says nothing"),
        pytest.param(declared(start=-900, container_start=-10_000), -900, id="starts before zero"),
        pytest.param(declared(start=450_000, container_start=5_000_000, edited=True), 0, id="late by an edit list"),
        pytest.param(declared(start=450_000, container_start=5_000_000), 0, id="a few seconds late"),
        pytest.param(
            declared(start=0, container_start=-23_000), 0, id="sound's run-in before zero does not move the picture"
        ),
        pytest.param(
            declared(start=9_000_000, container_start=100_000_000), 9_000_000, id="so late that it is a clock"
        ),
        pytest.param(
            declared(start=9_000_000, container_start=100_000_000, edited=True), 0, id="as late, but by an edit list"
        ),
        pytest.param(
            declared(start=133_200, container_start=1_400_000, running_clock=True),
            126_000,
            id="a transmission starts with its first stream",
        ),
        pytest.param(declared(start=-900, container_start=-10_000, running_clock=True), -900, id="a clock before zero"),
    ],
)
def test_a_player_shows_zero_at_the_origin(times: Declared, origin: int) -> None:
    assert times.origin() == origin


@pytest.mark.parametrize(
    ("times", "end"),
    [
        pytest.param(declared(start=900, length=90_000, container_length=9_000_000), 90_900, id="the stream's own"),
        pytest.param(
            declared(container_start=500_000, container_length=2_000_000), 225_000, id="the container's, from its start"
        ),
        pytest.param(
            declared(container_start=500_000, container_length=2_000_000, absolute=True),
            180_000,
            id="the container's, from zero",
        ),
        pytest.param(declared(length=0, container_length=1_000_000), 90_000, id="zero says nothing"),
        pytest.param(declared(length=-5, container_length=-1), None, id="negative says nothing"),
        pytest.param(declared(), None, id="nothing declared"),
    ],
)
def test_the_end_is_the_streams_before_the_containers(times: Declared, end: int | None) -> None:
    assert times.end() == end


def test_a_length_is_plausible_down_to_a_still_picture_and_not_further() -> None:
    assert is_plausible(Fraction(3600), 45_000)
    assert not is_plausible(Fraction(3601), 45_000)
    assert not is_plausible(Fraction(10**9, 30), 10**6)
    assert is_plausible(Fraction(7 * 86400), 10**12)
    assert not is_plausible(Fraction(7 * 86400 + 1), 10**12)
    assert not is_plausible(Fraction(0), 10**6)
    assert not is_plausible(Fraction(-3), 10**6)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=12, unique=True), st.data())
def test_loss_is_reported_for_the_frame_after_the_gap_and_only_there(times: list[int], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(times)))
    shown = sorted(set(times) - lost)
    watch = LossWatch(margin=0)
    for time in data.draw(st.permutations(times)):
        watch.sent(time, damaged=False)
    previous = None
    for time in shown:
        gap = any((previous is None or previous < gone) and gone < time for gone in lost)
        assert watch.shown(previous, time) == gap
        previous = time
    assert watch.left() == any(previous is None or gone > previous for gone in lost)


def test_a_damaged_frame_casts_doubt_on_the_gaps_at_both_its_sides() -> None:
    watch = LossWatch(margin=0)
    for time in (0, 40, 80, 120):
        watch.sent(time, damaged=time == 40)
    assert [watch.shown(before, time) for before, time in ((None, 0), (0, 40), (40, 80), (80, 120))] == [
        False,
        True,
        True,
        False,
    ]
    assert not watch.left()


def test_a_mark_of_damage_may_miss_its_place_by_the_margin() -> None:
    watch = LossWatch(margin=100)
    for time in (0, 40, 1000):
        watch.sent(time, damaged=time == 0)
    assert [watch.shown(before, time) for before, time in ((None, 0), (0, 40), (40, 1000))] == [True, True, True]
    watch.sent(1040, damaged=False)
    assert not watch.shown(1000, 1040)
    assert not watch.left()


def test_after_a_jump_only_the_damage_about_there_counts() -> None:
    watch = LossWatch(margin=100)
    watch.sent(0, damaged=True)
    watch.sent(40, damaged=False)
    watch.jump([930])
    for time in (1000, 1500, 2000):
        watch.sent(time, damaged=False)
    assert [watch.shown(before, time) for before, time in ((1000, 1000), (1000, 1500), (1500, 2000))] == [
        True,
        True,
        False,
    ]
    watch.sent(None, damaged=True)
    assert not watch.left()


def test_what_was_sent_before_starting_elsewhere_is_forgotten() -> None:
    watch = LossWatch(margin=100)
    watch.sent(0, damaged=True)
    watch.forget()
    assert not watch.left()


def test_the_latest_end_is_that_of_the_packet_that_ends_last() -> None:
    latest = LatestEnd(jump=1000)
    assert latest.end is None
    for start in (0, 120, 40, 80):
        latest.add(start, 40)
    assert latest.end == 160


def test_a_time_far_ahead_is_believed_where_the_file_declares_its_end() -> None:
    latest = LatestEnd(jump=1000, declared=20_000)
    for start in (0, 9000, 18_990, 10_000):
        latest.add(start, 40)
    assert latest.end == 19_030


@pytest.mark.parametrize(
    ("jump", "starts", "end"),
    [
        pytest.param(1000, [0, 40, 9000, 80, 120], 160, id="a single wrong time"),
        pytest.param(1000, [0, 40, 9000], 80, id="a wrong time at the very end"),
        pytest.param(1000, [0, 40, 9000, 9040, 9080], 9120, id="a long still picture, and on"),
        pytest.param(1000, [0, 40, 9000, 80, 9000, 120], 160, id="wrong times that do not follow each other"),
        pytest.param(None, [0, 40, 9000], 9040, id="a table of all packets"),
    ],
)
def test_a_single_time_far_ahead_is_not_the_end(jump: int | None, starts: list[int], end: int) -> None:
    latest = LatestEnd(jump)
    for start in starts:
        latest.add(start, 40)
    assert latest.end == end
