"""Intake, scheduler and worker over a ledger of their own, in one process and without a broker."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from config.settings import Settings
from db import videos
from db.schema import SampleOutcome, SampleRun, Segment, TaskRun
from db.session import Session
from report.build import build
from report.model import VideoReport
from scheduler.experience import Memory
from scheduler.sweep import prepare
from storage.places import LocalPlace
from support import ledgers
from worker.process import WorkerProcess
from worker.work import finish_video, scan_segment

LETTERS = {
    SampleOutcome.ANALYSED: "A",
    SampleOutcome.CARRIED: "C",
    SampleOutcome.FLAT: "F",
    SampleOutcome.UNDECODABLE: "U",
}
_SAMPLES_OF_A_SEGMENT = 1000


@dataclass(frozen=True)
class End:
    """How a file has ended.

    `samples`: one letter of `LETTERS` for each sample of the report. `planned` and `account`: the ledger's rows of
    segments and of samples, added up. `tries`: causes of the tries that failed.
    """

    state: str
    cause: str | None
    detail: str
    samples: str
    planned: int
    account: dict[str, int]
    tries: list[str | None]
    report: VideoReport


class Night:
    """Works on one file after the other, as `rollcall submit` and `rollcall work` do."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process

    def end_of(self, path: Path, interval: float | None = None) -> End:
        """Submit a file and work until nothing is left to do.

        `interval`: seconds between its samples, a thousand of which make a segment then.
        """
        return self.work(self.submit(path), interval)

    def submit(self, path: Path) -> int:
        """Submit a file that nobody has submitted before; its video."""
        video_id = self.process.desk.admit(LocalPlace(path.absolute())).video_id
        assert video_id is not None
        return video_id

    def work(self, video_id: int, interval: float | None = None) -> End:
        """Work until nothing is left to do; the end of a video."""
        database = self.process.database
        settings = self.process.settings
        if interval is not None:
            coarse = {"interval": interval, "segment": interval * _SAMPLES_OF_A_SEGMENT}
            settings = settings.model_copy(update={"sampling": settings.sampling.model_copy(update=coarse)})
        while (due := prepare(database, settings, Memory())).segments or due.videos:
            for segment_id, _ in due.segments:
                scan_segment(self.process, segment_id)
            for finished_id in due.videos:
                finish_video(self.process, finished_id)
        with database.reading() as session:
            return _end(session, video_id)


def _end(session: Session, video_id: int) -> End:
    report = build(session, videos.get(session, video_id))
    segments = session.scalars(select(Segment).where(Segment.video_id == video_id)).all()
    runs = session.scalars(select(SampleRun).join(Segment).where(Segment.video_id == video_id)).all()
    tries = select(TaskRun.cause).where(TaskRun.video_id == video_id, TaskRun.outcome == "failed")
    account: Counter[str] = Counter()
    for run in runs:
        account[LETTERS[SampleOutcome(run.outcome)]] += run.end_sample - run.first_sample
    stretches = report.coverage.stretches
    return End(
        state=report.state,
        cause=report.cause,
        detail=report.detail or "",
        samples="".join(LETTERS[each.outcome] * (each.end_sample - each.first_sample) for each in stretches),
        planned=sum((segment.end_sample or 0) - segment.first_sample for segment in segments),
        account=dict(account),
        tries=list(session.scalars(tries)),
        report=report,
    )


@contextmanager
def night(settings: Settings) -> Iterator[Night]:
    """A night with the ledger that is in the home folder of the settings, or that they name; else with a new one."""
    settings.home.mkdir(parents=True, exist_ok=True)
    process = WorkerProcess(settings)
    if not settings.database.url and not (settings.home / "rollcall.db").exists():
        ledgers.prepare(process.database)
    try:
        yield Night(process)
    finally:
        process.decoder.close()
        process.database.close()
