"""Crops on their way into a pack: first the ledger knows of it, then it is written, then its faces are recorded.

Whatever ends in between leaves a pack that no face refers to, and that the ledger knows: `crops.collecting` deletes it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog

from config.errors import DatabaseUnavailable, StorageUnavailable
from config.storage_settings import StorageSettings
from db import leases, packs
from db.packs import Pack
from db.session import Database
from storage.base import Store
from storage.opening import store_at

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")


class Patience(Protocol):
    """Calls something again while what it needs is out of reach, or does not."""

    def __call__(self, do: Callable[[], _Result]) -> _Result:
        """What `do` returns."""


def at_once(do: Callable[[], _Result]) -> _Result:
    """No patience."""
    return do()


@contextmanager
def packed(
    jpegs: Sequence[bytes],
    database: Database,
    settings: StorageSettings,
    longest: float,
    patience: Patience = at_once,
) -> Iterator[Pack | None]:
    """A pack of pictures for the block that records whom they show; None where the ledger is to keep them.

    Args:
        jpegs: the pictures.
        database: the ledger.
        settings: where packs go.
        longest: seconds after which the writer is sure to have ended.
        patience: of writing the intent, and the object.

    Raises:
        StorageUnavailable: the store cannot be reached.
    """
    if not settings.crops or not jpegs:
        yield None
        return
    store = store_at(settings.crops, settings)
    pack = patience(lambda: _begun(database, settings.crops, jpegs, longest))
    try:
        patience(lambda: store.write(pack.name, b"".join(jpegs)))
        yield pack
    except StorageUnavailable:
        # It cannot be deleted either; perhaps it was not even written.
        raise
    except Exception:
        _give_up(database, store, pack)
        raise


def _begun(database: Database, root: str, jpegs: Sequence[bytes], longest: float) -> Pack:
    until = leases.utc_now() + timedelta(seconds=longest)
    with database.writing() as session:
        return packs.begin(session, root, [len(jpeg) for jpeg in jpegs], until)


def _give_up(database: Database, store: Store, pack: Pack) -> None:
    """Delete a pack unless it was recorded after all: a commit may have come through whose answer was lost."""
    try:
        with database.writing() as session:
            garbage = packs.drop(session, pack)
        if garbage:
            store.remove([pack.name])
            with database.writing() as session:
                packs.forget(session, [pack.name])
    except (DatabaseUnavailable, StorageUnavailable) as error:
        log.warning("pack of pictures left for retention", pack=pack.name, detail=str(error))
