"""Garbage: packs that show nobody any more, found from the ledger alone. The object goes first, then the row."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from config.errors import StorageUnavailable
from config.storage_settings import StorageSettings
from db import leases, packs
from db.leases import Clock
from db.session import Database
from storage.opening import store_at

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Collected:
    """How many packs were deleted, and whose were out of reach: why, by the store's root."""

    packs: int
    trouble: Mapping[str, StorageUnavailable]


def collect(database: Database, settings: StorageSettings, clock: Clock = leases.utc_now) -> Collected:
    """Delete packs that show nobody. May be ended at any moment, begun anew, and done by several at once."""
    with database.reading() as session:
        unused = packs.unused(session)
    with database.writing() as session:
        packs.drop_unused(session, unused, clock())
    with database.reading() as session:
        dropped = packs.dropped(session)
    deleted = 0
    trouble: dict[str, StorageUnavailable] = {}
    for root, names in dropped.items():
        try:
            store_at(root, settings).remove(names.values())
        except StorageUnavailable as error:
            log.warning("pictures out of reach", packs=len(names), detail=str(error))
            trouble[root] = error
            continue
        with database.writing() as session:
            packs.forget(session, list(names.values()))
        deleted += len(names)
    return Collected(deleted, trouble)
