"""What the ledger says of a video, for a comparison with its truth."""

from fractions import Fraction

import pytest
from sqlalchemy import delete, update
from support import broadcast as scene

from config.errors import NotFinished
from db import seen
from db.schema import SampleRun, Segment, Video
from db.seen import SeenVideo
from db.session import Database
from report.build import build

TICK = Fraction(1, scene.TICKS_PER_SECOND)


def changed(ledger: Database, **values: object) -> SeenVideo:
    with ledger.writing() as session:
        video_id = scene.record(session)
        if values:
            session.execute(update(Video).where(Video.id == video_id).values(**values))
    with ledger.reading() as session:
        return seen.load(session, session.get_one(Video, video_id))


def test_appearances_of_those_who_are_named_with_the_uncertainty_that_the_report_states(ledger: Database) -> None:
    found = changed(ledger)
    assert [(one.name, one.start, one.end) for one in found.appearances] == [
        (name, scene.pts(first) * TICK, scene.pts(last) * TICK)
        for name, first, last in (
            ("Barack Obama", 1, 4),
            ("Joe Biden", 3, 9),
            ("Barack Obama", 8, 11),
            ("Barack Obama", 18, 19),
        )
    ]
    with ledger.reading() as session:
        report = build(session, session.get_one(Video, found.video_id))
    stated = {
        (seen.start, seen.start - seen.earliest_start, seen.latest_end - seen.end)
        for person in report.people
        for seen in person.appearances
        if person.name
    }
    assert {(one.start, one.start_uncertainty, one.end_uncertainty) for one in found.appearances} == stated
    assert found.length == report.length


def test_every_planned_sample_is_there_with_its_seconds_and_whether_it_had_a_frame(ledger: Database) -> None:
    found = changed(ledger)
    assert [index for index, sample in enumerate(found.samples) if not sample.looked_at] == [15, 16, 17]
    assert len(found.samples) == scene.SAMPLES
    assert sum(sample.seconds for sample in found.samples) == found.length
    assert [sample.seconds for sample in found.samples[:-1]] == [scene.INTERVAL] * (scene.SAMPLES - 1)
    times = [sample.time for sample in found.samples]
    assert times == sorted(times)
    # Where a face was found, and at the ends of runs, the frame's own time is known.
    for exact in (0, 1, 2, 3, 7, 8, 9, 10, 14, 18, 19, 20):
        assert times[exact] == scene.pts(exact) * TICK
    assert times[5] == 5 * scene.INTERVAL


def test_faces_come_with_their_groups_in_order_of_time(ledger: Database) -> None:
    found = changed(ledger)
    groups = [face.group for face in found.faces]
    assert [face.sample for face in found.faces] == [1, 2, 3, 8, 18, 19, 19]
    assert groups[0] == groups[4]
    assert len(set(groups)) == 6
    assert groups.count(None) == 1, "who is not recognisable is in nobody's group"
    assert [face.time for face in found.faces] == [scene.pts(face.sample) * TICK for face in found.faces]


def test_a_video_that_tells_no_duration_ends_one_interval_after_its_last_frame(ledger: Database) -> None:
    found = changed(ledger, duration_pts=None)
    assert found.length == scene.pts(20) * TICK + scene.INTERVAL
    assert found.samples[-1].seconds == scene.INTERVAL


def test_what_a_segment_that_failed_had_planned_was_not_looked_at(ledger: Database) -> None:
    with ledger.writing() as session:
        video_id = scene.record(session)
        session.execute(update(Segment).where(Segment.number == 2).values(state="failed", end_sample=None))
        last = session.query(Segment).where(Segment.number == 2).one()
        session.execute(delete(SampleRun).where(SampleRun.segment_id == last.id))
    with ledger.reading() as session:
        found = seen.load(session, session.get_one(Video, video_id))
    assert [sample.looked_at for sample in found.samples] == [
        index < 10 or index in {18, 19} for index in range(scene.SAMPLES)
    ]


@pytest.mark.parametrize("state", ["waiting", "running", "finishing", "failed", "quarantined", "rejected"])
def test_a_video_that_has_not_ended_well_is_told(ledger: Database, state: str) -> None:
    with pytest.raises(NotFinished, match=state):
        changed(ledger, state=state)
