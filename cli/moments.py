"""Points in time, as the commands tell them."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_NEAR: Final = timedelta(minutes=10)


def told_moment(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The time of day in a zone; to the second where it is near, with the date where that is not today's."""
    local = moment.astimezone(zone)
    told = f"{local:%H:%M:%S}" if abs(moment - now) < _NEAR else f"{local:%H:%M}"
    return told if local.date() == now.astimezone(zone).date() else f"{told} on {local:%-d %b}"
