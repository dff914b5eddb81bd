"""Retention: what is older than the settings allow is deleted for good, a little at a time."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from config.settings import Settings
from crops.collecting import collect
from crops.repacking import thin
from db import erasure, leases, removal
from db.leases import Clock
from db.session import Database, Session

log = structlog.get_logger(__name__)

_VIDEOS_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Expired:
    """How much was deleted; `packs` of pictures that show nobody any more, whatever that comes from."""

    videos: int
    crops: int
    frames: int
    tries: int
    packs: int = 0


def expire(database: Database, settings: Settings, clock: Clock = leases.utc_now) -> Expired:
    """Delete what is too old. May be ended at any moment, and begun anew.

    Packs of pictures whose store is out of reach stay for the next time.
    """
    kept, now = settings.retention, clock()
    videos = _all(database, kept.videos, now, _remove_videos)
    crops = _thin_ledger(database, kept.crops, now)
    if kept.crops:
        crops += thin(database, settings.storage, now - timedelta(days=kept.crops))
    expired = Expired(
        videos=videos,
        crops=crops,
        frames=_all(database, kept.frames, now, removal.expire_frames),
        tries=_all(database, kept.tries, now, removal.expire_tries),
        packs=collect(database, settings.storage, clock).packs,
    )
    if videos or crops:
        erasure.settle(database)
    if expired != Expired(0, 0, 0, 0):
        log.info("expired", **asdict(expired))
    return expired


def _thin_ledger(database: Database, days: int, now: datetime) -> int:
    """Delete pictures in the ledger that are nobody's best, of one old video after the other; 0 days: none is too old.

    Each video is gone through once, and no writer waits for that.
    """
    total = 0
    if not days:
        return total
    with database.reading() as session:
        old = removal.with_crops(session, now - timedelta(days=days))
    for first in range(0, len(old), _VIDEOS_AT_ONCE):
        with database.reading() as session:
            spare = removal.spare_crops(session, old[first : first + _VIDEOS_AT_ONCE])
        for start in range(0, len(spare), removal.AT_ONCE):
            with database.writing() as session:
                total += removal.drop_crops(session, spare[start : start + removal.AT_ONCE])
    return total


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
