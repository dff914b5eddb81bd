"""The whole job as an operator does it: the same outcome of the same day, however it was worked on and whoever died.

The day: three short films, a real recording, and files that are no videos. Everything runs as real processes; the
ledger is read from outside to know whom to kill. More of that, and other faults: `tests/faults`.
"""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from celery import Celery
from sqlalchemy import func, select
from support import open_work, processes, small_day
from support.installation import ROLLCALL, Installation, installed
from support.killing import Aim, on_one_machine
from support.outcome import Outcome, assert_same, outcome
from support.pictures import assert_nothing_is_left
from support.processes import until
from support.small_day import SETTINGS, SmallDay
from support.supervisor import BEAT, CELERY, WORKER, Supervisor

from config import tasks
from config.errors import BrokerUnavailable
from db.schema import TaskRun
from demo.material import Material
from scheduler.dispatch import Sender

Install = Callable[..., Installation]


@pytest.fixture(scope="module")
def day(material: Material, tmp_path_factory: pytest.TempPathFactory) -> SmallDay:
    """Uploads, and whom to enrol."""
    return small_day.make(material, tmp_path_factory.mktemp("day") / "uploads")


def prepare(installation: Installation, day: SmallDay) -> None:
    day.enrol(installation)
    day.submit(installation)


def work(installation: Installation, count: int) -> None:
    installation.run("work", "--until-empty", "--processes", str(count))


@pytest.fixture(scope="module")
def calm(day: SmallDay, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What comes of the day, worked on by one process, undisturbed."""
    installation = installed(tmp_path_factory.mktemp("calm") / "home", **SETTINGS)
    prepare(installation, day)
    work(installation, count=1)
    counts = installation.status()["counts"]
    assert {state: count for state, count in counts.items() if count} == day.ended
    return outcome(installation, str(day.folder))


def test_the_reports_name_who_was_enrolled(calm: Outcome, day: SmallDay) -> None:
    csv = calm.reports["one.mp4", "csv"]
    for name in day.photographs:
        assert f"{name},named," in csv


def test_two_processes_with_pictures_in_packs_give_the_same_reports(
    install: Install, day: SmallDay, calm: Outcome, tmp_path: Path
) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    installation = install("two", storage__crops=faces, **SETTINGS)
    prepare(installation, day)
    work(installation, count=2)
    assert_same(outcome(installation, str(day.folder)), calm)
    with closing(installation.database()) as database:
        assert_nothing_is_left(database, faces)
    # Both searched the same gallery.
    (gallery,) = (installation.home / "galleries").iterdir()
    assert gallery.stat().st_mode & 0o777 == 0o600
    assert "not shared" not in installation.log()


def test_celery_workers_with_postgresql_and_redis_give_the_same_reports(
    install: Install, day: SmallDay, calm: Outcome, postgres_url: str, redis_url: str
) -> None:
    installation = install("served", database__url=postgres_url, broker__url=redis_url, **SETTINGS)
    # Nothing but the program itself makes the folder that beat keeps its schedule in.
    fresh = str(installation.home / "not made yet")
    installation = replace(installation, environment={**installation.environment, "ROLLCALL_HOME": fresh})
    installation.run("status", expect=6)
    installation.run("migrate")
    prepare(installation, day)
    with Supervisor(installation) as supervisor:
        for name in ("one", "two"):
            supervisor.start(name, *WORKER, "--concurrency", "1", "--hostname", f"{name}@%h")
        supervisor.start("beat", *BEAT)
        until(lambda: _is_empty(installation), "the queue is empty", installation.log)
        assert_same(outcome(installation, str(day.folder)), calm)
        enrolled_again_is_found_by_night(installation, day)
        assert supervisor.ended() == []


def enrolled_again_is_found_by_night(installation: Installation, day: SmallDay) -> None:
    """Somebody is removed, enrolled anew, and named in the past video after the nightly run."""
    name, photographs = next(iter(day.photographs.items()))
    installation.run("identities", "remove", name, "--yes")
    # Unknown now, and looked for in all videos: they must not stand in their own way.
    assert name not in installation.reports()["one.mp4", "csv"]
    installation.run("enroll", name, *map(str, photographs))
    assert name not in installation.reports(renewed=False)["one.mp4", "csv"]
    assert installation.start(*CELERY, "call", tasks.NIGHTLY).wait() == 0
    named = f"{name},named,"

    def is_named() -> bool:
        return named in installation.reports(renewed=False)["one.mp4", "csv"]

    until(is_named, "the past video names them", installation.log)


def _is_empty(installation: Installation) -> bool:
    counts = installation.status()["counts"]
    return not counts["waiting"] + counts["running"] + counts["finishing"]


def owners(installation: Installation) -> list[int]:
    """Process ids of those who scan a segment at this moment."""
    database = installation.database()
    found = [each.pid for each in open_work.held(database) if each.stage == "segment"]
    database.close()
    return found


def killed_tries(installation: Installation) -> int:
    database = installation.database()
    with database.reading() as session:
        found = session.scalar(select(func.count()).select_from(TaskRun).where(TaskRun.ended_at.is_(None))) or 0
    database.close()
    return found


def test_whoever_is_killed_loses_nothing_and_doubles_nothing(install: Install, day: SmallDay, calm: Outcome) -> None:
    """A worker while it writes, then everybody at once. Whoever else, and when, is the matter of `tests/faults`."""
    installation = install("killed", **SETTINGS)
    prepare(installation, day)
    with Supervisor(installation) as supervisor, on_one_machine(installation, supervisor, Random(0)) as night:
        assert night.strike(Aim("worker process", "writing"))
        until(lambda: bool(owners(installation)), "a worker scans", installation.log)
        supervisor.kill_everybody()
        assert not _is_empty(installation)
        night.run_to_the_end()
    assert killed_tries(installation) >= 1, "a worker was killed while it scanned"
    assert_same(outcome(installation, str(day.folder)), calm)


def test_ctrl_c_ends_after_the_segments_at_hand_and_the_next_run_goes_on(
    install: Install, day: SmallDay, calm: Outcome
) -> None:
    installation = install("interrupted", **SETTINGS)
    prepare(installation, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation.log)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    assert owners(installation) == []
    assert killed_tries(installation) == 0, "the segment at hand was finished"
    assert not _is_empty(installation)
    work(installation, count=2)
    assert_same(outcome(installation, str(day.folder)), calm)


def test_workers_end_when_whoever_started_them_is_killed(install: Install, day: SmallDay) -> None:
    installation = install("orphans", **SETTINGS)
    day.submit(installation)
    process = installation.start(ROLLCALL, "work", "--processes", "1")
    until(lambda: bool(owners(installation)), "a worker scans", installation.log)
    scanning = owners(installation)
    process.kill()
    process.wait()
    until(lambda: not any(processes.lives(pid) for pid in scanning), "the workers have ended", installation.log, 60)


def test_a_worker_that_hangs_is_killed_and_its_segment_done_by_another(
    install: Install, day: SmallDay, calm: Outcome
) -> None:
    installation = install("hanging", **{**SETTINGS, "work__lease": 5})
    prepare(installation, day)
    process = installation.start(ROLLCALL, "work", "--until-empty", "--processes", "2")
    until(lambda: bool(owners(installation)), "a worker scans", installation.log)
    hanging = owners(installation)[0]
    os.kill(hanging, signal.SIGSTOP)
    assert process.wait(timeout=300) == 0, installation.log()
    assert not processes.lives(hanging)
    assert_same(outcome(installation, str(day.folder)), calm)


def test_a_home_given_by_a_relative_path_is_one_home(install: Install, material: Material) -> None:
    installation = install("relative")
    (installation.home / "here").mkdir()
    relative = replace(installation, environment={**installation.environment, "ROLLCALL_HOME": "here"})
    relative.run("submit", str(material.carphone))
    relative.run("work", "--until-empty")
    assert sorted(path.name for path in (installation.home / "here").glob("*.db")) == ["rollcall.db"]
    assert relative.status()["counts"]["done"] == 1


def test_a_broker_that_is_not_there_is_told() -> None:
    broker = Sender(Celery(broker="redis://127.0.0.1:1/0", broker_connection_retry=False))
    with pytest.raises(BrokerUnavailable, match=r"check broker\.url"):
        broker.queued()
