"""Crops that are kept no longer than the settings say, though their video is: their packs are written anew without."""

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from config.errors import Conflict, LeaseLost, StorageUnavailable
from config.storage_settings import StorageSettings
from crops.reading import read_all
from crops.writing import packed
from db import repacking
from db.session import Database

log = structlog.get_logger(__name__)

_LONGEST = 3600.0
"""Seconds after which writing one video's pack is sure to have ended."""


@dataclass(slots=True)
class _Thinner:
    database: Database
    settings: StorageSettings
    before: datetime
    unreachable: set[str] = field(default_factory=set)
    """Roots of stores that are not asked again."""

    def thin(self, video_id: int) -> int:
        """How many crops of a video have gone; 0 where a store is in the way.

        Raises:
            Conflict, LeaseLost: it has changed meanwhile, or writing took too long; nothing was changed.
        """
        with self.database.reading() as session:
            planned = repacking.thinning(session, video_id, self.before)
        roots = {part.root for part in planned.staying.values()}
        written = {self.settings.crops} if roots else set()
        if (roots | written) & self.unreachable:
            return 0
        try:
            read = read_all(planned.staying, self.settings)
        except StorageUnavailable as error:
            return self._keep(video_id, roots, error)
        try:
            packing = packed(list(read.values()), self.database, self.settings, _LONGEST)
            with packing as pack, self.database.writing() as session:
                repacking.thin(session, planned, self.before, read, pack)
        except StorageUnavailable as error:
            return self._keep(video_id, written, error)
        return len(planned.going)

    def _keep(self, video_id: int, roots: set[str], error: StorageUnavailable) -> int:
        log.warning("pictures out of reach", video=video_id, detail=str(error))
        self.unreachable |= roots
        return 0


def thin(database: Database, settings: StorageSettings, before: datetime) -> int:
    """Let crops in packs go of videos that were finished before, but for the best ones; how many.

    Where a store is out of reach, and of videos that change at this moment, they stay for the next time.
    """
    with database.reading() as session:
        waiting = repacking.to_thin(session, before)
    thinner, gone = _Thinner(database, settings, before), 0
    for video_id in waiting:
        try:
            gone += thinner.thin(video_id)
        except (Conflict, LeaseLost) as error:
            log.info("pictures kept for now", video=video_id, detail=str(error))
    return gone
