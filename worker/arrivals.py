"""Submitting what has arrived in a watched place: claim, hash and probe, note what became of it."""

import structlog

from config.errors import LeaseLost
from db import arrivals, leases
from db.leases import Claim
from storage.places import parse
from worker import failures, watchdog
from worker.process import WorkerProcess
from worker.renewing import renewer

log = structlog.get_logger(__name__)


def admit_arrival(process: WorkerProcess, arrival_id: int) -> int | None:
    """Submit an arrival if it is to be had; its video, if it has one now."""
    with process.database.writing() as session:
        taken = arrivals.claim(
            session,
            arrival_id,
            owner=process.owner,
            lease=process.settings.work.lease,
            allowed=process.allowed,
            now=leases.utc_now(),
        )
    if taken is None:
        return None
    held, place = taken
    with structlog.contextvars.bound_contextvars(arrival=arrival_id, attempt=held.attempt):
        try:
            with watchdog.watching(process.settings.work.lease):
                return _admit(process, held, place)
        except LeaseLost:
            log.warning("lease lost, outcome dropped")
        except Exception as error:
            # The edge of the process: whatever goes wrong ends in the ledger.
            log.exception("arrival not submitted")
            failures.write(process, held, failures.judge(error))
    return None


def _admit(process: WorkerProcess, held: Claim, place: str) -> int | None:
    admission = process.desk.admit(parse(place), on_progress=renewer(process, held))
    video_id, error = admission.video_id, admission.error
    if video_id is None:
        assert error is not None
        log.warning("arrival not submitted", cause=error.code, detail=str(error))
        failures.write(process, held, failures.judge(error))
        return None

    process.write(lambda session: arrivals.take(session, held, video_id))
    log.info("arrival submitted", video=video_id, refused=error and error.code)
    return video_id
