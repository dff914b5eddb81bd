"""What tasks do while the ledger is out of reach: nothing, and they say so in one line."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import structlog

from config.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_Arguments = ParamSpec("_Arguments")


def needs_ledger(task: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """A task that ends without a fault where the ledger is out of reach: the sweep asks again when it is back."""

    @wraps(task)
    def tried(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            task(*args, **kwargs)
        except DatabaseUnavailable as error:
            log.warning("ledger out of reach", task=task.__name__, detail=str(error))

    return tried
