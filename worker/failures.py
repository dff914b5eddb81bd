"""What becomes of a piece of work whose try has failed: tried again, put off, failed for good, or put in quarantine.

permanent   it lies in the file: another try would end the same        failed at once
temporary   another try, perhaps elsewhere, may end otherwise          again after a pause, `work.attempts` times
outage      storage, disk or a server failed, not the file             again after a pause, the try does not count
"""

import errno
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from config.errors import LeaseLost, RollcallError
from db import arrivals, finishing, leases, segments
from db.leases import Claim
from db.schema import Arrival, Segment
from db.session import Session
from worker.process import WorkerProcess

log = structlog.get_logger(__name__)

_LONGEST_DETAIL: Final = 1000
_OF_THE_MACHINE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EMFILE, errno.ENFILE}
)
"""What no file can do: its disk is full or gone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try has failed, and whether another one may end otherwise."""

    cause: str
    detail: str
    permanent: bool
    outage: bool


def judge(error: Exception) -> Failure:
    """What an error says about the piece of work that it ended."""
    if isinstance(error, RollcallError):
        return Failure(error.code, _storable(str(error)), error.permanent, error.outage)
    detail = _storable(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return Failure("outage", detail, permanent=False, outage=True)
    return Failure("fault", detail, permanent=False, outage=False)


def write(process: WorkerProcess, held: Claim, failure: Failure) -> bool:
    """Write the end of a failed try; whether the video waits to be finished now, this having been its last segment."""
    try:
        return process.write(lambda session: _write(session, process, held, failure))
    except LeaseLost:
        log.warning("lease lost, failure dropped")
        return False


def _write(session: Session, process: WorkerProcess, held: Claim, failure: Failure) -> bool:
    now = leases.utc_now()
    told = {"cause": failure.cause, "detail": failure.detail}
    excused = leases.excuses(session, held) + failure.outage
    if not failure.permanent and process.allowed.holds(held.attempt, excused):
        pause = _pause(process.settings.work.retry_delay, excused if failure.outage else held.attempt - excused)
        leases.give_back(session, held, not_before=now + pause, excused=failure.outage, **told)
        return False
    if held.table is Arrival:
        arrivals.refuse(session, held, **told)
        return False
    if held.table is Segment:
        return segments.fail(session, held, permanent=failure.permanent, **told)
    finishing.fail(session, held, permanent=failure.permanent, now=now, **told)
    return False


def _pause(delay: float, times: int) -> timedelta:
    """Twice as long after each further try of its kind."""
    return min(timedelta(seconds=delay * 2 ** min(max(0, times - 1), 20)), leases.LONGEST_PAUSE)


def _storable(text: str) -> str:
    """What PostgreSQL takes as text, of a length that people read."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode()[:_LONGEST_DETAIL]
