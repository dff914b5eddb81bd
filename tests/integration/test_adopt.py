"""Going over to another embedder, and back: on both kinds of database."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.archive import names
from support.colours import BLUE, GREEN, RED, add_crowd, colours_candidate, enrol, seen
from typer.testing import CliRunner

from cli.main import app
from config.embedder_file import EmbedderFile
from config.settings import load_settings
from curation.naming import name_unknown
from db import adopting, calibrations, gallery, identities, spaces, unknown_people, videos
from db.adopting import Standing
from db.casts import Cast
from db.schema import (
    Cluster,
    EnrolledCrop,
    EnrolledEmbedding,
    EnrolledFace,
    FaceCrop,
    FaceEmbedding,
    FaceRow,
    UnknownPerson,
    Video,
)
from db.vectors import from_bytes
from worker.adopting import adopt_calibration, adopt_gallery, adopt_videos
from worker.linking import link_unknown
from worker.process import WorkerProcess
from worker.reembed import reembed
from worker.rematch import Rematched, rematch
from worker.shadow import shadow

PEOPLE, UNKNOWN = 120, 4

SQLITE_ONLY = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def file(tmp_path: Path) -> EmbedderFile:
    return colours_candidate(tmp_path)


@pytest.fixture
def trying(process: WorkerProcess, file: EmbedderFile) -> Iterator[WorkerProcess]:
    """The same ledger by settings that declare a candidate, for which faces are colours."""
    opened = WorkerProcess(process.settings.model_copy(update={"candidate": file}))
    yield opened
    opened.database.close()


@pytest.fixture
def adopted(process: WorkerProcess, file: EmbedderFile) -> Iterator[WorkerProcess]:
    """The same ledger by settings that have the former candidate in force."""
    faces = process.settings.faces.model_copy(update={"embedder": "file", "file": file})
    opened = WorkerProcess(process.settings.model_copy(update={"faces": faces}))
    yield opened
    opened.database.close()


def lengths(process: WorkerProcess, video_id: int) -> set[int]:
    """Of the embeddings and templates that are in force for a video."""
    with process.database.reading() as session:
        stored = [row.embedding for row in session.query(FaceRow).filter_by(video_id=video_id)]
        stored += [row.template for row in session.query(Cluster).filter_by(video_id=video_id)]
        space = spaces.find(session, videos.get(session, video_id).space.name)  # type: ignore[union-attr]  # has faces
        assert space is not None
        assert {row.space_id for row in session.query(FaceRow).filter_by(video_id=video_id)} == {space.id}
        return {len(from_bytes(one, -1)) for one in stored} | {space.length}


def test_the_archive_goes_over_as_the_shadow_told_and_comes_back(
    process: WorkerProcess, trying: WorkerProcess, adopted: WorkerProcess
) -> None:
    enrol(process, "Ann", 1, RED)
    enrol(process, "Bob", 2, GREEN)
    first = seen(process, "first", (0, 1, GREEN), (5, 3, RED))
    second = seen(process, "second", (0, 2, BLUE))
    was = {video_id: names(process, video_id) for video_id in (first, second)}
    assert was == {first: ["Ann", None], second: ["Bob"]}
    reembed(trying)
    told = [(change.video_id, change.after) for change in shadow(trying).changes]
    assert adopt_gallery(adopted) == 2
    assert adopt_gallery(adopted) == 0
    assert adopt_videos(adopted) == (2, 0)
    assert adopt_videos(adopted) == (0, 0)
    assert {video_id: names(adopted, video_id) for video_id in was} == {first: ["Bob", "Ann"], second: [None]}
    assert [video_id for video_id, _ in told] == [first, first, second]
    assert lengths(adopted, first) == lengths(adopted, second) == {3}
    # What was moved needs no other match, and whoever is enrolled now is found by colour.
    assert rematch(adopted) == Rematched()
    enrol(adopted, "Cleo", 9, BLUE)
    with adopted.database.writing() as session:
        row = session.query(EnrolledFace).order_by(EnrolledFace.id.desc()).first()
        assert row is not None
        row.embedding = np.array([0, 0, 1], "<f4").tobytes()
    assert rematch(adopted) == Rematched(videos=1, named=1)
    # Back: the vectors of before are still there, and so are the names.
    reembed(process)
    assert adopt_gallery(process) == 1
    assert adopt_videos(process) == (2, 0)
    assert {video_id: names(process, video_id) for video_id in was} == was
    assert lengths(process, first) == {128}


@SQLITE_ONLY
def test_videos_that_are_not_whole_stay_with_their_names_and_gallery(
    process: WorkerProcess, trying: WorkerProcess, adopted: WorkerProcess
) -> None:
    enrol(process, "Ann", 1, RED)
    whole, part = seen(process, "whole", (0, 1, RED)), seen(process, "part", (0, 1, RED))
    with process.database.writing() as session:
        session.delete(session.query(FaceCrop).order_by(FaceCrop.face_id.desc()).first())
    reembed(trying)
    adopt_gallery(adopted)
    assert adopt_videos(adopted) == (1, 1)
    assert (lengths(adopted, whole), lengths(adopted, part)) == ({3}, {128})
    assert names(adopted, part) == ["Ann"]
    assert rematch(adopted) == Rematched()
    # Each video's unknown and past people are asked for in its own space only.
    with adopted.database.reading() as session:
        for space in (process.engine.space, adopted.engine.space):
            row = spaces.find(session, space.name)
            assert row is not None
            held = gallery.load(session, space.name)
            assert (len(held), held.space) == (1, space.name)
            recent, _ = calibrations.recent_ids(session, row.id, 9)
            assert {len(one.template) for one in calibrations.seen(session, recent, row.length)} == {space.length}


@SQLITE_ONLY
def test_a_video_that_changes_meanwhile_is_not_moved(
    process: WorkerProcess, trying: WorkerProcess, adopted: WorkerProcess
) -> None:
    video_id = seen(process, "film", (0, 1, RED))
    reembed(trying)
    with adopted.database.writing() as session:
        before = Standing.of(videos.get(session, video_id))
        space_id = spaces.ensure(session, adopted.engine.space)
        session.get_one(Video, video_id).matched_version = 55
        session.flush()
        assert not adopting.move(session, before, space_id, Cast((), (), ()), rule="x", gallery_version=0)
    assert lengths(process, video_id) == {128}


@SQLITE_ONLY
def test_the_calibration_goes_over_with_unknown_people_of_videos_that_have_not_yet(process: WorkerProcess) -> None:
    file = EmbedderFile(path="/net.onnx", name="net", sha256="ab" * 32, length=128)
    faces = process.settings.faces.model_copy(update={"embedder": "file", "file": file})
    over = WorkerProcess(process.settings.model_copy(update={"faces": faces}))
    add_crowd(process, over.engine.space, PEOPLE, UNKNOWN)
    trying = WorkerProcess(process.settings.model_copy(update={"candidate": file}))
    compared = shadow(trying)
    trying.database.close()
    told = compared.calibration
    assert told is not None
    # In force all people are √2 apart; here of 100 couples one is nearer than about 0.68.
    assert compared.stretch == pytest.approx(2.1, abs=0.15)
    assert adopt_gallery(over) == PEOPLE
    assert adopt_calibration(over)
    assert not adopt_calibration(over)
    with over.database.reading() as session:
        space = spaces.find(session, over.engine.space.name)
        assert space is not None
        row = calibrations.current(session, space)
        assert row is not None
        assert row.limit == pytest.approx(told.rule.limit)
        assert (row.unknown, row.identities) == (UNKNOWN, PEOPLE)
        assert calibrations.due(session) == [process.engine.space.name]
    assert adopt_videos(over) == (1, 0)
    with over.database.reading() as session:
        assert videos.get(session, 1).rule == row.rule
        # The unknown people who have gone over are those of the cohort: nothing new is known.
        assert over.engine.space.name not in calibrations.due(session)
    over.database.close()


def test_who_is_removed_is_removed_from_all_spaces(
    process: WorkerProcess, trying: WorkerProcess, adopted: WorkerProcess
) -> None:
    enrol(process, "Ann", 1, RED)
    enrol(process, "Ann", 2, BLUE)
    video_id = seen(process, "film", (0, 1, RED))
    reembed(trying)
    adopt_gallery(adopted)
    adopt_videos(adopted)
    with adopted.database.writing() as session:
        rows = session.query(EnrolledFace).order_by(EnrolledFace.id).all()
        assert len(rows) == session.query(EnrolledCrop).count() == 4
        assert gallery.remove(session, [rows[0].id]) == 2
        assert [one.photographs for one in identities.summaries(session)] == [1]
        identities.remove(session, identities.get(session, "Ann").id)
        for table in (EnrolledFace, EnrolledCrop, EnrolledEmbedding):
            assert session.query(table).count() == 0
        assert session.query(FaceEmbedding).count() == 1
    assert names(adopted, video_id) == [None]


def test_the_command_goes_over(tmp_path: Path, file: EmbedderFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    runner = CliRunner()
    try:
        load_settings.cache_clear()
        assert runner.invoke(app, ["status"]).exit_code == 0
        process = WorkerProcess(load_settings())
        enrol(process, "Ann", 1, RED)
        video_id = seen(process, "film", (3, 3, RED))
        monkeypatch.setenv("ROLLCALL_FACES__EMBEDDER", "file")
        for name, value in file.model_dump().items():
            monkeypatch.setenv(f"ROLLCALL_FACES__FILE__{name.upper()}", str(value))
        load_settings.cache_clear()
        done = runner.invoke(app, ["adopt"])
        assert f"{file.space_name}: gone over are 1 photograph and 1 video" in done.stdout
        assert names(process, video_id) == ["Ann"]
        process.database.close()
    finally:
        load_settings.cache_clear()


def test_what_somebody_has_said_and_who_is_unknown_go_over(
    process: WorkerProcess, trying: WorkerProcess, adopted: WorkerProcess
) -> None:
    first = seen(process, "first", (0, 1, RED), (5, 3, GREEN))
    second = seen(process, "second", (0, 3, GREEN))
    link_unknown(process.database)
    name_unknown(process.database, "U-1", "Ann", process.settings)
    rematch(process)
    assert names(process, first) == ["Ann", None]
    reembed(trying)
    # Nobody is enrolled whom the candidate could name: what was said is not undone by it.
    assert shadow(trying).changes == []
    # The face that was enrolled by naming has a picture, too.
    assert adopt_gallery(adopted) == 1
    assert adopt_videos(adopted) == (2, 0)
    assert names(adopted, first) == ["Ann", None]
    with adopted.database.reading() as session:
        codes = [unknown_people.codes(session, video_id) for video_id in (first, second)]
        assert codes == [{2: "U-2"}, {1: "U-2"}]
    third = seen(process, "third", (0, 3, BLUE))
    link_unknown(process.database)
    with adopted.database.reading() as session:
        # Two spaces: nobody of the one is compared with somebody of the other.
        assert unknown_people.codes(session, third) == {1: "U-3"}
        ids = [person.id for person in session.query(UnknownPerson).where(UnknownPerson.number > 1)]
        templates = unknown_people.templates(session, ids)
        assert sorted(len(one) for some in templates.values() for one in some.values()) == [3, 128]
