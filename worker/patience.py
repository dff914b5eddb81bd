"""Waiting for a database that restarts: what a worker has computed for a minute is worth some patience."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from config.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


def patiently(do: Callable[[], _Result], patience: float) -> _Result:
    """What `do`, a whole transaction, returns; called again and again while the database is out of reach.

    Args:
        do: the transaction.
        patience: seconds after which to give up.

    Raises:
        DatabaseUnavailable: it was out of reach for all that time.
    """
    end = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return do()
        except DatabaseUnavailable as error:
            if time.monotonic() + pause > end:
                raise
            log.warning("ledger out of reach, waiting", detail=str(error))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
