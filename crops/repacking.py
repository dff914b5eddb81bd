"""Crops that are written anew: the best of old videos, without the others; or all of them, in another place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from config.errors import Conflict, LeaseLost, StorageUnavailable
from config.storage_settings import StorageSettings
from crops.reading import read_all
from crops.writing import packed
from db import repacking
from db.repacking import Repacking
from db.session import Database, Session
from storage.parts import Part

log = structlog.get_logger(__name__)

_LONGEST: Final = 3600.0
"""Seconds after which writing one pack is sure to have ended."""
_MOVED_AT_ONCE: Final = 2000
"""Crops of one pack: some 10 MB."""


@dataclass(slots=True)
class _Repacker:
    database: Database
    settings: StorageSettings
    trouble: dict[str, StorageUnavailable] = field(default_factory=dict)
    """Of stores that are not asked again, by their roots."""

    def repack(self, plan: Callable[[Session], Repacking]) -> tuple[Repacking, int] | None:
        """What was planned, and how much of what stays was written anew; None where a store is in the way.

        Raises:
            Conflict, LeaseLost: the video has changed meanwhile, or writing took too long; nothing was changed.
        """
        with self.database.reading() as session:
            planned = plan(session)
        roots = {crop.root for crop in planned.staying.values() if isinstance(crop, Part)}
        written = {self.settings.crops} if planned.staying else set()
        if (roots | written) & self.trouble.keys():
            return None
        try:
            read = read_all(planned.staying, self.settings)
        except StorageUnavailable as error:
            self._leave(planned, roots, error)
            return None
        try:
            packing = packed(list(read.values()), self.database, self.settings, _LONGEST)
            with packing as pack, self.database.writing() as session:
                repacking.write(session, planned, plan, read, pack)
        except StorageUnavailable as error:
            self._leave(planned, written, error)
            return None
        return planned, len(read)

    def _leave(self, planned: Repacking, roots: set[str], error: StorageUnavailable) -> None:
        log.warning("pictures out of reach", video=planned.video_id, detail=str(error))
        self.trouble |= dict.fromkeys(roots, error)


def thin(database: Database, settings: StorageSettings, before: datetime) -> int:
    """Let crops in packs go of videos that were finished before, but for the best ones; how many.

    Where a store is out of reach, and of videos that change at this moment, they stay for the next time.
    """
    with database.reading() as session:
        waiting = repacking.to_thin(session, before)
    repacker, gone = _Repacker(database, settings), 0
    for video_id in waiting:
        try:
            done = repacker.repack(partial(repacking.thinning, video_id=video_id, before=before))
        except (Conflict, LeaseLost) as error:
            log.info("pictures kept for now", video=video_id, detail=str(error))
        else:
            gone += len(done[0].going) if done else 0
    return gone


@dataclass(frozen=True, slots=True)
class Moved:
    """How many crops are where they are to be now, of how many videos some are not, and what was in the way."""

    crops: int
    left: int
    trouble: StorageUnavailable | None


def move(
    database: Database, settings: StorageSettings, on_video: Callable[[int, int], None] = lambda _done, _all: None
) -> Moved:
    """Write all crops of videos with names where new ones go. May be ended at any moment, and begun anew.

    Args:
        database: the ledger.
        settings: where new ones go.
        on_video: called with how many videos are done, and how many there are.
    """
    with database.reading() as session:
        waiting = repacking.to_move(session, settings.crops)
    repacker, moved = _Repacker(database, settings), 0
    for number, video_id in enumerate(waiting, start=1):
        try:
            moved += _move(repacker, video_id)
        except (Conflict, LeaseLost) as error:
            log.info("pictures left for now", video=video_id, detail=str(error))
        on_video(number, len(waiting))
    with database.reading() as session:
        left = len(repacking.to_move(session, settings.crops))
    return Moved(moved, left, next(iter(repacker.trouble.values()), None))


def _move(repacker: _Repacker, video_id: int) -> int:
    moved, after = 0, 0
    while True:
        plan = partial(
            repacking.moving, video_id=video_id, root=repacker.settings.crops, after=after, most=_MOVED_AT_ONCE
        )
        done = repacker.repack(plan)
        if done is None or not done[0].staying:
            return moved
        after = max(done[0].staying)
        moved += done[1]
