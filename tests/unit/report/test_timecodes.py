"""Exact times as people read them."""

import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.timecodes import amount, clock, decimal, milliseconds, span, ticks, timecode, whole

LENGTHS = st.fractions(min_value=Fraction(1, 1000), max_value=14 * 86400, max_denominator=90000)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (Fraction(0), "00:00:00.000"),
        (Fraction(1001, 30000), "00:00:00.033"),
        (Fraction(62345, 1000), "00:01:02.345"),
        (Fraction(599_996, 10_000), "00:01:00.000"),
        (Fraction(100 * 3600), "100:00:00.000"),
    ],
)
def test_timecode(seconds: Fraction, shown: str) -> None:
    assert timecode(seconds) == shown


def test_there_is_no_timecode_before_the_beginning() -> None:
    with pytest.raises(ValueError, match="no time code"):
        timecode(Fraction(-1, 1000))


@given(st.fractions(min_value=0, max_value=200 * 3600))
def test_a_timecode_is_the_nearest_millisecond(seconds: Fraction) -> None:
    match = re.fullmatch(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})", timecode(seconds))
    assert match
    hours, minutes, rest, thousandths = map(int, match.groups())
    read = Fraction(hours * 3_600_000 + minutes * 60_000 + rest * 1000 + thousandths, 1000)
    assert abs(read - seconds) <= Fraction(1, 2000)
    assert decimal(seconds) == float(read)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (Fraction(5), "0:05"),
        (Fraction(62345, 1000), "1:02.345"),
        (Fraction(7384), "2:03:04"),
        (Fraction(-40, 1000), "−0:00.040"),
        (Fraction(-1, 10000), "0:00"),
    ],
)
def test_clock(seconds: Fraction, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_span_of_one_instant_is_one_time() -> None:
    assert span(Fraction(12), Fraction(12)) == "0:12"
    assert span(Fraction(12), Fraction(18)) == "0:12 – 0:18"
    # Differences below what is shown are none.
    assert span(Fraction(12), Fraction(12) + Fraction(1, 10000)) == "0:12"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (Fraction(0), "0 s"),
        (Fraction(45, 10), "4.5 s"),
        (Fraction(996, 100), "10 s"),
        (Fraction(42), "42 s"),
        (Fraction(599, 10), "1 min 00 s"),
        (Fraction(187), "3 min 07 s"),
        (Fraction(35999, 10), "1 h 00 min"),
        (Fraction(7500), "2 h 05 min"),
        (Fraction(86400), "24 h 00 min"),
    ],
)
def test_amount(seconds: Fraction, shown: str) -> None:
    assert amount(seconds) == shown


def test_whole_seconds_are_those_that_a_player_shows() -> None:
    assert whole(Fraction(2999, 1000)) == 2
    assert milliseconds(whole(Fraction(0))) == 0


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (20, ["0:00", "0:05", "0:10", "0:15", "0:20"]),
        (60, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00"]),
        (600, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (5400, ["0:00:00", "0:15:00", "0:30:00", "0:45:00", "1:00:00", "1:15:00", "1:30:00"]),
        (86400, ["0 h", "3 h", "6 h", "9 h", "12 h", "15 h", "18 h", "21 h", "24 h"]),
    ],
)
def test_ticks_that_people_count_in(length: int, labels: list[str]) -> None:
    assert [label for _, label in ticks(Fraction(length), 8)] == labels


@given(LENGTHS, st.integers(min_value=1, max_value=20))
def test_ticks_are_few_even_and_inside(length: Fraction, most: int) -> None:
    made = ticks(length, most)
    instants = [instant for instant, _ in made]
    assert instants[0] == 0
    assert len(made) <= most + 1
    assert instants[-1] <= length
    assert len({label for _, label in made}) == len(made)
    assert len({b - a for a, b in pairwise(instants)}) <= 1


def test_an_axis_of_no_length_has_one_tick() -> None:
    assert ticks(Fraction(0), 8) == [(Fraction(0), "0:00")]
