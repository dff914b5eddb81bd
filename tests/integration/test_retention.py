"""What is too old is deleted for good, and only that."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from support.archive import add_done, add_enrolled, face_of, names
from support.records import FACTS, SPACE, analysed, direction

from config.errors import LeaseLost
from config.settings import Settings
from curation.naming import name_unknown
from db import removal, segments, spaces, videos
from db.leases import utc_now
from db.schema import (
    Appearance,
    Arrival,
    Base,
    Cluster,
    FaceCrop,
    FaceRow,
    FrameRow,
    Rival,
    Segment,
    TaskRun,
    UnknownPerson,
    Video,
)
from db.session import Database
from db.states import VideoState
from scheduler.retention import Expired, expire
from worker import failures
from worker.archive import renew
from worker.process import WorkerProcess


def kept(process: WorkerProcess, **days: int) -> Settings:
    return Settings.model_validate({"home": process.settings.home, "retention": {"tries": 0, **days}})


def in_days(days: float) -> datetime:
    return utc_now() + timedelta(days=days)


def count(database: Database, table: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def archive(process: WorkerProcess) -> list[int]:
    """Three videos: one person in all of them, another one in the first only."""
    first = add_done(
        process, "first", [(0, face_of(direction(1))), (1, face_of(direction(1))), (2, face_of(direction(2), 1))]
    )
    others = [add_done(process, title, [(0, face_of(direction(1)))]) for title in ("second", "third")]
    renew(process)
    return [first, *others]


def test_nothing_is_deleted_unless_it_is_said_so(process: WorkerProcess, archive: list[int]) -> None:
    assert expire(process.database, kept(process), lambda: in_days(10_000)) == Expired(0, 0, 0, 0)
    assert count(process.database, Video) == len(archive)


def test_videos_go_with_everything_that_was_seen_in_them(process: WorkerProcess, archive: list[int]) -> None:
    database = process.database
    with database.writing() as session:
        videos.get(session, archive[0]).ended_at = in_days(-31)
        failed = videos.get(session, archive[1])
        failed.state, failed.ended_at = VideoState.FAILED, in_days(-400)
    assert count(database, UnknownPerson) == 2
    assert expire(database, kept(process, videos=30)).videos == 1
    with database.reading() as session:
        assert {video.id for video in videos.all_videos(session)} == set(archive[1:])
        for table in (FaceRow, Cluster, TaskRun):
            assert archive[0] not in set(session.scalars(select(table.video_id)))
    assert count(database, FaceCrop) == count(database, FaceRow) == 2
    assert count(database, UnknownPerson) == 1, "nothing shows the second any more"
    assert count(database, Segment) == 2
    assert expire(database, kept(process, videos=30)).videos == 0


@pytest.mark.usefixtures("archive")
def test_of_old_pictures_the_best_stay(process: WorkerProcess) -> None:
    database = process.database
    before, appearances = count(database, FaceCrop), count(database, Appearance)
    assert (before, appearances) == (5, 4)
    assert expire(database, kept(process, crops=30), lambda: in_days(31)).crops == 1
    assert count(database, FaceRow) == 5
    assert expire(database, kept(process, crops=30), lambda: in_days(31)).crops == 0


def test_old_frames_and_tries_go_and_their_videos_stay(process: WorkerProcess, archive: list[int]) -> None:
    database = process.database
    with database.writing() as session:
        (segment, *_) = videos.get(session, archive[0]).segments
        session.add(FrameRow(segment_id=segment.id, sample=0, pts=0, hash=1, part_0=1, part_1=0, part_2=0, part_3=0))
    tries = count(database, TaskRun)
    assert tries
    expired = expire(database, kept(process, frames=30, tries=30), lambda: in_days(31))
    assert (expired.frames, expired.tries) == (1, tries)
    assert (count(database, FrameRow), count(database, TaskRun), count(database, Video)) == (0, 0, 3)


def test_what_was_kept_of_a_removed_video_contests_no_name(process: WorkerProcess, archive: list[int]) -> None:
    """The unknown person looks like somebody who is enrolled; once nothing shows her any more, the name is given."""
    near = direction(1) * 0.99 + direction(3) * 0.1
    add_enrolled(process, [("Ann", face_of(near))])
    renew(process)
    database = process.database
    assert count(database, Rival) == 1
    with database.writing() as session:
        removal.remove(session, archive)
    assert (count(database, Rival), count(database, UnknownPerson), count(database, Video)) == (0, 0, 0)


def test_a_name_that_came_from_a_removed_video_stays(process: WorkerProcess, archive: list[int]) -> None:
    database = process.database
    name_unknown(database, "U-1", "Ann", process.settings)
    renew(process)
    with database.writing() as session:
        removal.remove(session, archive[:2])
    renew(process)
    assert names(process, archive[2]) == ["Ann"]


def test_a_file_in_a_watched_place_is_not_taken_again(process: WorkerProcess, archive: list[int]) -> None:
    database = process.database
    with database.writing() as session:
        session.add(Arrival(place="/up/a.mp4", version="1", since=utc_now(), state="taken", video_id=archive[0]))
    with database.writing() as session:
        removal.remove(session, archive[:1])
    with database.reading() as session:
        (arrival,) = session.scalars(select(Arrival))
        assert (arrival.state, arrival.video_id) == ("taken", None)


def test_whoever_works_on_a_video_that_is_removed_drops_what_was_found(process: WorkerProcess) -> None:
    database = process.database
    with database.writing() as session:
        video = videos.add(session, content_hash="f" * 64, byte_size=1, path="/a", title="a.mp4", outcome=FACTS)
        (segment_id,) = segments.plan(session, video.id, [(0, 5)], 3000)
        taken = segments.claim(
            session, segment_id, owner=process.owner, lease=60, allowed=process.allowed, now=utc_now()
        )
        assert taken is not None
        removal.remove(session, [video.id])
    with pytest.raises(LeaseLost, match="removed"), database.writing() as session:
        segments.record(
            session, taken[0], space_id=spaces.ensure(session, SPACE), detector="test", faces=[], runs=analysed(0, 5)
        )
    assert not failures.write(process, taken[0], failures.judge(OSError("late")))
    assert count(database, Segment) == 0
