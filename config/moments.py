"""Moments as people write them: of recordings and of deadlines."""

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_FROM_NOW: Final = re.compile(r"\+(\d{1,5})(m|h|d)")
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2999
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def moment(written: str, zone: tzinfo) -> datetime:
    """A date and time in ISO 8601, e.g. `2026-11-20T18:05`; in the given zone where it names none.

    Raises:
        ValueError: it is none; the text says so to people.
    """
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError:
        raise ValueError(f"{written!r} is no date and time; write it like 2026-11-20T18:05") from None
    return in_zone(found, zone)


def in_zone(found: datetime, zone: tzinfo) -> datetime:
    """With a zone: its own, or the given one where it has none.

    Raises:
        ValueError: it lies in another age: near the ends of time, other zones have no word for it.
    """
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"the year {found.year} is none of {_FIRST_YEAR} to {_LAST_YEAR}")
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def deadline(written: str, zone: tzinfo, now: datetime) -> datetime:
    """A deadline: `06:00` (when the clock shows that next), `+6h` (also `m` and `d`, from now), or a date and time.

    Raises:
        ValueError: it is none; the text says so to people.
    """
    text = written.strip()
    if _CLOCK.fullmatch(text):
        return next_time(time.fromisoformat(text), zone, now)
    if found := _FROM_NOW.fullmatch(text):
        return now + timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        return moment(text, zone)
    except ValueError:
        raise ValueError(f"{written!r} is no deadline; write it like 06:00, +6h or 2026-11-21T06:00") from None


def last_time(clock: time, zone: tzinfo, now: datetime) -> datetime:
    """When the clock of a zone showed a time last, now at the latest."""
    local = now.astimezone(zone)
    found = datetime.combine(local.date(), clock, zone)
    return found if found <= now else datetime.combine(local.date() - timedelta(days=1), clock, zone)


def next_time(clock: time, zone: tzinfo, now: datetime) -> datetime:
    """When the clock of a zone shows a time next, later than now."""
    local = now.astimezone(zone)
    found = datetime.combine(local.date(), clock, zone)
    return found if found > now else datetime.combine(local.date() + timedelta(days=1), clock, zone)
