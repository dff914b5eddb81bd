"""A real video in a night that is too short: some samples are left out, and looked at later as if nothing had been."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.night import Night, night
from support.pictures import illustrated

from config.settings import Settings
from db import coarsening, forecasts, leases, open_work, status, videos
from db.schema import FaceRow, Priority, Segment
from db.session import Database
from db.states import SegmentState, VideoState
from report import as_html, as_json
from report.model import Refill, VideoReport
from scheduler.coarsening import refill
from scheduler.experience import Memory
from scheduler.sweep import prepare
from worker.work import finish_video, scan_segment

STRIDE = 3


def opened(home: Path) -> Settings:
    """Segments of six samples, each of which is tried once."""
    return Settings.model_validate({"home": home, "sampling": {"interval": 0.5, "segment": 3}, "work": {"attempts": 1}})


@pytest.fixture(scope="module")
def clip(corpus: Path) -> Path:
    return corpus / "videos" / "real" / "face_recognition__short_hamilton_clip.mp4"


@pytest.fixture(scope="module")
def calm(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a night that is long enough, and the faces of its samples."""
    with night(opened(tmp_path_factory.mktemp("calm"))) as own:
        end = own.end_of(clip)
        assert end.report.coverage.left_out == 0
        return {"report": document(end.report), "faces": faces(own.process.database)}


@pytest.fixture
def short(clip: Path, tmp_path: Path) -> Any:
    """A night in which only every third sample was looked at."""
    with night(opened(tmp_path)) as own:
        own.submit(clip)
        prepare(own.process.database, own.process.settings, Memory())
        with own.process.database.writing() as session:
            assert coarsening.set_strides(session, {Priority.NORMAL: STRIDE}) == 4
            assert {round(1 / each.density) for each in open_work.of_videos(session)} == {STRIDE}
        work(own)
        yield own


def work(own: Night, spoil: Callable[[int], None] = lambda _: None) -> None:
    """Until nothing is left to do."""
    process = own.process
    while (due := prepare(process.database, process.settings, Memory())).segments or due.videos:
        for segment_id, _ in due.segments:
            spoil(segment_id)
            scan_segment(process, segment_id)
        for video_id in due.videos:
            finish_video(process, video_id)


def report(own: Night) -> VideoReport:
    with own.process.database.reading() as session:
        return illustrated(session, videos.get(session, 1))


def document(made: VideoReport) -> dict[str, Any]:
    told = as_json.document(made)
    del told["processing"]
    return told


def faces(database: Database) -> dict[tuple[int, int, int], bytes]:
    """Embeddings by sample and place."""
    with database.reading() as session:
        rows = session.scalars(select(FaceRow)).all()
        return {(row.sample, row.left, row.top): row.embedding for row in rows}


def test_a_coarse_video_says_so_and_has_seen_nothing_else_than_the_whole_one(
    short: Night, calm: dict[str, Any]
) -> None:
    made = report(short)
    assert made.state == VideoState.DONE
    assert made.coverage.refill == Refill.TO_COME
    assert made.coverage.left_out > made.coverage.planned / 2
    told = document(made)["coverage"]
    parts = ("analysed", "carried", "flat", "undecodable", "left_out")
    assert told["planned"] == sum(told[part] for part in parts) == calm["report"]["coverage"]["planned"]
    seen = faces(short.process.database)
    assert seen
    assert seen.items() < calm["faces"].items()
    assert made.people
    assert "Looked at coarsely" in as_html.render(made)
    with short.process.database.reading() as session:
        assert coarsening.count_coarse(session) == 1
        assert [line.coarse for line in status.lines(session)] == [True]


def test_what_was_left_out_is_looked_at_when_nothing_else_is_to_be_done(short: Night, calm: dict[str, Any]) -> None:
    process = short.process
    with process.database.reading() as session:
        ended = videos.get(session, 1).ended_at
        assert not open_work.of_videos(session)
    assert refill(process.database, process.settings, Memory(1))
    assert not refill(process.database, process.settings, Memory(1)), "what is worked on is asked for once"
    during = report(short)
    assert during.coverage.refill == Refill.UNDER_WAY
    assert during.people
    assert "are being looked at now" in as_html.render(during)
    with process.database.writing() as session:
        assert open_work.of_videos(session) == [], "no night has to wait for it"
        assert forecasts.settle(session) == 0
        assert coarsening.set_strides(session, {Priority.NORMAL: 4}) == 0, "it is not coarsened again"
    work(short)
    assert document(report(short)) == calm["report"]
    assert faces(process.database) == calm["faces"]
    with process.database.reading() as session:
        assert videos.get(session, 1).ended_at == ended, "it was on time"
        assert coarsening.refillable(session, 9) == []
        assert coarsening.count_coarse(session) == 0


def test_what_cannot_be_looked_at_later_stays_as_it_was_seen(short: Night, clip: Path) -> None:
    before = document(report(short))
    process = short.process
    assert refill(process.database, process.settings, Memory(1))
    with process.database.writing() as session:
        videos.get(session, 1).path = str(clip.with_name("gone.mp4"))
    work(short)
    after = report(short)
    assert after.coverage.refill == Refill.GIVEN_UP
    assert {part.cause for part in after.coverage.stretches} == {"file-missing"}
    told = document(after)
    assert (told["people"], after.state) == (before["people"], VideoState.DONE)
    assert not refill(process.database, process.settings, Memory(1)), "it is not tried for ever"


def test_nothing_is_refilled_while_there_is_work_or_where_it_is_not_wanted(short: Night, corpus: Path) -> None:
    process = short.process
    unwanted = process.settings.model_copy(
        update={"schedule": process.settings.schedule.model_copy(update={"refill": False})}
    )
    assert not refill(process.database, unwanted, Memory(1))
    short.submit(corpus / "videos" / "real" / "LipNet__bbaf2n.mpg")
    prepare(process.database, process.settings, Memory())
    assert not refill(process.database, process.settings, Memory(1))


def test_a_try_of_the_night_that_comes_late_changes_nothing(short: Night) -> None:
    process = short.process
    with process.database.writing() as session:
        assert coarsening.refill(session, 1, leases.utc_now() + timedelta(hours=1))
        waiting = session.scalars(select(Segment).where(Segment.state == SegmentState.WAITING)).all()
        assert {segment.stride for segment in waiting} == {1}
        assert coarsening.refill(session, 1, leases.utc_now()) == []
