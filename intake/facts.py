"""What is known of an upload beside its content: from texts as people write them, by name."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from config import moments
from config.night_settings import ScheduleSettings
from db.facts import UploadFacts
from db.schema import Priority

KEYS: Final = ("channel", "recorded", "priority", "deadline")
_LONGEST_CHANNEL: Final = 200


def facts(told: Mapping[str, str | None], zone: tzinfo, now: datetime) -> UploadFacts:
    """Facts from texts by name.

    Args:
        told: texts by the names in `KEYS`; None and what is missing are not told.
        zone: of times that name none.
        now: that a deadline may count from.

    Raises:
        ValueError: one of them is off; the text says which to people.
    """
    recorded, until = told.get("recorded"), told.get("deadline")
    return UploadFacts(
        channel=_channel(told.get("channel")),
        recorded_at=None if recorded is None else moments.moment(recorded, zone),
        priority=_priority(told.get("priority")),
        deadline=None if until is None else moments.deadline(until, zone, now),
    )


def _channel(written: str | None) -> str | None:
    """Its name, without the spaces around it; None where there is none.

    Raises:
        ValueError: it is too long, or cannot be printed.
    """
    name = (written or "").strip()
    if len(name) > _LONGEST_CHANNEL or not name.isprintable():
        raise ValueError(f"channel {name[:40]!r} is longer than {_LONGEST_CHANNEL} letters or cannot be printed")
    return name or None


def _priority(written: str | None) -> Priority | None:
    """By its name.

    Raises:
        ValueError: there is none of that name.
    """
    if written is None:
        return None
    try:
        return Priority[written.strip().upper()]
    except KeyError:
        raise ValueError(
            f"{written!r} is no priority; there are {', '.join(one.name.lower() for one in Priority)}"
        ) from None


def by_default(schedule: ScheduleSettings, now: datetime) -> UploadFacts:
    """Of an upload that nothing is told of: in time for the night that follows it."""
    zone = schedule.time_zone
    night = moments.next_time(schedule.nightly_time, zone, now)
    return UploadFacts(priority=Priority.NORMAL, deadline=moments.next_time(schedule.deadline_time, zone, night))
