"""What forecasts are made of, and their record, on both kinds of database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from support.past import Spent, add_done, add_runs, add_video, cut
from support.records import FACTS, SPACE, analysed, face

from config.settings import Settings
from db import costs, forecasts, leases, open_work, processes, segments, spaces, videos
from db.leases import Allowance
from db.schema import Border, FaceRow, ForecastRow, Priority, Segment, Side, TaskRun, Video
from db.session import Database
from db.states import SegmentState, VideoState
from scheduler import forecasting
from scheduler.experience import Source
from scheduler.forecasting import forecast_now, history, record

NOW = datetime(2026, 3, 10, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def settings_of(ledger: Database, tmp_path: Path, **schedule: object) -> Settings:
    return Settings.model_validate({"home": tmp_path, "database": {"url": ledger.url}, "schedule": schedule})


def past(ledger: Database, nights: int = 10, videos: int = 6) -> None:
    """Nights in which each video of 100 samples took 50 s, of two processes side by side."""
    with ledger.writing() as session:
        for night in range(nights):
            for number in range(videos):
                until = NOW - (night + 1) * DAY + timedelta(seconds=60 * (number // 2))
                video = add_video(session, 1000 * night + number + 1, submitted_at=until - DAY, ended_at=until)
                spent = Spent(scan=36, refine=12, finish=2)
                add_runs(session, video, cut(session, video, 100), spent, until, owner=f"elsewhere/{number % 2}")


def tonight(ledger: Database, videos: int = 4, after: timedelta = timedelta(hours=8)) -> list[int]:
    with ledger.writing() as session:
        found = []
        for number in range(videos):
            video = add_video(
                session, 900_000 + number, state=VideoState.RUNNING, submitted_at=NOW, deadline=NOW + after, samples=200
            )
            cut(session, video, 200, dict.fromkeys((0, 1), SegmentState.WAITING))
            found.append(video.id)
    return found


def end_all(ledger: Database, when: datetime) -> None:
    with ledger.writing() as session:
        session.execute(update(Segment).values(state=SegmentState.DONE))
        still = Video.state.in_([VideoState.RUNNING, VideoState.WAITING])
        session.execute(update(Video).where(still).values(state=VideoState.DONE, ended_at=when))


def test_costs_are_added_up_by_kind(ledger: Database) -> None:
    with ledger.writing() as session:
        video_id = add_done(session, 1, NOW - DAY, Spent(scan=30, refine=10.5, finish=2.25, failed=7), samples=250)
        add_done(session, 2, NOW - 60 * DAY, Spent(scan=30))
    with ledger.reading() as session:
        (found,) = costs.of_videos(session, since=NOW - 42 * DAY, most=100)
    assert (found.video_id, found.samples, found.ended, found.interval_ms) == (video_id, 250, True, 3000)
    assert (found.codec, found.width, found.height) == ("h264", 1920, 1080)
    assert (found.scan, found.refine, found.finish) == pytest.approx((30, 10.5, 2.25), abs=1e-3)
    assert found.wasted == pytest.approx(7, abs=1e-3)
    assert found.at == NOW - DAY


def test_tries_without_an_end_cost_nothing_known(ledger: Database) -> None:
    with ledger.writing() as session:
        add_done(session, 1, NOW - DAY, Spent(scan=30))
        session.execute(update(TaskRun).where(TaskRun.kind == "finish").values(ended_at=None, outcome=None))
    with ledger.reading() as session:
        (found,) = costs.of_videos(session, since=NOW - 42 * DAY, most=100)
    assert found.scan == pytest.approx(30, abs=1e-3)
    assert found.finish == 0


def test_videos_that_are_worked_on_tell_what_they_have_cost_so_far(ledger: Database) -> None:
    with ledger.writing() as session:
        video = add_video(session, 1, state=VideoState.RUNNING, submitted_at=NOW - DAY, samples=200)
        scanned, _ = cut(session, video, 200, {1: SegmentState.WAITING})
        add_runs(session, video, [scanned], Spent(scan=40, finish=0), NOW)
        untouched = add_video(session, 2, state=VideoState.RUNNING, submitted_at=NOW - DAY, samples=200)
        cut(session, untouched, 200, dict.fromkeys((0, 1), SegmentState.WAITING))
    with ledger.reading() as session:
        (found,) = costs.of_videos(session, since=NOW - 42 * DAY, most=100)
    assert (found.video_id, found.samples, found.ended) == (video.id, 100, False)
    assert found.scan == pytest.approx(40, abs=1e-3)


def test_a_large_ledger_is_sampled_from_all_nights_and_all_places_in_them(ledger: Database) -> None:
    with ledger.writing() as session:
        nights = {}
        for number in range(320):
            until = NOW - (1 + number // 32) * DAY
            nights[add_done(session, number, until, Spent(scan=10, finish=0))] = (until, number % 8)
    with ledger.reading() as session:
        found = costs.of_videos(session, since=NOW - 42 * DAY, most=80)
        assert found == costs.of_videos(session, since=NOW - 42 * DAY, most=80)
    assert 50 < len(found) < 110
    assert len({nights[cost.video_id][0] for cost in found}) == 10
    assert len({nights[cost.video_id][1] for cost in found}) == 8


def test_what_is_left_of_open_videos(ledger: Database) -> None:
    with ledger.writing() as session:
        waiting = add_video(session, 1, state=VideoState.WAITING, submitted_at=NOW, priority=Priority.LOW)
        endless = add_video(session, 2, state=VideoState.RUNNING, submitted_at=NOW)
        session.add(Segment(video_id=endless.id, number=1, first_sample=0, end_sample=None, state=SegmentState.WAITING))
        half = add_video(session, 3, state=VideoState.RUNNING, submitted_at=NOW, samples=300, deadline=NOW + DAY)
        cut(session, half, 300, {1: SegmentState.RUNNING, 2: SegmentState.WAITING})
        borders = add_video(session, 4, state=VideoState.RUNNING, submitted_at=NOW, samples=200)
        first, _ = cut(session, borders, 200)
        session.execute(update(Segment).where(Segment.id == first).values(state=SegmentState.WAITING))
        finishing = add_video(session, 5, state=VideoState.FINISHING, submitted_at=NOW)
        cut(session, finishing, 100)
        add_done(session, 6, NOW - DAY, Spent(scan=1))
    with ledger.reading() as session:
        found = {video.id: video for video in open_work.of_videos(session)}
    assert list(found) == [waiting.id, endless.id, half.id, borders.id, finishing.id]
    left = {number: (video.length, video.to_scan, video.to_refine, video.pieces) for number, video in found.items()}
    assert left == {  # type: ignore[comparison-overlap]  # fractions equal whole numbers
        waiting.id: (300, 300, 0, 0),
        endless.id: (None, 0, 0, 1),
        half.id: (900, 600, 0, 2),
        borders.id: (600, 0, 300, 1),
        finishing.id: (300, 0, 0, 0),
    }
    assert [number for number, video in found.items() if video.begun] == [half.id, borders.id, finishing.id]
    assert (found[waiting.id].interval_ms, found[waiting.id].priority) == (None, Priority.LOW)
    assert found[half.id].deadline == NOW + DAY


def test_whether_borders_were_asked_for(ledger: Database) -> None:
    with ledger.writing() as session:
        video_id = videos.add(session, content_hash="a" * 64, byte_size=1, path="/film", title="film", outcome=FACTS).id
        (segment_id,) = segments.plan(session, video_id, [(0, 10)], 3000)
        held = leases.claim(
            session, Segment, segment_id, owner="elsewhere/1", lease=60, allowed=Allowance(3, 3), now=NOW
        )
        assert held is not None
        space_id = spaces.ensure(session, SPACE)
        segments.record(session, held, space_id=space_id, detector="test", faces=[face(3, 1)], runs=analysed(0, 10))
        assert [video.refined for video in open_work.of_videos(session)] == [False]
        face_id = session.scalars(select(FaceRow.id)).one()
        session.add(
            Border(
                face_id=face_id, side=Side.START, segment_id=segment_id, witnesses="[]", seen_pts=9000, unseen_pts=6000
            )
        )
        session.flush()
        assert [video.refined for video in open_work.of_videos(session)] == [True]


def test_processes_are_those_that_work_side_by_side(ledger: Database) -> None:
    with ledger.writing() as session:
        for number in range(12):
            # Three at once, started anew under other names half-way.
            until = NOW - DAY + timedelta(seconds=50 * (number // 3))
            video = add_video(session, number, submitted_at=NOW - 2 * DAY, ended_at=until)
            owner = f"elsewhere/{number % 3 + 3 * (number // 6)}"
            add_runs(session, video, cut(session, video, 100), Spent(scan=49, finish=0), until, owner=owner)
    with ledger.reading() as session:
        tries = processes.latest_tries(session, most=1000)
        assert processes.seen(session, tries, NOW) == processes.Processes(now=0, lately=3)
        assert processes.seen(session, tries, NOW - DAY + timedelta(minutes=5)).now == 3
        assert processes.seen(session, [], NOW) == processes.Processes(0, 0)
    assert processes.pauses(tries) == pytest.approx([1.0] * 6)
    assert tries == sorted(tries, key=lambda each: each.started_at)


def test_whoever_holds_a_lease_is_at_work(ledger: Database) -> None:
    tonight(ledger)
    with ledger.writing() as session:
        for segment_id, owner in ((1, "elsewhere/7"), (2, "elsewhere/8"), (3, "elsewhere/8")):
            assert leases.claim(session, Segment, segment_id, owner=owner, lease=60, allowed=Allowance(3, 3), now=NOW)
    with ledger.reading() as session:
        assert processes.seen(session, [], NOW).now == 2
        assert processes.seen(session, [], NOW + timedelta(minutes=5)).now == 0


def test_a_queue_is_foretold_from_what_past_nights_have_cost(ledger: Database, tmp_path: Path) -> None:
    past(ledger)
    ids = tonight(ledger)
    found = forecast_now(ledger, settings_of(ledger, tmp_path), now=NOW)
    made = found.forecast
    assert made is not None
    assert (made.processes, found.source) == (2, Source.LATELY)
    assert [video.id for video in made.videos] == ids
    assert made.video_seconds == 4 * 600
    # 800 samples at half a second each, by two processes.
    assert made.work_seconds == pytest.approx(400, rel=0.15)
    assert (made.outlook.empty.median - NOW).total_seconds() == pytest.approx(200, rel=0.15)
    assert made.outlook.on_time > 0.99


def test_who_works_now_counts_where_there_is_work_for_more(ledger: Database, tmp_path: Path) -> None:
    past(ledger)
    tonight(ledger)
    with ledger.writing() as session:
        assert leases.claim(session, Segment, 61, owner="elsewhere/7", lease=60, allowed=Allowance(3, 3), now=NOW)
    found = forecast_now(ledger, settings_of(ledger, tmp_path), now=NOW)
    assert found.forecast is not None
    assert (found.forecast.processes, found.source) == (1, Source.WORKING)
    told = forecast_now(ledger, settings_of(ledger, tmp_path), now=NOW, workers=5)
    assert told.forecast is not None
    assert (told.forecast.processes, told.source) == (5, Source.TOLD)


def test_a_ledger_that_has_seen_no_work_reckons_with_this_machine(ledger: Database, tmp_path: Path) -> None:
    assert forecast_now(ledger, settings_of(ledger, tmp_path), now=NOW).forecast is None
    tonight(ledger)
    found = forecast_now(ledger, settings_of(ledger, tmp_path), now=NOW)
    assert found.source is Source.CORES
    assert found.estimate.videos == 0


def test_new_videos_wait_for_the_nightly_run_where_they_are_told_to(ledger: Database, tmp_path: Path) -> None:
    with ledger.writing() as session:
        add_video(session, 1, state=VideoState.WAITING, submitted_at=NOW)
    nightly = settings_of(ledger, tmp_path, start="nightly", nightly="01:30", zone="Europe/Vienna")
    found = forecast_now(ledger, nightly, now=NOW).forecast
    assert found is not None
    assert found.begins == datetime(2026, 3, 11, 0, 30, tzinfo=UTC)
    assert found.outlook.empty.low_95 > found.begins
    begun = forecasting.begins(nightly.schedule, datetime(2026, 3, 11, 0, 31, tzinfo=UTC))
    assert begun == datetime(2026, 3, 12, 0, 30, tzinfo=UTC)


def test_a_record_gets_its_result_when_its_queue_is_empty(ledger: Database, tmp_path: Path) -> None:
    past(ledger)
    ids = tonight(ledger, after=timedelta(minutes=4))
    settings = settings_of(ledger, tmp_path)
    record(ledger, forecast_now(ledger, settings, now=NOW))
    with ledger.writing() as session:
        later = add_video(session, 999_999, state=VideoState.RUNNING, submitted_at=NOW).id
        assert forecasts.settle(session) == 0
        session.execute(
            update(Video).where(Video.id == ids[0]).values(state=VideoState.DONE, ended_at=NOW + DAY / 1000)
        )
        session.execute(
            update(Video).where(Video.id.in_(ids[1:])).values(state=VideoState.PARTIAL, ended_at=NOW + DAY / 200)
        )
        session.execute(update(Video).where(Video.id == later).values(state=VideoState.DONE, ended_at=NOW + DAY / 300))
    rows, coverage = history(ledger, settings, most=10, now=NOW + DAY)
    (row,) = rows
    assert (row.videos, row.processes, row.horizon) == (4, 2, NOW + timedelta(minutes=4))
    assert row.emptied_at == NOW + DAY / 200
    assert (row.late, row.overtaken) == (3, 1)
    assert (coverage.nights, coverage.held_95) == (1, 0)


def test_a_queue_that_is_not_empty_yet_has_no_result(ledger: Database, tmp_path: Path) -> None:
    tonight(ledger)
    settings = settings_of(ledger, tmp_path)
    record(ledger, forecast_now(ledger, settings, now=NOW))
    ((row,), coverage) = history(ledger, settings, most=10)
    assert (row.emptied_at, row.late, coverage.nights) == (None, None, 0)


def test_an_empty_queue_is_not_recorded_but_earlier_ones_get_their_results(ledger: Database, tmp_path: Path) -> None:
    tonight(ledger)
    settings = settings_of(ledger, tmp_path)
    record(ledger, forecast_now(ledger, settings, now=NOW))
    end_all(ledger, NOW + timedelta(hours=1))
    record(ledger, forecast_now(ledger, settings, now=NOW + timedelta(hours=2)))
    with ledger.reading() as session:
        (row,) = forecasts.latest(session, most=10)
    assert row.emptied_at == NOW + timedelta(hours=1)


def test_intervals_are_widened_after_nights_that_were_not_as_foretold(ledger: Database, tmp_path: Path) -> None:
    past(ledger)
    tonight(ledger)
    settings = settings_of(ledger, tmp_path)
    plain = forecast_now(ledger, settings, now=NOW).forecast
    assert plain is not None
    with ledger.writing() as session:
        for night in range(1, 13):
            made = NOW - night * DAY

            def at(seconds: float, made: datetime = made) -> datetime:
                return made + timedelta(seconds=seconds)

            session.add(
                ForecastRow(
                    made_at=made, last_video_id=0, videos=1, video_seconds=1, work_seconds=1, processes=1, stretch=1,
                    median_at=at(1000), low_80_at=at(900), high_80_at=at(1100), low_95_at=at(850), high_95_at=at(1150),
                    on_time=1, at_risk=0, emptied_at=at(1200), late=0, overtaken=0,
                )
            )  # fmt: skip
    wide = forecast_now(ledger, settings, now=NOW).forecast
    assert wide is not None
    assert wide.stretch == pytest.approx(1.91, abs=0.01)
    assert wide.outlook.empty.high_95 > plain.outlook.empty.high_95
    assert wide.outlook.empty.low_95 < plain.outlook.empty.low_95
