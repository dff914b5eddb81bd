"""Pieces of work as the ledger sees them: claim, do, record; and what is written when doing fails.

This is the edge of the process: whatever goes wrong inside ends in a row that says so, never in a lost piece of work.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import structlog

from config.errors import LeaseLost, MixedEngines, RollcallError
from db import borders, finishing, leases, segments, spaces, task_runs, videos
from db.leases import Claim
from db.schema import Segment, Video
from db.session import Session
from storage.opening import is_there
from storage.places import parse
from worker import casting, failures, watchdog
from worker.casting import Evidence
from worker.failures import Failure
from worker.gate import Gate
from worker.jobs import BorderJob, Content, SegmentJob, border_job, segment_job
from worker.process import WorkerProcess
from worker.refining import refine
from worker.renewing import kept, renewer
from worker.repeats import Repeats
from worker.scan import Scan, scan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """One try at a piece of work: the claim, the video it belongs to, its row among the task runs."""

    claim: Claim
    video_id: int
    run_id: int


def scan_segment(process: WorkerProcess, segment_id: int) -> int | None:
    """Scan a segment if it is to be had; or look at the borders in its time, if it was scanned before.

    Returns:
        The video, if this was its last open segment and it waits to be finished now.
    """
    taken = process.write(lambda session: _take_segment(session, process, segment_id))
    if taken is None:
        return None
    job, trial = taken
    if isinstance(job, SegmentJob):
        complete = _try(process, trial, partial(_scan_and_record, process, job))
    else:
        complete = _try(process, trial, partial(_refine_and_record, process, job))
    return job.video_id if complete else None


def finish_video(process: WorkerProcess, video_id: int) -> list[int]:
    """Finish a video if it is to be had: groups, names, appearances.

    Returns:
        Segments of it in whose time borders are to be looked at before it can be finished.
    """
    asked: list[int] = []
    trial = process.write(lambda session: _take_video(session, process, video_id))
    if trial is not None:
        with kept(process, trial.claim):
            _try(process, trial, lambda: _finish(process, trial.claim, asked))
    return asked


def _take_video(session: Session, process: WorkerProcess, video_id: int) -> Trial | None:
    lease, now = process.settings.work.lease, leases.utc_now()
    held = finishing.claim(session, video_id, owner=process.owner, lease=lease, allowed=process.allowed, now=now)
    if held is None:
        return None
    return Trial(held, video_id, task_runs.begin(session, held, kind="finish", video_id=video_id, now=now))


def _take_segment(
    session: Session, process: WorkerProcess, segment_id: int
) -> tuple[SegmentJob | BorderJob, Trial] | None:
    lease, now = process.settings.work.lease, leases.utc_now()
    taken = segments.claim(session, segment_id, owner=process.owner, lease=lease, allowed=process.allowed, now=now)
    if taken is None:
        return None
    held, segment = taken
    wanted = borders.to_look_at(session, segment.id)
    job = border_job(session, held, segment, wanted) if wanted else segment_job(process, session, held, segment)
    run_id = task_runs.begin(session, held, kind="refine" if wanted else "scan", video_id=job.video_id, now=now)
    return job, Trial(held, job.video_id, run_id)


def _scan_and_record(process: WorkerProcess, job: SegmentJob) -> bool:
    """Whether the video waits to be finished now."""
    found = _scan(process, job)
    with process.packed([record.crop for record in found.faces]) as pack:
        complete = process.write(
            lambda session: segments.record(
                session,
                job.claim,
                space_id=spaces.ensure(session, process.engine.space),
                detector=process.engine.detector_name,
                faces=found.faces,
                runs=found.runs,
                analysed=found.frames,
                key_samples=found.key_samples,
                pack=pack,
            )
        )
    log.info("segment done", faces=len(found.faces))
    return complete


def _refine_and_record(process: WorkerProcess, job: BorderJob) -> bool:
    """Whether the video waits to be finished now."""
    engine = process.engine
    if (job.space_name, job.detector) != (engine.space.name, engine.detector_name):
        raise MixedEngines(
            f"video {job.video_id}",
            f"its samples were scanned by {job.detector} in {job.space_name}, this worker has {engine.detector_name} "
            f"in {engine.space.name}",
            "let all workers run with the same settings of `faces`",
        )
    renew = renewer(process, job.claim)
    with _file(process, job.content, renew) as path:
        found = refine(
            job.wanted,
            job.witnesses,
            lambda between, window: process.decoder.look(path, job.facts, between, window, renew),
            engine,
            largest_distance=process.settings.grouping.largest_distance,
            smallest=process.settings.faces.smallest,
            tolerance=max(1, int(Fraction(process.settings.borders.tolerance) / job.facts.time_base)),
            on_look=renew,
        )
    complete = process.write(lambda session: segments.record_borders(session, job.claim, found))
    log.info("borders looked at", borders=len(found), looks=sum(each.looks for each in found))
    return complete


def _file(process: WorkerProcess, content: Content, renew: Callable[[], None]) -> AbstractContextManager[Path]:
    return process.copies.of(content.place, content.hash, content.size, renew, modified_ns=content.modified_ns)


def _scan(process: WorkerProcess, job: SegmentJob) -> Scan:
    gate = process.settings.gate
    renew = renewer(process, job.claim)
    repeats = process.settings.repeats
    recall = Repeats(process.database, job.reusable, job.facts.time_base, process.settings) if repeats.enabled else None
    with _file(process, job.content, renew) as path:
        samples = process.decoder.samples(
            path,
            job.facts,
            job.first_sample,
            job.end_sample,
            job.interval_ms,
            job.tolerance_ms,
            renew,
            stride=job.stride,
        )
        return scan(
            samples,
            Gate(gate.flat_deviation, gate.unchanged_difference),
            process.engine,
            renew,
            recall,
            stride=job.stride,
            end_sample=job.end_sample,
        )


def _finish(process: WorkerProcess, held: Claim, asked: list[int]) -> bool:
    """Write who is in a video; or ask for its borders to be looked at first, and note the segments to do it in."""

    def gather(session: Session) -> tuple[Video, Evidence]:
        video = videos.get(session, held.id)
        return video, casting.gather(process, session, video)

    video, evidence = process.read(gather)
    cast = casting.cast(process, evidence)
    wanted = casting.borders_to_look_at(process, evidence, cast)
    # A file that has gone would only keep the video waiting.
    if wanted and is_there(parse(video.path), process.settings.storage):
        asked += process.write(lambda session: finishing.ask(session, held, wanted))
        log.info("borders to be looked at", borders=len(wanted), segments=len(asked))
        return False
    state = process.write(
        lambda session: finishing.write(
            session,
            held,
            cast,
            rule=evidence.rule_name(process.uncalibrated),
            gallery_version=evidence.gallery_version,
            now=leases.utc_now(),
        )
    )
    log.info("video finished", state=str(state), groups=len(cast.groups), faces=len(evidence.faces.ids))
    return False


def _try(process: WorkerProcess, trial: Trial, do: Callable[[], bool]) -> bool:
    """Do a piece of work and note how the try ends; what `do` returns, or False. What a failure means: `failures`."""
    began = process.spent
    kind = "segment" if trial.claim.table is Segment else "finishing"
    moved, outcome, failure = False, "done", None
    with structlog.contextvars.bound_contextvars(
        video=trial.video_id, attempt=trial.claim.attempt, **{kind: trial.claim.id}
    ):
        try:
            with watchdog.watching(process.settings.work.lease):
                moved = do()
        except LeaseLost as error:
            outcome, failure = "lost", failures.judge(error)
            log.warning("lease lost, outcome dropped")
        except Exception as error:
            # The edge of the process: whatever goes wrong ends in the ledger, a fault of ours with its trace in a log.
            outcome, failure = "failed", failures.judge(error)
            if isinstance(error, RollcallError):
                log.warning("try failed", cause=failure.cause, detail=failure.detail)
            else:
                log.exception("fault")
            moved = failures.write(process, trial.claim, failure)
        _note_end(process, trial, outcome, failure, process.spent - began)
    return moved


def _note_end(process: WorkerProcess, trial: Trial, outcome: str, failure: Failure | None, spent: float) -> None:
    process.write(
        lambda session: task_runs.end(
            session,
            trial.run_id,
            outcome=outcome,
            now=leases.utc_now(),
            cpu_seconds=spent,
            cause=failure.cause if failure else None,
            detail=failure.detail if failure and outcome == "failed" else None,
        )
    )
