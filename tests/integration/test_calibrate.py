"""Calibration, on both kinds of database: what it stores, who is in the cohort, when it is made again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.archive import add_done, add_enrolled, face_of, names, remove
from typer.testing import CliRunner

from cli.main import app
from config.errors import Conflict, GalleryTooSmall
from config.settings import load_settings
from db import calibrations, gallery, matching, spaces, videos
from db.schema import CalibrationRow, Cluster, CohortMember, EmbeddingSpaceRow, FaceGroup
from db.session import Session
from models.cohort import Cohort
from models.decision import Decision
from models.faces import Embeddings
from models.leave_one_out import Enrolled, LeftOut, search_left_out
from worker import calibrating
from worker.calibrating import Targets, calibrate, calibrate_where_due
from worker.process import WorkerProcess
from worker.rematch import rematch

TARGETS = Targets(0.01, 0.05)
PEOPLE = 110


def crowd(count: int, seed: int) -> Embeddings:
    """People who are mostly 0.8 apart, some nearer."""
    generator = np.random.default_rng(seed)
    scales = generator.choice([0.045, 0.05, 0.055], size=(count, 1))
    return (scales * generator.normal(size=(count, 128))).astype(np.float32)


def again(people: NDArray[np.float32], seed: int) -> Embeddings:
    """The same people on other photographs."""
    noise = np.random.default_rng(seed).normal(0, 0.012, people.shape)
    return (people + noise).astype(np.float32)


def enrol(process: WorkerProcess, people: Embeddings, first: int = 0) -> None:
    add_enrolled(process, [(f"Person {first + number}", face_of(one)) for number, one in enumerate(people)])


def seen(process: WorkerProcess, title: str, people: Embeddings) -> int:
    """A video in which up to ten people are seen one after the other, in samples of their own."""
    return add_done(process, title, [(sample, face_of(one)) for sample, one in enumerate(people)])


def space_name(process: WorkerProcess) -> str:
    return process.engine.space.name


def held(session: Session, process: WorkerProcess) -> EmbeddingSpaceRow:
    space = spaces.find(session, space_name(process))
    assert space is not None
    return space


def due(process: WorkerProcess) -> bool:
    with process.database.reading() as session:
        return calibrations.due(session) == [space_name(process)]


def cohort(process: WorkerProcess) -> Embeddings:
    """Of the unknown people, as everybody loads it."""
    with process.database.reading() as session:
        space = held(session, process)
        known = calibrations.current(session, space)
        assert known is not None
        return calibrations.unknown(session, known, space.length)


def test_a_calibration_decides_from_then_on(process: WorkerProcess) -> None:
    people = crowd(PEOPLE, 1)
    enrol(process, people)
    enrol(process, again(people[:40], 2))
    before = seen(process, "before", again(people[:3], 3))
    found = calibrate(process.database, space_name(process), TARGETS)
    assert (found.identities, found.photographs, found.unknown) == (PEOPLE, PEOPLE + 40, 0)
    assert found.rule.limit < found.rule.review_limit
    assert found.named.low <= found.named.value <= found.named.high
    assert found.missed is not None
    assert found.missed.people == 40
    assert found.review_per_day is not None
    after = seen(process, "after", again(people[:3], 4))
    with process.database.reading() as session:
        assert videos.get(session, after).rule == found.rule.name
        group = session.query(FaceGroup).where(FaceGroup.video_id == after, FaceGroup.number == 1).one()
        assert group.confidence is not None
        assert group.confidence > 0.9
        assert group.first_score != group.first_distance
        assert matching.to_match_again(session, process.uncalibrated.name) == [before]
    rematch(process)
    with process.database.reading() as session:
        assert videos.get(session, before).rule == found.rule.name
        assert matching.to_match_again(session, process.uncalibrated.name) == []
    assert names(process, after) == ["Person 0", "Person 1", "Person 2"]


def test_what_a_new_calibration_would_decide_alike_keeps_the_rule_that_decided(process: WorkerProcess) -> None:
    people = crowd(PEOPLE, 1)
    enrol(process, people)
    first = calibrate(process.database, space_name(process), TARGETS)
    sure = seen(process, "sure", again(people[:3], 3))
    doubtful = seen(process, "doubtful", again(people[3:4], 4))
    second = calibrate(process.database, space_name(process), TARGETS)
    # As if the first one had not been sure here.
    with process.database.writing() as session:
        session.query(Cluster).where(Cluster.video_id == doubtful).update({"decision": Decision.REVIEW})
    rematch(process)
    with process.database.reading() as session:
        assert matching.to_match_again(session, process.uncalibrated.name) == []
        kept, changed = videos.get(session, sure), videos.get(session, doubtful)
        assert (kept.rule, kept.matched_rule) == (first.rule.name, second.rule.name)
        assert (changed.rule, changed.matched_rule) == (second.rule.name, second.rule.name)


def test_all_who_hold_the_gallery_answer_alike(process: WorkerProcess) -> None:
    people = crowd(PEOPLE, 1)
    enrol(process, people)
    for number in range(2):
        seen(process, f"film {number}", crowd(9, 50 + number))
    calibrate(process.database, space_name(process), TARGETS)
    probes = np.concatenate([again(people[:20], 5), crowd(20, 6)])
    with process.database.reading() as session:
        shared = process.gallery(session, held(session, process))
        own = gallery.load(session, space_name(process))
    answers = shared.verdicts(probes, process.uncalibrated)
    assert answers == own.verdicts(probes, process.uncalibrated)
    assert {one.decision for one in answers} >= {Decision.NAMED, Decision.UNKNOWN}


def test_strangers_never_seen_are_named_about_as_often_as_wanted(process: WorkerProcess) -> None:
    enrol(process, crowd(300, 1))
    found = calibrate(process.database, space_name(process), Targets(0.05, 0.2))
    with process.database.reading() as session:
        held_by_process = process.gallery(session, held(session, process))
    verdicts = held_by_process.verdicts(crowd(2000, 77), process.uncalibrated)
    scores = np.array([one.first.score for one in verdicts if one.first])
    assert found.named.low <= np.mean(scores < found.rule.limit) <= found.named.high
    assert np.mean([one.decision == Decision.NAMED for one in verdicts]) <= found.named.high
    assert 0.12 < np.mean([one.decision != Decision.UNKNOWN for one in verdicts]) < 0.3


def test_the_cohort_is_of_unknown_people_of_the_archive_one_template_each(process: WorkerProcess) -> None:
    people, strangers = crowd(PEOPLE, 1), crowd(6, 2)
    enrol(process, people)
    seen(process, "first", strangers[:4])
    seen(process, "second", again(strangers[2:], 3))
    # Somebody who is enrolled and so badly seen that nobody was named.
    poor = people[7] + np.float32(0.25 / np.sqrt(128))
    with process.database.writing() as session:
        session.query(Cluster).where(Cluster.number == 1).update({"template": poor.tobytes()})
    found = calibrate(process.database, space_name(process), TARGETS)
    members = cohort(process)
    assert found.unknown == len(members) == 5
    distances = np.linalg.norm(members[:, np.newaxis] - members, axis=2)
    assert distances[~np.eye(len(members), dtype=bool)].min() > 0.4
    assert np.linalg.norm(members - people[7], axis=1).min() > 0.4


def test_only_the_newest_calibration_keeps_a_cohort(process: WorkerProcess) -> None:
    enrol(process, crowd(PEOPLE, 1))
    film = seen(process, "film", crowd(5, 2))
    first = calibrate(process.database, space_name(process), TARGETS)
    second = calibrate(process.database, space_name(process), TARGETS)
    assert first.rule.name != second.rule.name
    assert (first.rule.limit, first.rule.review_limit) == (second.rule.limit, second.rule.review_limit)
    with process.database.writing() as session:
        assert session.query(CalibrationRow).count() == 2
        assert session.query(CohortMember).count() == second.unknown == 5
        # Whoever deletes a video deletes the people that it has given.
        session.delete(videos.get(session, film))
        session.flush()
        assert session.query(CohortMember).count() == 0


def test_a_gallery_that_is_too_small_stays_as_it_is(process: WorkerProcess) -> None:
    with pytest.raises(GalleryTooSmall, match="0 people are enrolled"):
        calibrate(process.database, space_name(process), TARGETS)
    enrol(process, crowd(29, 1))
    for number in range(8):
        seen(process, f"film {number}", crowd(10, 10 + number))
    with pytest.raises(GalleryTooSmall, match="29 people are enrolled and 80 unknown people"):
        calibrate(process.database, space_name(process), TARGETS)
    assert not due(process)
    assert calibrate_where_due(process.database, TARGETS) == []
    enrol(process, crowd(1, 2), 29)
    assert due(process)
    assert [one.unknown for one in calibrate_where_due(process.database, TARGETS)] == [80]
    assert not due(process)


def test_it_is_due_when_gallery_or_archive_have_changed_enough(
    process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(process, crowd(100, 1))
    calibrate(process.database, space_name(process), Targets(0.02, 0.1))
    enrol(process, crowd(9, 2), 100)
    assert not due(process)
    enrol(process, crowd(1, 3), 109)
    assert due(process)
    (made,) = calibrate_where_due(process.database, TARGETS)
    assert made.targets == Targets(0.02, 0.1), "what was asked for last"
    assert not due(process)
    monkeypatch.setattr(calibrations, "LEAST_COHORT", 4)
    seen(process, "film", crowd(7, 4))
    assert not due(process)
    seen(process, "another", crowd(4, 5))
    assert due(process)


def test_a_gallery_that_has_become_too_small_is_decided_by_distance_again(process: WorkerProcess) -> None:
    enrol(process, crowd(101, 1))
    calibrate(process.database, space_name(process), TARGETS)
    for number in range(11):
        remove(process, f"Person {number}")
    with process.database.reading() as session:
        small = process.gallery(session, held(session, process))
        assert small.rule(process.uncalibrated) == process.uncalibrated
        assert small.candidates(crowd(1, 9)[0], 1)[0].identity_id
    assert calibrate_where_due(process.database, TARGETS) == []
    with process.database.reading() as session:
        assert calibrations.current(session, held(session, process)) is None


def test_a_gallery_that_changes_meanwhile_is_not_calibrated(
    process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(process, crowd(PEOPLE, 1))

    def slow(enrolled: Enrolled, cohort: Cohort, **options: int) -> LeftOut:
        enrol(process, crowd(1, 2), PEOPLE)
        return search_left_out(enrolled, cohort, **options)

    monkeypatch.setattr(calibrating, "search_left_out", slow)
    with pytest.raises(Conflict, match="try again"):
        calibrate(process.database, space_name(process), TARGETS)
    with process.database.reading() as session:
        assert calibrations.current(session, held(session, process)) is None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerProcess]:
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    load_settings.cache_clear()
    opened = WorkerProcess(load_settings())
    yield opened
    opened.database.close()
    load_settings.cache_clear()


def told(arguments: Sequence[str], code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_tells_what_it_has_found(home: WorkerProcess) -> None:
    told(["status"])
    people = crowd(PEOPLE, 1)
    enrol(home, people)
    assert "has changed: `rollcall calibrate`" in told(["status"])
    dry = told(["calibrate", "--dry-run"])
    assert "110 people, 110 photographs" in dry
    assert "not known: nobody has two photographs" in dry
    assert "not known: no video has ended yet" in dry
    assert "nothing was changed" in dry
    with home.database.reading() as session:
        assert session.query(CalibrationRow).count() == 0
    enrol(home, again(people[:50], 2))
    seen(home, "film", np.concatenate([again(people[:4], 3), crowd(5, 4)]))
    assert "alike" not in dry
    add_enrolled(home, [("Somebody else", face_of(again(people[7:8], 9)[0]))])
    assert "Person 7 and Somebody else" in told(["calibrate", "--dry-run"])
    remove(home, "Somebody else")
    made = told(["calibrate", "--fpir", "0.02"])
    assert "has changed" not in told(["status"])
    assert "wanted 2.0%" in made
    assert "from 50 people with several photographs" in made
    assert "beside 5 unknown people" in made
    assert "a day" in made
    assert "by distance" in told(["calibrate", "--off"])
    with home.database.reading() as session:
        assert held(session, home).calibration_id is None
    assert told(["calibrate", "--off"], code=1) == ""
    assert "share is above 0" in told(["calibrate", "--fpir", "0"], code=2)
    assert "share is above 0" in told(["calibrate", "--fpir", "0.1", "--review-fpir", "0.05"], code=2)


def test_matching_past_videos_calibrates_first_unless_told_not_to(
    home: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(["status"])
    enrol(home, crowd(PEOPLE, 1))
    monkeypatch.setenv("ROLLCALL_MATCH__CALIBRATE", "never")
    load_settings.cache_clear()
    assert "calibrated" not in told(["rematch"])
    monkeypatch.delenv("ROLLCALL_MATCH__CALIBRATE")
    load_settings.cache_clear()
    assert "calibrated for 110 people" in told(["rematch"])
    assert "calibrated" not in told(["rematch"])
