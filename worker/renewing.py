"""Keeping a lease while the work goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from config.errors import DatabaseUnavailable, LeaseLost
from db import chores, leases
from db.leases import Claim
from worker import watchdog
from worker.process import WorkerProcess

log = structlog.get_logger(__name__)


def renewer(process: WorkerProcess, held: Claim) -> Callable[[], None]:
    """A call that keeps the lease while samples come, writing at most three times a lease.

    While the ledger is out of reach the work goes on: nobody else can claim it either, and when it is recorded, the
    claim must hold.
    """
    lease = process.settings.work.lease
    due = time.monotonic() + lease / 3

    def renew() -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        try:
            _renew(process, held)
        except DatabaseUnavailable as error:
            log.warning("lease not renewed", detail=str(error))
        due = time.monotonic() + lease / 3

    return renew


@contextmanager
def kept(process: WorkerProcess, held: Claim) -> Iterator[None]:
    """Renew a lease from beside the work: grouping a long video takes minutes without a pause to renew it in.

    Not for scanning: there a decoder that hangs must lose its lease.
    """

    def renew() -> None:
        _renew(process, held)

    with _beside(process, renew):
        yield


@contextmanager
def alone(process: WorkerProcess, chore: str) -> Iterator[bool]:
    """Whether this process is to do a chore, and then nobody else does meanwhile.

    Where it fails, its lease is left to run out: it would fail again now.
    """
    owner, lease = process.owner, process.settings.work.lease

    def keep() -> None:
        with process.database.writing() as session:
            if not chores.keep(session, chore, owner=owner, lease=lease, now=leases.utc_now()):
                raise LeaseLost(chore, "somebody else has begun with it", "it is done twice, which does no harm")

    begun = leases.utc_now()
    with process.database.writing() as session:
        taken = chores.take(session, chore, owner=owner, lease=lease, now=begun)
    if not taken:
        yield False
        return
    with _beside(process, keep):
        yield True
    with process.database.writing() as session:
        chores.end(session, chore, owner=owner, begun=begun)


@contextmanager
def _beside(process: WorkerProcess, renew: Callable[[], None]) -> Iterator[None]:
    """Renew three times a lease from another thread, until the work is done or somebody else has it."""
    ended = threading.Event()
    lease = process.settings.work.lease

    def go_on() -> None:
        while not ended.wait(lease / 3):
            try:
                renew()
            except LeaseLost:
                return
            except DatabaseUnavailable as error:
                log.warning("lease not renewed", detail=str(error))

    thread = threading.Thread(target=go_on, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(process: WorkerProcess, held: Claim) -> None:
    lease = process.settings.work.lease
    with process.database.writing() as session:
        leases.renew(session, held, lease=lease, now=leases.utc_now())
    watchdog.rewind(lease)
