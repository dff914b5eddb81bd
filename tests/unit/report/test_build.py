"""From rows to a report."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session
from support import broadcast as scene
from support.pictures import illustrated

from config.errors import NotFinished
from db import identities, videos
from db.schema import Appearance, Base, FaceGroup, SampleOutcome, SampleRun, Segment, Video
from db.session import Database
from db.states import VideoState
from models.decision import Decision
from report import as_csv, as_html, as_json, as_vtt
from report.build import build
from report.model import Candidate, VideoReport

TICK = Fraction(1, scene.TICKS_PER_SECOND)


@pytest.fixture
def recorded(database: Database) -> Iterator[tuple[Session, Video]]:
    """A session in which a test may change the broadcast before it is reported."""
    with database.writing() as session:
        yield session, session.get_one(Video, scene.record(session))


def test_people_come_in_order_of_first_appearance(broadcast: VideoReport) -> None:
    assert [(person.label, person.name) for person in broadcast.people] == [
        ("Barack Obama", "Barack Obama"),
        ("Unknown 1, perhaps Joe Biden", None),
        ("Joe Biden", "Joe Biden"),
        ("Unknown 2", None),
        ("Not recognisable 1", None),
    ]
    assert [person.decision for person in broadcast.people] == [
        Decision.NAMED, Decision.REVIEW, Decision.NAMED, Decision.UNKNOWN, Decision.UNRECOGNISABLE
    ]  # fmt: skip
    assert [person.proposed for person in broadcast.people] == [None, "Joe Biden", None, None, None]


def test_a_person_is_as_sure_as_the_surest_group(broadcast: VideoReport) -> None:
    assert [evidence.confidence for evidence in broadcast.people[0].evidence] == [0.9990234375, 0.96875]
    assert [person.confidence for person in broadcast.people] == [0.9990234375, 0.625, 0.9375, 0.0625, None]


def test_groups_of_one_name_are_one_person_who_keeps_the_evidence_of_each(broadcast: VideoReport) -> None:
    obama = broadcast.people[0]
    assert [evidence.group for evidence in obama.evidence] == [1, 4]
    assert obama.evidence[0].first == Candidate("Barack Obama", 0.3125, -0.1875)
    assert obama.evidence[0].second == Candidate("Joe Biden", 0.640625, 0.140625)
    assert obama.evidence[0].margin == 0.328125
    assert [evidence.face_count for evidence in obama.evidence] == [6, 4]
    assert obama.face_count == 10
    assert [appearance.group for appearance in obama.appearances] == [1, 4, 1]


def test_without_a_second_candidate_there_is_no_margin(broadcast: VideoReport) -> None:
    evidence = broadcast.people[3].evidence[0]
    assert evidence.second is None
    assert evidence.margin is None


def test_times_are_exact(broadcast: VideoReport) -> None:
    seen = broadcast.people[1].appearances[0]
    assert seen.start_pts == seen.end_pts == scene.pts(2)
    # The first frame at or after 6 s of 29.97 frames a second.
    assert seen.start == Fraction(180 * 1001, 30000)
    # Somebody else is seen first in the next sample, so its frame is known.
    assert seen.until == scene.pts(3) * TICK > seen.end + 3


def test_where_the_next_sample_is_not_known_a_sighting_lasts_one_interval(broadcast: VideoReport) -> None:
    seen = broadcast.people[0].appearances[0]
    assert seen.end == scene.pts(4) * TICK
    assert seen.until == seen.end + 3


def test_borders_are_what_was_looked_at(broadcast: VideoReport) -> None:
    biden = broadcast.people[2].appearances[0]
    assert biden.earliest_start == (scene.pts(3) - 12 * scene.TICKS_PER_FRAME) * TICK
    assert biden.latest_end == biden.until == (scene.pts(9) + 14 * scene.TICKS_PER_FRAME) * TICK
    assert biden.uncertainty == 14 * scene.TICKS_PER_FRAME * TICK
    assert broadcast.border_uncertainty == max(
        seen.uncertainty for person in broadcast.people for seen in person.appearances
    )


def test_of_appearances_from_before_borders_were_kept_the_plan_tells_the_uncertainty(broadcast: VideoReport) -> None:
    first, _, last = broadcast.people[0].appearances
    # An interval and twice the tolerance, but not before the video's beginning, nor behind its end.
    assert (first.earliest_start, first.latest_end) == (Fraction(0), first.end + Fraction(18, 5))
    assert (last.earliest_start, last.latest_end) == (last.start - Fraction(18, 5), broadcast.length)


def test_an_appearance_lasts_no_longer_than_the_video(broadcast: VideoReport) -> None:
    assert broadcast.length == scene.DURATION_TICKS * TICK
    last = broadcast.people[3].appearances[0]
    assert last.end < last.until == broadcast.length < last.end + 3


def test_time_on_camera_counts_overlapping_appearances_once(recorded: tuple[Session, Video]) -> None:
    session, video = recorded
    biden = build(session, video).people[2]
    seen = biden.appearances[0]
    assert biden.time_on_camera == seen.until - seen.start
    # Another group of his, inside and beyond the first appearance.
    fourth = session.scalars(select(FaceGroup.id).where(FaceGroup.number == 4)).one()
    session.execute(update(FaceGroup).where(FaceGroup.number == 4).values(identity_id=biden_id(session)))
    inside = session.scalars(select(Appearance).where(Appearance.group_id == fourth)).one()
    assert seen.start_pts < inside.start_pts < seen.end_pts < inside.end_pts
    again = build(session, video).people[2]
    assert len(again.appearances) == 2
    assert again.time_on_camera == again.appearances[1].until - seen.start


def biden_id(session: Session) -> int:
    return identities.get(session, "Joe Biden").id


def test_coverage_of_both_segments(broadcast: VideoReport) -> None:
    account = broadcast.coverage
    counts = {outcome.value: account.count(outcome) for outcome in SampleOutcome}
    assert counts == {"analysed": 15, "carried": 2, "flat": 1, "undecodable": 3}
    assert account.planned == scene.SAMPLES
    lost = [stretch for stretch in account.stretches if stretch.outcome == SampleOutcome.UNDECODABLE]
    assert [(stretch.start, stretch.end) for stretch in lost] == [(Fraction(45), Fraction(54))]


def test_pictures_only_where_they_are_asked_for(database: Database, crops: Mapping[str, bytes]) -> None:
    with database.writing() as session:
        video = session.get_one(Video, scene.record(session, crops))
        with_pictures = illustrated(session, video)
        without = build(session, video)
    pictured = [person.best_face.jpeg for person in with_pictures.people if person.best_face]
    assert pictured == [crops["Barack Obama"], crops[""], crops["Joe Biden"], crops[""], crops[""]]
    assert all(person.best_face and person.best_face.jpeg is None for person in without.people)


def test_an_erased_identity_is_unknown_and_no_candidate(recorded: tuple[Session, Video]) -> None:
    session, video = recorded
    identities.remove(session, biden_id(session))
    session.expire_all()
    report = build(session, video)
    assert [person.label for person in report.people] == [
        "Barack Obama", "Unknown 1", "Unknown 2", "Unknown 3", "Not recognisable 1"
    ]  # fmt: skip
    assert "Joe Biden" not in as_json.render(report)


def test_an_erased_face_leaves_an_appearance_without_a_face(recorded: tuple[Session, Video]) -> None:
    session, video = recorded
    session.execute(update(Appearance).values(best_face_id=None))
    session.execute(update(FaceGroup).values(best_face_id=None))
    session.expire_all()
    report = illustrated(session, video)
    assert {person.best_face for person in report.people} == {None}
    assert as_json.document(report)["people"][0]["appearances"][0]["best_face"] is None


@pytest.mark.parametrize("state", [VideoState.WAITING, VideoState.RUNNING, VideoState.FINISHING])
def test_a_video_that_is_worked_on_has_no_report(recorded: tuple[Session, Video], state: VideoState) -> None:
    session, video = recorded
    video.state, video.ended_at = state, None
    session.execute(update(Segment).where(Segment.number == 2).values(state="running"))
    with pytest.raises(NotFinished) as caught:
        build(session, video)
    assert f"it is {state.value}, 1 of 2 segments done" in str(caught.value)
    assert "rollcall work" in caught.value.remedy


def test_a_rejected_file_has_a_report_of_why(database: Database) -> None:
    with database.writing() as session:
        video = Video(
            content_hash="00" * 32, byte_size=0, path="x", title="x", state="rejected", cause="empty-file",
            detail="has no bytes", submitted_at=datetime(2026, 1, 5, tzinfo=UTC),
        )  # fmt: skip
        session.add(video)
        session.flush()
        report = illustrated(session, video)
    assert (report.cause, report.detail) == ("empty-file", "has no bytes")
    assert report.facts is None
    assert report.people == ()
    assert report.coverage.planned == 0


def test_without_a_declared_duration_the_report_reaches_one_interval_beyond_the_last_frame(
    recorded: tuple[Session, Video],
) -> None:
    session, video = recorded
    video.duration_pts = None
    report = build(session, video)
    assert report.length == scene.pts(20) * TICK + 3
    assert all(seen.until > seen.end for person in report.people for seen in person.appearances)


def test_frames_behind_the_declared_end_are_covered_too(recorded: tuple[Session, Video]) -> None:
    session, video = recorded
    video.duration_pts = scene.pts(10)
    report = build(session, video)
    assert report.length == scene.pts(20) * TICK + 3


def test_a_video_that_failed_while_it_was_finished_shows_its_coverage(recorded: tuple[Session, Video]) -> None:
    session, video = recorded
    session.execute(delete(FaceGroup))
    video.state, video.cause = "failed", "worker-died"
    report = build(session, video)
    assert report.people == ()
    assert report.coverage.planned == scene.SAMPLES


def test_the_same_video_gives_the_same_bytes_whoever_processed_it(tmp_path: Path, crops: Mapping[str, bytes]) -> None:
    reports = []
    for skew in (0, 1000):
        database = Database(f"sqlite:///{tmp_path / f'{skew}.db'}")
        Base.metadata.create_all(database.engine)
        with database.writing() as session:
            video = session.get_one(Video, scene.record(session, crops, skew))
            reports.append(illustrated(session, video))
        database.close()
    one, other = reports
    assert one.processing != other.processing
    assert as_csv.render(one) == as_csv.render(other)
    assert as_vtt.render(one) == as_vtt.render(other)
    same = replace(other, processing=one.processing)
    assert as_json.render(one) == as_json.render(same)
    assert as_html.render(one) == as_html.render(same)
    # What differs stands in one place of each.
    documents = [as_json.document(report) for report in reports]
    assert documents[0].pop("processing") != documents[1].pop("processing")
    assert documents[0] == documents[1]
    bodies = [as_html.render(report).split('<footer id="processing"')[0] for report in reports]
    assert bodies[0] == bodies[1]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", listen)
    yield sent
    event.remove(database.engine, "before_cursor_execute", listen)


def test_no_embedding_is_read_and_the_number_of_queries_does_not_grow(
    database: Database, crops: Mapping[str, bytes]
) -> None:
    with database.writing() as session:
        video_id = scene.record(session, crops)
    with database.reading() as session, statements(database) as sent:
        illustrated(session, videos.get(session, video_id))
    assert not [sql for sql in sent if re.search(r"\bembedding\b|\blandmarks\b", sql)]
    with database.writing() as session:
        for number in range(100, 120):
            session.add(FaceGroup(video_id=video_id, number=number, decision="unknown", face_count=1))
        session.add(SampleRun(segment_id=1, first_sample=500, end_sample=501, outcome="flat"))
    with database.reading() as session, statements(database) as sent_for_more:
        illustrated(session, videos.get(session, video_id))
    assert len(sent_for_more) == len(sent)
