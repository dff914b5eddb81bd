"""Moments as people write them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.moments import deadline, moment, next_time

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-20T18:05", datetime(2026, 11, 20, 17, 5, tzinfo=UTC)),
        ("2026-11-20 18:05:30+00:00", datetime(2026, 11, 20, 18, 5, 30, tzinfo=UTC)),
        (" 2026-07-01T00:00 ", datetime(2026, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_the_zone_unless_it_names_its_own(written: str, expected: datetime) -> None:
    assert moment(written, VIENNA) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("23:00", datetime(2026, 11, 20, 22, tzinfo=UTC)),
        ("06:00", datetime(2026, 11, 21, 5, tzinfo=UTC)),
        ("22:30", datetime(2026, 11, 21, 21, 30, tzinfo=UTC)),  # now is not later than now
        ("+90m", NOW + timedelta(minutes=90)),
        ("+2d", NOW + timedelta(days=2)),
        ("2026-11-25T12:00", datetime(2026, 11, 25, 11, tzinfo=UTC)),
    ],
)
def test_a_deadline_is_a_clock_time_a_span_or_a_moment(written: str, expected: datetime) -> None:
    assert deadline(written, VIENNA, NOW) == expected


@pytest.mark.parametrize(
    "written", ["soon", "25:00", "6:00", "+6", "-6h", "", "2026-02-30T10:00", "9999-12-31T23:59:59Z"]
)
def test_what_is_no_deadline_is_told_with_examples(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no deadline; write it like 06:00, \+6h or"):
        deadline(written, VIENNA, NOW)


@given(st.times(), st.integers(0, 20 * 365 * 86_400))
def test_the_next_time_is_later_shows_on_the_clock_and_is_near(clock: time, second: int) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    found = next_time(clock, VIENNA, now).astimezone(UTC)
    # A day on which the clocks are changed has up to 25 hours.
    assert timedelta(0) < found - now <= timedelta(hours=25)
    shown = found.astimezone(VIENNA).replace(tzinfo=None)
    skipped = shown.date().month == 3 and shown.hour == 3
    assert shown.time() == clock or skipped, "in spring the clock does not show 02:30"


@pytest.mark.parametrize("written", ["0001-01-01T00:00", "1899-12-31T23:59Z", "3000-01-01", "9999-12-31T23:59:59Z"])
def test_a_moment_of_another_age_is_none(written: str) -> None:
    """In other zones it would be before the first or after the last day that there is a word for."""
    with pytest.raises(ValueError, match="is none of 1900 to 2999"):
        moment(written, VIENNA)
