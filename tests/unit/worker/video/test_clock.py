"""Clocks that jump, on plain numbers."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.facts import ClockPiece
from worker.video.clock import Clock, Look, PieceFinder, byte_before, may_jump

TURN = 1 << 33
SECOND = 90_000
STEP = SECOND // 25
HOUR = 3600 * SECOND
BYTES = 1000  # of a packet


def found(times: list[int]) -> list[ClockPiece]:
    """The pieces of a file whose packets have these times."""
    finder = PieceFinder(STEP)
    for number, time in enumerate(times):
        finder.add(time, number * BYTES)
    return finder.pieces


def continued(times: list[int]) -> list[int]:
    clock = Clock(found(times))
    return [clock.continued(time, number * BYTES) for number, time in enumerate(times)]


def run(start: int, count: int, step: int = STEP) -> list[int]:
    return [start + step * number for number in range(count)]


def is_jump(way: int) -> bool:
    """Whether a clock that should advance by a step jumps, if it advances so far."""
    short = (way + TURN // 2) % TURN - TURN // 2
    return short < -SECOND or short > HOUR + SECOND


clocks = st.integers(0, TURN - 1)


@given(st.lists(st.tuples(clocks, st.integers(2, 50)), min_size=1, max_size=6))
def test_time_goes_on_through_all_pieces_whatever_their_clocks_say(parts: list[tuple[int, int]]) -> None:
    kept = [parts[0]]
    for start, count in parts[1:]:
        before = kept[-1]
        if is_jump(start - before[0] - STEP * before[1]):
            kept.append((start, count))
    times = [time for start, count in kept for time in run(start, count)]
    pieces = found([time % TURN for time in times])
    assert len(pieces) == len(kept)
    assert continued([time % TURN for time in times]) == run(kept[0][0], len(times))


@given(clocks, clocks, st.integers(2, 50), st.integers(-30 * SECOND, 30 * SECOND))
def test_a_packet_is_placed_by_its_byte_and_not_by_its_order(first: int, second: int, count: int, delay: int) -> None:
    if not is_jump(second - first - STEP * count):
        return
    clock = Clock(found(run(first, count) + run(second, count)))
    # Presentation times and those of other places in the piece need not ascend.
    later = clock.continued((second + delay) % TURN, count * BYTES)
    assert later == first + STEP * count + delay
    assert clock.continued(first, 0) == first


@given(st.integers(1, 39), st.integers(1, TURN - 1), st.sampled_from([STEP, SECOND, 5 * SECOND, 60 * SECOND]))
def test_a_single_wrong_time_changes_nothing_of_the_others(place: int, far: int, step: int) -> None:
    times = run(0, 60, step)
    wrong = [*times[:place], (times[place] + far) % TURN, *times[place + 1 :]]
    assert found(wrong) == [ClockPiece(0, 0, 0)]


@given(st.integers(0, 25), st.integers(0, 25))
def test_the_first_picture_of_a_piece_is_shown_when_the_last_one_before_has_ended(before: int, after: int) -> None:
    finder = PieceFinder(STEP)
    for number, time in enumerate(run(0, 10)):
        finder.add(time, number * BYTES, before * STEP)
    for number, time in enumerate(run(5 * HOUR, 10)):
        finder.add(time, (10 + number) * BYTES, after * STEP)
    # But never is it decoded before the last one.
    assert finder.pieces[1].continued == max(STEP * (10 + before - after), STEP * 9 + 1)


@pytest.mark.parametrize(
    ("way", "pieces"),
    [
        pytest.param(STEP, 1, id="the next picture"),
        pytest.param(-SECOND // 3, 1, id="a few pictures too many at a cut"),
        pytest.param(-SECOND, 2, id="a second back"),
        pytest.param(-5 * HOUR, 2, id="hours back"),
        pytest.param(5 * SECOND, 1, id="a gap of seconds"),
        pytest.param(HOUR // 2, 1, id="a gap of half an hour, in which pictures were lost"),
        pytest.param(2 * HOUR, 2, id="hours ahead: another clock"),
    ],
)
def test_what_is_a_jump(way: int, pieces: int) -> None:
    start = 7 * HOUR
    assert len(found([*run(start, 10), *run(start + STEP * 9 + way, 10)])) == pieces


@pytest.mark.parametrize("step", [SECOND, 5 * SECOND])
@pytest.mark.parametrize("way", [-5 * HOUR, 2 * HOUR])
def test_clocks_of_slow_pictures_jump_as_well(way: int, step: int) -> None:
    start = 7 * HOUR
    times = [*run(start, 10, step), *run(start + step * 9 + way, 10, step)]
    assert continued(times) == [*run(start, 10, step), *run(start + step * 9 + STEP, 10, step)]


def test_a_gap_before_a_jump_stays_a_gap() -> None:
    times = [*run(0, 10), *run(10 * SECOND, 10), *run(0, 10)]
    assert continued(times) == [*run(0, 10), *run(10 * SECOND, 20)]


@given(clocks, st.sampled_from([600 * SECOND, HOUR // 2]))
def test_a_clock_that_turns_more_than_once_goes_on(start: int, step: int) -> None:
    times = run(start, 60 * HOUR // step, step)
    looks = looked(times)
    assert continued([look.ticks for look in looks]) == times
    passing = PieceFinder(STEP)
    passing.add(*looks[0])
    for look in looks[1:]:
        passing.pass_over(look)
    clock = Clock(passing.pieces)
    assert [clock.continued(*look) for look in looks] == times


def test_a_time_belongs_to_the_bytes_of_its_piece() -> None:
    clock = Clock([ClockPiece(0, 50, 50), ClockPiece(4000, 7, 1050), ClockPiece(9000, 7, 2050)])
    assert [clock.span(ticks, 12_000) for ticks in (-5, 50, 1049, 1050, 2049, 2050, 10**9)] == [
        (0, 4000),
        (0, 4000),
        (0, 4000),
        (4000, 9000),
        (4000, 9000),
        (9000, 12_000),
        (9000, 12_000),
    ]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200), st.integers(0, 10**8), st.data())
def test_a_byte_before_a_time_is_found_and_not_far_before_it(sizes: list[int], ticks: int, data: st.DataObject) -> None:
    positions = [0, *accumulate(sizes)]
    times = sorted(data.draw(st.lists(st.integers(0, 10**8), min_size=len(sizes), max_size=len(sizes))))
    packets = [Look(*packet) for packet in zip(times, positions, strict=False)]

    def look(byte: int) -> Look | None:
        return next((packet for packet in packets if packet.position >= byte), None)

    byte = byte_before(ticks, 0, positions[-1], look)
    here, farther = look(byte), look(byte + (1 << 18))
    assert byte == 0 or (here is not None and here.ticks <= ticks and here.position == byte)
    assert farther is None or farther.ticks > ticks


def looked(times: list[int]) -> list[Look]:
    return [Look(time % TURN, number * BYTES) for number, time in enumerate(times)]


@given(clocks, st.lists(st.integers(20 * SECOND, 60 * SECOND), min_size=1, max_size=255))
def test_looks_at_a_clock_that_runs_on_show_no_jump(start: int, ways: list[int]) -> None:
    assert may_jump(looked([*accumulate(ways, initial=start)])) == [False] * len(ways)


@given(clocks, clocks, st.integers(2, 100), st.integers(2, 100))
def test_looks_at_two_clocks_show_where_it_jumps(first: int, second: int, before: int, after: int) -> None:
    looks = [*run(first, before, 20 * SECOND), *run(second, after, 20 * SECOND)]
    way = (second - looks[before - 1] + TURN // 2) % TURN - TURN // 2
    if not -SECOND <= way <= HOUR:
        assert [number for number, may in enumerate(may_jump(looked(looks))) if may] == [before - 1]


def test_no_looks_no_jump() -> None:
    assert may_jump([]) == []
    assert may_jump(looked([5])) == []


def test_pieces_are_limited() -> None:
    finder = PieceFinder(STEP)
    for number in range(10_500):
        for time in run(number % 2 * 5 * HOUR, 2):
            finder.add(time, number * BYTES)
    assert len(finder.pieces) == 10_000
    assert all(one.continued < other.continued for one, other in pairwise(finder.pieces))
