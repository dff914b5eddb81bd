"""Watched places: what arrives is submitted once it is whole, once, with what is known of it."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from support.clips import frames_at, write_clip
from support.night import Night, night
from support.object_store import TestBucket

from config.errors import LeaseLost
from config.settings import Settings
from db import arrivals, status, videos
from db.leases import Allowance, utc_now
from db.schema import Arrival, Priority, Source, Video
from db.session import Database
from db.states import ArrivalState, VideoState
from intake import watching
from scheduler.experience import Memory
from scheduler.sweep import prepare
from storage.places import parse
from worker.arrivals import admit_arrival
from worker.process import WorkerProcess
from worker.work import scan_segment

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ALLOWED = Allowance(3, 2)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def film_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two seconds."""
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames_at(50))


@pytest.fixture
def settings(process: WorkerProcess, folder: Path) -> Settings:
    watched = {"watch": [str(folder)], "stable": 30, "rules": [{"path": "{channel}/{}"}]}
    return Settings.model_validate({"home": process.settings.home, "intake": watched})


def states(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {Path(row.place).name: row.state for row in session.scalars(select(Arrival))}


def look(database: Database, settings: Settings, clock: Clock, seconds: float = 0) -> dict[str, str]:
    clock.now += timedelta(seconds=seconds)
    assert len(watching.look(database, settings, clock)) == 1
    return states(database)


def test_a_file_is_whole_when_it_has_not_changed_for_a_while(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    film = folder / "film.mp4"
    film.write_bytes(b"half")
    assert look(ledger, settings, clock) == {"film.mp4": "growing"}
    assert look(ledger, settings, clock, 29) == {"film.mp4": "growing"}
    film.write_bytes(b"half and more")
    assert look(ledger, settings, clock, 29) == {"film.mp4": "growing"}
    os.utime(film, ns=(1, 1))  # written to without becoming longer
    assert look(ledger, settings, clock, 29) == {"film.mp4": "growing"}
    assert look(ledger, settings, clock, 30) == {"film.mp4": "waiting"}


def test_what_is_no_upload_is_left_alone_and_what_is_gone_is_forgotten(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    for name in ("film.mp4.part", ".film.mp4.Xy3", "film.mp4.rollcall.json", "poster.JPG", "gone.mp4", "film.mp4"):
        (folder / name).write_bytes(b"x")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "film.mp4").write_bytes(b"x")
    assert look(ledger, settings, clock) == {"gone.mp4": "growing", "film.mp4": "growing"}
    (folder / "gone.mp4").unlink()
    assert look(ledger, settings, clock, 60) == {"film.mp4": "waiting"}


def test_a_place_may_be_written_with_more_slashes_and_dots_than_it_needs(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    odd = settings.intake.model_copy(update={"watch": [f"{folder.parent}//./{folder.name}//"]})
    oddly = settings.model_copy(update={"intake": odd})
    assert look(ledger, oddly, clock) == {"film.mp4": "growing"}
    assert look(ledger, oddly, clock, 60) == {"film.mp4": "waiting"}


def test_a_clock_that_is_set_back_keeps_no_file_waiting(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    assert look(ledger, settings, clock) == {"film.mp4": "growing"}
    assert look(ledger, settings, clock, -86_400) == {"film.mp4": "waiting"}


def test_nobody_waits_for_files_of_places_that_are_watched_no_more(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    look(ledger, settings, clock)
    with ledger.reading() as session:
        assert status.backlog(session, clock.now, [f"{folder}/"]).arrivals == 1
        assert status.backlog(session, clock.now, [f"{folder.parent}/elsewhere/"]).arrivals == 0
        assert status.backlog(session, clock.now, []).arrivals == 0


def test_a_place_that_cannot_be_looked_at_keeps_nobody_from_the_others(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    watched = settings.intake.model_copy(update={"watch": ["/nowhere/at/all", str(folder)]})
    both = settings.model_copy(update={"intake": watched})
    assert watching.look(ledger, both, clock) == [f"{folder}/"]
    assert states(ledger) == {"film.mp4": "growing"}
    folder.rename(folder.with_name("unmounted"))
    assert watching.look(ledger, both, clock) == []
    assert states(ledger) == {"film.mp4": "growing"}, "what nobody could look at is not gone"


def work(process: WorkerProcess, settings: Settings) -> list[int | None]:
    process.settings = settings
    due = prepare(process.database, settings, Memory(), submitted_by=LONG_AGO)
    return [admit_arrival(process, arrival_id) for arrival_id in due.arrivals]


def test_what_has_arrived_becomes_a_video_with_what_its_place_and_its_sidecar_tell(
    process: WorkerProcess, settings: Settings, folder: Path, clock: Clock, film_path: Path
) -> None:
    place = folder / "News 24" / "film.mp4"
    place.parent.mkdir()
    place.symlink_to(film_path)
    sidecar = place.with_name("film.mp4.rollcall.json")
    sidecar.write_text('{"priority": "high", "recorded": "2026-11-19T18:05"}')
    look(process.database, settings, clock)
    look(process.database, settings, clock, 60)
    (video_id,) = work(process, settings)
    assert video_id is not None
    assert states(process.database) == {"film.mp4": "taken"}
    with process.database.reading() as session:
        video = videos.get(session, video_id)
        source = session.scalars(select(Source)).one()
        assert (video.state, video.priority, video.path) == (VideoState.WAITING, Priority.HIGH, str(place))
        assert video.deadline is not None
        assert (source.channel, source.recorded_at) == ("News 24", datetime(2026, 11, 19, 18, 5, tzinfo=UTC))
    assert look(process.database, settings, clock, 60) == {"film.mp4": "taken"}
    assert work(process, settings) == [], "nobody hashes it a second time"
    # A sidecar that is corrected is read again; the content stays one video.
    sidecar.write_text('{"priority": "urgent", "channel": "Other"}')
    look(process.database, settings, clock, 60)
    look(process.database, settings, clock, 60)
    assert work(process, settings) == [video_id]
    with process.database.reading() as session:
        assert videos.get(session, video_id).priority == Priority.URGENT
        assert session.scalars(select(Source)).one().channel == "Other"


def test_a_copy_is_the_same_video_with_two_sources(
    process: WorkerProcess, settings: Settings, folder: Path, clock: Clock, film_path: Path
) -> None:
    for channel in ("one", "two"):
        (folder / channel).mkdir()
        (folder / channel / "film.mp4").symlink_to(film_path)
    look(process.database, settings, clock)
    look(process.database, settings, clock, 60)
    first, second = work(process, settings)
    assert first == second
    with process.database.reading() as session:
        assert {source.channel for source in session.scalars(select(Source))} == {"one", "two"}


def test_what_cannot_be_submitted_says_why_and_is_tried_again_when_it_is_corrected(
    process: WorkerProcess, settings: Settings, folder: Path, clock: Clock, film_path: Path
) -> None:
    (folder / "film.mp4").symlink_to(film_path)
    sidecar = folder / "film.mp4.rollcall.json"
    sidecar.write_text('{"priority": "very"}')
    look(process.database, settings, clock)
    look(process.database, settings, clock, 60)
    assert work(process, settings) == [None]
    with process.database.reading() as session:
        (refused,) = arrivals.refused(session)
        assert refused.cause == "bad-sidecar"
        assert "'very' is no priority" in (refused.detail or "")
    assert work(process, settings) == []
    sidecar.write_text('{"priority": "low"}')
    look(process.database, settings, clock, 60)
    look(process.database, settings, clock, 60)
    assert work(process, settings) != [None]
    assert states(process.database) == {"film.mp4": "taken"}


def test_a_file_that_changes_while_it_is_submitted_is_submitted_anew(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    look(ledger, settings, clock)
    look(ledger, settings, clock, 60)
    with ledger.writing() as session:
        ids, _ = arrivals.due(session, ALLOWED, utc_now())
        taken = arrivals.claim(session, ids[0], owner="a/1", lease=60, allowed=ALLOWED, now=utc_now())
        assert taken is not None
    (folder / "film.mp4").write_bytes(b"xx")
    assert look(ledger, settings, clock, 1) == {"film.mp4": ArrivalState.GROWING}
    with pytest.raises(LeaseLost), ledger.writing() as session:
        arrivals.take(session, taken[0], 1)


def test_two_machines_that_look_at_once_note_a_file_once(
    ledger: Database, settings: Settings, folder: Path, clock: Clock
) -> None:
    for number in range(40):
        (folder / f"{number}.mp4").write_bytes(b"x")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: watching.look(ledger, settings, clock), range(4))) == [[f"{folder}/"]] * 4
    with ledger.reading() as session:
        assert arrivals.count_by_state(session) == {"growing": 40}
        assert session.scalars(select(Video)).all() == []


def test_an_object_of_a_bucket_goes_the_whole_way(
    ledger_url: str, tmp_path: Path, bucket: TestBucket, film_path: Path, clock: Clock
) -> None:
    """Listed, hashed, probed, scanned and finished from this machine's copy; its sidecar lies beside it."""
    given = {
        "home": tmp_path / "home",
        "database": {"url": ledger_url},
        "intake": {"watch": [f"s3://{bucket.name}/up"]},
        "storage": {"endpoint": bucket.settings.endpoint},
    }
    with night(Settings.model_validate(given)) as own:
        database, settings = own.process.database, own.process.settings
        bucket.put("up/News 24/film 1#2.mp4", film_path.read_bytes())
        bucket.put("up/News 24/film 1#2.mp4.rollcall.json", b'{"priority": "urgent"}')
        assert watching.look(database, settings, clock) == [f"s3://{bucket.name}/up/"]
        assert states(database) == {"film 1#2.mp4": "waiting"}, "an object is whole when it is there"
        (video_id,) = work(own.process, settings)
        assert video_id is not None
        end = own.work(video_id)
        assert (end.state, end.cause) == ("done", None)
        with database.reading() as session:
            video = videos.get(session, video_id)
            assert (video.path, video.title) == (f"s3://{bucket.name}/up/News 24/film 1#2.mp4", "film 1#2.mp4")
            assert video.priority == Priority.URGENT
        assert len(list((tmp_path / "home" / "copies").iterdir())) >= 1


def test_an_object_that_was_replaced_is_not_taken_for_the_video(
    ledger_url: str, tmp_path: Path, bucket: TestBucket, film_path: Path
) -> None:
    given = {
        "home": tmp_path / "home",
        "database": {"url": ledger_url},
        "storage": {"endpoint": bucket.settings.endpoint},
    }
    with night(Settings.model_validate({**given, "work": {"attempts": 2, "retry_delay": 0}})) as own:
        bucket.put("film.mp4", film_path.read_bytes())
        admission = own.process.desk.admit(parse(f"s3://{bucket.name}/film.mp4"))
        assert admission.video_id is not None
        bucket.put("film.mp4", film_path.read_bytes() + b"more")
        shutil.rmtree(tmp_path / "home" / "copies")
        end = own.work(admission.video_id)
        assert (end.state, end.cause) == ("quarantined", "content-replaced")
        # It was put back: submitting it again tries it again.
        bucket.put("film.mp4", film_path.read_bytes())
        again = own.process.desk.admit(parse(f"s3://{bucket.name}/film.mp4"))
        assert (again.video_id, again.error) == (admission.video_id, None)
        assert own.work(admission.video_id).state == "done"


def test_an_outage_of_storage_uses_up_no_tries(process: WorkerProcess, folder: Path, film_path: Path) -> None:
    place = folder / "day" / "film.mp4"
    place.parent.mkdir()
    shutil.copy(film_path, place)
    own = Night(process)
    process.settings = process.settings.model_copy(
        update={"work": process.settings.work.model_copy(update={"attempts": 1, "retry_delay": 0})}
    )
    process.allowed = Allowance(1, 3)
    video_id = own.submit(place)
    place.parent.rename(folder / "unmounted")
    ((segment_id, _),) = prepare(process.database, process.settings, Memory()).segments
    for _ in range(3):
        assert scan_segment(process, segment_id) is None
    with process.database.reading() as session:
        (segment,) = videos.get(session, video_id).segments
        assert (segment.state, segment.attempts, segment.excused) == ("waiting", 3, 3)
        assert segment.cause == "storage-unavailable"
    (folder / "unmounted").rename(place.parent)
    assert own.work(video_id).state == "done"
