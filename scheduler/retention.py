"""Retention: what is older than the settings allow is deleted for good, a little at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from config.settings import Settings
from db import erasure, leases, removal
from db.leases import Clock
from db.session import Database, Session

log = structlog.get_logger(__name__)

_VIDEOS_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Expired:
    """How much was deleted."""

    videos: int
    crops: int
    frames: int
    tries: int


def expire(database: Database, settings: Settings, clock: Clock = leases.utc_now) -> Expired:
    """Delete what is too old. May be ended at any moment, and begun anew."""
    kept, now = settings.retention, clock()
    expired = Expired(
        videos=_all(database, kept.videos, now, _remove_videos),
        crops=_all(database, kept.crops, now, removal.expire_crops),
        frames=_all(database, kept.frames, now, removal.expire_frames),
        tries=_all(database, kept.tries, now, removal.expire_tries),
    )
    if expired.videos or expired.crops:
        erasure.settle(database)
    if expired != Expired(0, 0, 0, 0):
        log.info("expired", videos=expired.videos, crops=expired.crops, frames=expired.frames, tries=expired.tries)
    return expired


def _all(database: Database, days: int, now: datetime, some: Callable[[Session, datetime], int]) -> int:
    """Delete in one transaction after the other until nothing is left; 0 days: nothing is too old."""
    total = 0
    while days:
        with database.writing() as session:
            found = some(session, now - timedelta(days=days))
        if not found:
            break
        total += found
    return total


def _remove_videos(session: Session, before: datetime) -> int:
    old = removal.ended_before(session, before, _VIDEOS_AT_ONCE)
    removal.remove(session, old)
    return len(old)
