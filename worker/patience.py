"""Waiting for a database or a store that restarts: what a worker has computed for a minute is worth some patience."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from config.errors import DatabaseUnavailable, StorageUnavailable

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


def patiently(do: Callable[[], _Result], patience: float) -> _Result:
    """What `do` returns; called again and again while the database, or the store, is out of reach.

    Args:
        do: a whole transaction, or the writing of a whole object.
        patience: seconds after which to give up.

    Raises:
        DatabaseUnavailable, StorageUnavailable: it was out of reach for all that time.
    """
    end = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return do()
        except (DatabaseUnavailable, StorageUnavailable) as error:
            if time.monotonic() + pause > end:
                raise
            log.warning("out of reach, waiting", detail=str(error))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
