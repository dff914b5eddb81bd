"""Enrol today, find in the past: on both kinds of database, with faces whose people are plain."""

from pathlib import Path

import numpy as np
import pytest
from support.archive import add_done, add_enrolled, face_of, names, remove
from support.records import direction
from typer.testing import CliRunner

from cli.main import app
from config.settings import load_settings
from db import calibrations, casts, identities, matching, removal, status, videos
from db.schema import Cluster, FaceGroup, Video
from db.states import VideoState
from models.faces import Face
from worker.process import WorkerProcess
from worker.rematch import Rematched, rematch


def face(person: int, seed: int = 0) -> Face:
    noise = np.random.default_rng(seed).normal(0, 0.005, 128).astype(np.float32)
    return face_of(direction(person) + noise, person)


def seen(process: WorkerProcess, title: str, *people: tuple[int, int]) -> int:
    """A video of ten samples that is done: (sample, person)."""
    return add_done(process, title, [(sample, face(person, sample)) for sample, person in people])


def enrol(process: WorkerProcess, name: str, person: int) -> None:
    add_enrolled(process, [(name, face(person, 99))])


def version(process: WorkerProcess, video_id: int) -> tuple[int | None, int | None]:
    with process.database.reading() as session:
        video = videos.get(session, video_id)
        return video.gallery_version, video.matched_version


def test_whoever_is_enrolled_is_found_in_past_videos(process: WorkerProcess) -> None:
    first = seen(process, "first", (0, 1), (1, 1), (1, 2), (7, 1))
    second = seen(process, "second", (0, 2))
    other = seen(process, "other", (0, 3))
    assert names(process, first) == [None, None]
    assert rematch(process) == Rematched()
    enrol(process, "Ann", 1)
    # Samples 0 and 1 are one appearance, sample 7 another one.
    assert rematch(process) == Rematched(videos=1, named=2)
    assert names(process, first) == ["Ann", None]
    enrol(process, "Bob", 2)
    assert rematch(process) == Rematched(videos=2, named=2)
    assert (names(process, first), names(process, second)) == (["Ann", "Bob"], ["Bob"])
    assert names(process, other) == [None]
    assert rematch(process) == Rematched()


def test_names_that_stay_keep_the_version_that_they_are_from(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    video_id = seen(process, "film", (0, 1))
    assert version(process, video_id) == (1, 1)
    enrol(process, "Bob", 2)
    rematch(process)
    assert version(process, video_id) == (1, 2)
    with process.database.reading() as session:
        assert matching.to_match_again(session, process.uncalibrated.name) == []


def test_whoever_is_removed_is_nobody_and_may_be_somebody_else(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    video_id = seen(process, "film", (0, 1), (1, 2))
    assert names(process, video_id) == ["Ann", None]
    remove(process, "Ann")
    enrol(process, "Anna", 1)
    assert names(process, video_id) == [None, None]
    assert rematch(process) == Rematched(videos=1, named=1)
    assert names(process, video_id) == ["Anna", None]


def test_clusters_that_one_name_joined_are_two_people_again_without_it(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    enrol(process, "Ann", 2)
    video_id = seen(process, "film", (0, 1), (5, 2))
    assert names(process, video_id) == ["Ann"]
    remove(process, "Ann")
    rematch(process)
    assert names(process, video_id) == [None, None]


def test_another_rule_is_asked_anew(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    video_id = seen(process, "film", (0, 1))
    strict = process.settings.match.model_copy(update={"largest_distance": 0.01})
    stricter = WorkerProcess(process.settings.model_copy(update={"match": strict}))
    assert rematch(stricter) == Rematched(videos=1, unnamed=1)
    assert names(process, video_id) == [None]
    assert rematch(stricter) == Rematched()
    stricter.database.close()


def test_videos_that_were_done_before_clusters_were_kept_are_matched(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1), (2, 1))
    with process.database.writing() as session:
        session.query(Cluster).delete()
        session.get_one(Video, video_id).matched_version = None
    enrol(process, "Ann", 1)
    assert rematch(process) == Rematched(videos=1, named=1)
    with process.database.reading() as session:
        assert len(casts.clusters(session, video_id, 128)) == 1


def test_a_video_that_is_worked_on_or_was_matched_meanwhile_is_left_alone(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1))
    with process.database.writing() as session:
        cast = casts.Cast((), (), ())
        assert not matching.match_again(session, video_id, 7, cast, rule="x", gallery_version=8)
        session.get_one(Video, video_id).state = VideoState.RUNNING
        session.flush()
        assert not matching.match_again(session, video_id, 0, cast, rule="x", gallery_version=8)
    assert names(process, video_id) == [None]


def test_a_video_that_is_removed_meanwhile_ends_nothing(process: WorkerProcess) -> None:
    ids = [seen(process, title, (0, 1)) for title in ("first", "second", "third")]

    def take_away(done: int, _all: int) -> None:
        if done == 1:
            with process.database.writing() as session:
                removal.remove(session, ids[1:2])

    enrol(process, "Ann", 1)
    assert rematch(process, take_away) == Rematched(videos=2, named=2)
    assert names(process, ids[2]) == ["Ann"]


def test_the_command_tells_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    load_settings.cache_clear()
    runner = CliRunner()
    try:
        assert "every past video" in runner.invoke(app, ["rematch"]).stdout
        process = WorkerProcess(load_settings())
        seen(process, "film", (0, 1), (7, 1))
        enrol(process, "Ann", 1)
        assert "1 past video, 2 appearances named" in runner.invoke(app, ["rematch"]).stdout
        assert "every past video" in runner.invoke(app, ["rematch"]).stdout
        remove(process, "Ann")
        process.database.close()
    finally:
        load_settings.cache_clear()


def merge(process: WorkerProcess, source: str, target: str) -> identities.Removed:
    with process.database.writing() as session:
        return identities.merge(session, identities.get(session, source).id, identities.get(session, target).id)


def test_two_names_of_one_person_become_one(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    enrol(process, "Anna", 2)
    enrol(process, "Bob", 3)
    both = seen(process, "both", (0, 1), (5, 2), (6, 3))
    together = seen(process, "together", (0, 1), (0, 2))
    assert names(process, both) == ["Ann", "Anna", "Bob"]
    before = version(process, together)
    assert merge(process, "Anna", "Ann") == identities.Removed(faces=1, groups=2)
    assert names(process, both) == ["Ann", "Ann", "Bob"]
    rematch(process)
    # One person, but for a frame that shows two faces: of those one keeps the name.
    assert names(process, both) == ["Ann", "Bob"]
    assert sorted(names(process, together), key=str) == ["Ann", None]
    assert version(process, together) > before
    assert rematch(process) == Rematched()
    with process.database.reading() as session:
        assert [(one.name, one.photographs) for one in identities.summaries(session)] == [("Ann", 2), ("Bob", 1)]


def test_a_merge_leaves_no_candidate_twice(process: WorkerProcess) -> None:
    enrol(process, "Ann", 1)
    enrol(process, "Anna", 2)
    video_id = seen(process, "film", (0, 1))
    merge(process, "Ann", "Anna")
    with process.database.reading() as session:
        (group,) = session.query(FaceGroup).where(FaceGroup.video_id == video_id)
        (identity,) = identities.summaries(session)
        assert (group.identity_id, group.first_id, group.second_id) == (identity.identity_id,) * 2 + (None,)


def test_who_is_not_recognisable_is_neither_named_nor_counted_nor_kept_to_be_asked_again(
    process: WorkerProcess,
) -> None:
    enrol(process, "Ann", 1)
    poor = [(sample, face_of(direction(1), 3, quality=0.2)) for sample in (2, 3)]
    video_id = add_done(process, "film", [(0, face(1)), *poor, (8, face(2))])
    with process.database.reading() as session:
        groups = session.query(FaceGroup).where(FaceGroup.video_id == video_id).order_by(FaceGroup.number).all()
        assert [group.decision for group in groups] == ["named", "unrecognisable", "unknown"]
        assert (groups[1].face_count, groups[1].first_id, groups[1].confidence) == (2, None, None)
        space_id = videos.get(session, video_id).space_id
        assert space_id is not None
        assert session.query(Cluster).count() == 2
        (unknown,) = calibrations.unknown_ids(session, space_id)
        assert session.get_one(Cluster, unknown).decision == "unknown"
        (line,) = status.lines(session)
        assert line.people == 2
    enrol(process, "Bob", 2)
    assert rematch(process) == Rematched(videos=1, named=1)
    assert names(process, video_id) == ["Ann", None, "Bob"]
    remove(process, "Ann")
    with process.database.reading() as session:
        decisions = [group.decision for group in session.query(FaceGroup).order_by(FaceGroup.number)]
    assert decisions == ["unknown", "unrecognisable", "named"]
