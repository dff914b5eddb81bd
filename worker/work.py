"""Pieces of work as the ledger sees them: claim, do, record; and what is written when doing fails.

This is the edge of the process: whatever goes wrong inside ends in a row that says so, never in a lost piece of work.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from config.errors import DatabaseUnavailable, FileMissing, LeaseLost, RollcallError
from db import finishing, frames, leases, segments, spaces, task_runs, videos
from db.facts import VideoFacts
from db.frames import Scope
from db.leases import Claim
from db.schema import Segment
from worker import casting
from worker.gate import Gate
from worker.process import WorkerProcess
from worker.repeats import Repeats
from worker.scan import Scan, scan

log = structlog.get_logger(__name__)

_LONGEST_PAUSE = 3600.0
"""Seconds before a failed piece of work is tried again, however often it has failed."""

_LONGEST_DETAIL = 1000


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """Everything that scanning a segment needs to know, read when it was claimed."""

    claim: Claim
    video_id: int
    path: Path
    facts: VideoFacts
    first_sample: int
    end_sample: int | None
    interval_ms: int
    tolerance_ms: int
    reusable: Scope | None
    """Whose frames may be reused; None where there are none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One try at a piece of work: the claim, the video it belongs to, its row among the task runs."""

    claim: Claim
    video_id: int
    run_id: int


def scan_segment(process: WorkerProcess, segment_id: int) -> int | None:
    """Scan a segment if it is to be had.

    Returns:
        The video, if this was its last open segment and it waits to be finished now.
    """
    taken = _take_segment(process, segment_id)
    if taken is None:
        return None
    job, trial = taken
    complete = _try(process, trial, lambda: _scan_and_record(process, job))
    return job.video_id if complete else None


def finish_video(process: WorkerProcess, video_id: int) -> None:
    """Finish a video if it is to be had: groups, names, appearances."""
    work = process.settings.work
    now = leases.utc_now()
    with process.database.writing() as session:
        held = finishing.claim(
            session, video_id, owner=process.owner, lease=work.lease, attempts=work.attempts, now=now
        )
        if held is None:
            return
        run_id = task_runs.begin(session, held, video_id=video_id, owner=process.owner, now=now)
    with _kept(process, held):
        _try(process, Trial(held, video_id, run_id), lambda: _finish(process, held))


@contextmanager
def _kept(process: WorkerProcess, held: Claim) -> Iterator[None]:
    """Renew a lease from beside the work: grouping a long video takes minutes without a pause to renew it in.

    Not for scanning: there a decoder that hangs must lose its lease.
    """
    ended = threading.Event()
    lease = process.settings.work.lease

    def renew() -> None:
        while not ended.wait(lease / 3):
            try:
                with process.database.writing() as session:
                    leases.renew(session, held, lease=lease, now=leases.utc_now())
            except LeaseLost:
                return
            except DatabaseUnavailable as error:
                log.warning("lease not renewed", detail=str(error))

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _take_segment(process: WorkerProcess, segment_id: int) -> tuple[SegmentJob, Trial] | None:
    work = process.settings.work
    now = leases.utc_now()
    with process.database.writing() as session:
        taken = segments.claim(
            session, segment_id, owner=process.owner, lease=work.lease, attempts=work.attempts, now=now
        )
        if taken is None:
            return None
        held, segment = taken
        video = videos.get(session, segment.video_id)
        run_id = task_runs.begin(session, held, video_id=video.id, owner=process.owner, now=now)
        job = SegmentJob(
            claim=held,
            video_id=video.id,
            path=Path(video.path),
            facts=videos.facts(video),
            first_sample=segment.first_sample,
            end_sample=segment.end_sample,
            interval_ms=video.interval_ms or process.settings.interval_ms,
            tolerance_ms=video.tolerance_ms or 0,
            reusable=frames.scope(session, process.engine.space.name, process.engine.detector_name, video.horizon),
        )
    return job, Trial(held, video.id, run_id)


def _scan_and_record(process: WorkerProcess, job: SegmentJob) -> bool:
    """Whether the video waits to be finished now."""
    found = _scan(process, job)
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        complete = segments.record(
            session,
            job.claim,
            space_id=space_id,
            detector=process.engine.detector_name,
            faces=found.faces,
            runs=found.runs,
            analysed=found.frames,
            key_samples=found.key_samples,
        )
    log.info("segment done", faces=len(found.faces))
    return complete


def _scan(process: WorkerProcess, job: SegmentJob) -> Scan:
    if not job.path.is_file():
        raise FileMissing(str(job.path), "is not there any more", "put it back, or submit it from its new place")
    gate = process.settings.gate
    renew = _renewer(process, job.claim)
    samples = process.decoder.samples(
        job.path, job.facts, job.first_sample, job.end_sample, job.interval_ms, job.tolerance_ms, renew
    )
    repeats = process.settings.repeats
    recall = (
        Repeats(process.database, job.reusable, job.facts.time_base, process.settings.faces, repeats)
        if repeats.enabled
        else None
    )
    return scan(samples, Gate(gate.flat_deviation, gate.unchanged_difference), process.engine, renew, recall)


def _renewer(process: WorkerProcess, held: Claim) -> Callable[[], None]:
    """A call that keeps the lease while samples come, writing at most three times a lease."""
    lease = process.settings.work.lease
    due = time.monotonic() + lease / 3

    def renew() -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        with process.database.writing() as session:
            leases.renew(session, held, lease=lease, now=leases.utc_now())
        due = time.monotonic() + lease / 3

    return renew


def _finish(process: WorkerProcess, held: Claim) -> bool:
    with process.database.reading() as session:
        evidence = casting.gather(process, session, videos.get(session, held.id))
    cast = casting.cast(process, evidence)
    with process.database.writing() as session:
        state = finishing.write(
            session,
            held,
            cast,
            rule=evidence.rule_name(process.uncalibrated),
            gallery_version=evidence.gallery_version,
            now=leases.utc_now(),
        )
    log.info("video finished", state=str(state), groups=len(cast.groups), faces=len(evidence.faces.ids))
    return False


def _try(process: WorkerProcess, trial: Trial, do: Callable[[], bool]) -> bool:
    """Do a piece of work and note how the try ends; what `do` returns, or False.

    A permanent error ends the piece of work; after any other it is tried again, as often as the settings allow.
    """
    began = process.spent
    kind = "segment" if trial.claim.table is Segment else "finishing"
    moved, outcome, cause, detail = False, "done", None, None
    with structlog.contextvars.bound_contextvars(
        video=trial.video_id, attempt=trial.claim.attempt, **{kind: trial.claim.id}
    ):
        try:
            moved = do()
        except LeaseLost as error:
            outcome, cause = "lost", error.code
            log.warning("lease lost, outcome dropped")
        except RollcallError as error:
            outcome, cause, detail = "failed", error.code, _storable(str(error))
            log.warning("try failed", cause=cause, detail=detail)
            moved = _write_failure(process, trial.claim, cause, detail, permanent=error.permanent)
        except Exception as error:
            # The edge of the process: a fault of ours or of a library ends in the ledger, its trace in the log.
            outcome, cause, detail = "failed", "fault", _storable(f"{type(error).__name__}: {error}")
            log.exception("fault")
            moved = _write_failure(process, trial.claim, cause, detail, permanent=False)
        spent = process.spent - began
        with process.database.writing() as session:
            task_runs.end(
                session,
                trial.run_id,
                outcome=outcome,
                now=leases.utc_now(),
                cpu_seconds=spent,
                cause=cause,
                detail=detail,
            )
    return moved


def _storable(text: str) -> str:
    """What PostgreSQL takes as text, of a length that people read."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode()[:_LONGEST_DETAIL]


def _write_failure(process: WorkerProcess, held: Claim, cause: str, detail: str, *, permanent: bool) -> bool:
    """Whether the video waits to be finished now, this having been its last open segment."""
    work = process.settings.work
    now = leases.utc_now()
    again = not permanent and held.attempt < work.attempts
    try:
        with process.database.writing() as session:
            if again:
                delay = timedelta(seconds=min(work.retry_delay * 2 ** min(held.attempt - 1, 20), _LONGEST_PAUSE))
                leases.give_back(session, held, not_before=now + delay, cause=cause, detail=detail)
                return False
            if held.table is Segment:
                return segments.fail(session, held, cause=cause, detail=detail)
            finishing.fail(session, held, cause=cause, detail=detail, now=now)
    except LeaseLost:
        log.warning("lease lost, failure dropped")
    return False
