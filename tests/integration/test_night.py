"""The whole job as an operator does it: the same reports of the same day, however it was worked on and whoever died.

The day: the demo's film, a real recording, and files that are no videos. Everything runs as real processes; the ledger
is read from outside to know whom to kill.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from celery import Celery
from sqlalchemy import func, select
from support.installation import ROLLCALL, Installation

from config import tasks
from config.errors import BrokerUnavailable
from db.schema import FaceCrop, FaceRow, Segment, TaskRun
from db.states import SegmentState
from demo.film import Film
from demo.material import Material
from scheduler.dispatch import Sender

Install = Callable[..., Installation]
Reports = dict[tuple[str, str], str]

SETTINGS = {"sampling__segment": 20, "work__lease": 60, "work__retry_delay": 0.5}


@pytest.fixture(scope="module")
def day(film: Film, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of uploads."""
    folder = tmp_path_factory.mktemp("day")
    shutil.copy(film.path, folder / "film.mp4")
    shutil.copy(material.carphone, folder / "a real recording.mp4")
    (folder / "empty.mp4").touch()
    (folder / "noise.mkv").write_bytes(os.urandom(5000))
    return folder


def enrol_and_submit(installation: Installation, film: Film, day: Path) -> None:
    for name, photographs in sorted(film.photographs.items()):
        installation.run("enroll", name, *map(str, photographs))
    installation.run("submit", str(day), expect=3)


def work(installation: Installation, processes: int) -> None:
    installation.run("work", "--until-empty", "--processes", str(processes))


@pytest.fixture(scope="module")
def calm(film: Film, day: Path, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The reports of the day, worked on by one process, undisturbed."""
    home = tmp_path_factory.mktemp("calm")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCALL_")}
    environment |= {f"ROLLCALL_{key.upper()}": str(value) for key, value in SETTINGS.items()}
    installation = Installation(home, {**environment, "ROLLCALL_HOME": str(home)})
    enrol_and_submit(installation, film, day)
    work(installation, processes=1)
    assert installation.status()["counts"] == {
        "waiting": 0, "running": 0, "finishing": 0, "done": 2, "partial": 0, "failed": 0, "quarantined": 0,
        "rejected": 2,
    }  # fmt: skip
    return installation.reports()


def test_the_reports_name_who_was_enrolled(calm: Reports, film: Film) -> None:
    csv = calm["film.mp4", "csv"]
    for name in film.photographs:
        assert name in csv


def test_two_processes_give_the_same_reports(install: Install, film: Film, day: Path, calm: Reports) -> None:
    installation = install("two", **SETTINGS)
    enrol_and_submit(installation, film, day)
    work(installation, processes=2)
    assert installation.reports() == calm
    # Both searched the same gallery.
    (gallery,) = (installation.home / "galleries").iterdir()
    assert gallery.stat().st_mode & 0o777 == 0o600
    assert "not shared" not in installation.log()


@contextmanager
def running(installation: Installation, *commands: list[str]) -> Iterator[None]:
    """Services of the operator's, ended as an operator ends them."""
    started = [installation.start(*command) for command in commands]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=60)


def celery(*words: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "config.celery_app", *words]


def until(holds: Callable[[], bool], what: str, installation: Installation, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"still not: {what}\n{installation.log()}"
        time.sleep(0.1)


def test_celery_workers_with_postgresql_and_redis_give_the_same_reports(
    install: Install, film: Film, day: Path, calm: Reports, postgres_url: str, redis_url: str
) -> None:
    installation = install("served", database__url=postgres_url, broker__url=redis_url, schedule__sweep=1, **SETTINGS)
    # Nothing but the program itself makes the folder that beat keeps its schedule in.
    fresh = str(installation.home / "not made yet")
    installation = replace(installation, environment={**installation.environment, "ROLLCALL_HOME": fresh})
    installation.run("status", expect=6)
    installation.run("migrate")
    enrol_and_submit(installation, film, day)
    include = ("worker", "--include", "worker.tasks", "--concurrency", "1")
    with running(
        installation,
        celery(*include, "--hostname", "one@%h"),
        celery(*include, "--hostname", "two@%h"),
        celery("beat"),
    ):
        until(lambda: _is_empty(installation), "the queue is empty", installation)
        assert installation.reports() == calm
        enrolled_again_is_found_by_night(installation, film)


def enrolled_again_is_found_by_night(installation: Installation, film: Film) -> None:
    """Somebody is removed, enrolled anew, and named in the past video after the nightly run."""
    name, photographs = next(iter(film.photographs.items()))
    installation.run("identities", "remove", name, "--yes")
    # Unknown now, and looked for in all videos: they must not stand in their own way.
    assert name not in installation.reports()["film.mp4", "csv"]
    installation.run("enroll", name, *map(str, photographs))
    assert name not in installation.reports(renewed=False)["film.mp4", "csv"]
    assert installation.start(*celery("call", tasks.NIGHTLY)).wait() == 0
    named = f"{name},named,"

    def is_named() -> bool:
        return named in installation.reports(renewed=False)["film.mp4", "csv"]

    until(is_named, "the past video names them", installation)


def _is_empty(installation: Installation) -> bool:
    counts = installation.status()["counts"]
    return not counts["waiting"] + counts["running"] + counts["finishing"]


def owners(installation: Installation) -> list[int]:
    """Process ids of those who scan a segment at this moment."""
    database = installation.database()
    with database.reading() as session:
        found = session.scalars(
            select(Segment.lease_owner).where(Segment.state == SegmentState.RUNNING, Segment.lease_owner.is_not(None))
        ).all()
    database.close()
    return [int(owner.rpartition("/")[2]) for owner in found if owner]


def counts(installation: Installation) -> dict[str, int]:
    database = installation.database()
    with database.reading() as session:
        told = {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in (FaceRow, FaceCrop)
        }
        told["samples of faces"] = session.scalar(select(func.count(FaceRow.sample.distinct()))) or 0
        told["killed tries"] = (
            session.scalar(select(func.count()).select_from(TaskRun).where(TaskRun.ended_at.is_(None))) or 0
        )
    database.close()
    return told


def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    install: Install, film: Film, day: Path, calm: Reports
) -> None:
    installation = install("killed", **SETTINGS)
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "2")
    killed: set[int] = set()
    while len(killed) < 2:
        until(lambda: bool(set(owners(installation)) - killed), "a new worker scans", installation)
        victim = min(set(owners(installation)) - killed)
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
    assert process.wait(timeout=300) == 0, installation.log()
    told = counts(installation)
    assert told["killed tries"] >= 1, "the worker was killed while it scanned"
    assert told["faces"] == told["face_crops"]
    assert installation.reports() == calm


def test_everything_killed_at_once_goes_on_with_the_next_run(
    install: Install, film: Film, day: Path, calm: Reports
) -> None:
    installation = install("all killed", **SETTINGS)
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "2")
    until(lambda: bool(owners(installation)), "a worker scans", installation)
    scanning = owners(installation)
    for victim in (process.pid, *scanning):
        os.kill(victim, signal.SIGKILL)
    process.wait()
    assert not _is_empty(installation)
    work(installation, processes=2)
    assert installation.reports() == calm


def test_ctrl_c_ends_after_the_segments_at_hand_and_the_next_run_goes_on(
    install: Install, film: Film, day: Path, calm: Reports
) -> None:
    installation = install("interrupted", **SETTINGS)
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    assert owners(installation) == []
    assert counts(installation)["killed tries"] == 0, "the segment at hand was finished"
    assert not _is_empty(installation)
    work(installation, processes=2)
    assert installation.reports() == calm


def test_workers_end_when_whoever_started_them_is_killed(install: Install, film: Film, day: Path) -> None:
    installation = install("orphans", **SETTINGS)
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation)
    scanning = owners(installation)
    process.kill()
    process.wait()
    until(lambda: not any(_lives(pid) for pid in scanning), "the workers have ended", installation, seconds=60)


def test_a_worker_that_hangs_is_killed_and_its_segment_done_by_another(
    install: Install, film: Film, day: Path, calm: Reports
) -> None:
    installation = install("hanging", **{**SETTINGS, "work__lease": 5})
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation)
    [hanging] = owners(installation)
    os.kill(hanging, signal.SIGSTOP)
    assert process.wait(timeout=300) == 0, installation.log()
    assert not _lives(hanging)
    assert installation.reports() == calm


def test_a_home_given_by_a_relative_path_is_one_home(install: Install, material: Material) -> None:
    installation = install("relative")
    (installation.home / "here").mkdir()
    relative = replace(installation, environment={**installation.environment, "ROLLCALL_HOME": "here"})
    relative.run("submit", str(material.carphone))
    relative.run("work", "--until-empty")
    assert sorted(path.name for path in (installation.home / "here").glob("*.db")) == ["rollcall.db"]
    assert relative.status()["counts"]["done"] == 1


def test_the_night_outlives_a_restart_of_redis(
    install: Install, film: Film, day: Path, calm: Reports, redis_url: str
) -> None:
    """The broker forgets everything, in the middle of the work."""
    installation = install("flushed", broker__url=redis_url, **SETTINGS)
    enrol_and_submit(installation, film, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation)
    redis.Redis.from_url(redis_url).flushall()
    assert process.wait(timeout=300) == 0, installation.log()
    assert installation.reports() == calm


def test_a_broker_that_is_not_there_is_told() -> None:
    broker = Sender(Celery(broker="redis://127.0.0.1:1/0", broker_connection_retry=False))
    with pytest.raises(BrokerUnavailable, match=r"check broker\.url"):
        broker.queued()


def _lives(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    # A process that has ended and that nobody has asked about still has a number; its state is Z.
    return told.rpartition(")")[2].split()[0] != "Z"
