"""The archive in another embedding space: on both kinds of database, resumed, shared, and erased with the faces."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import ledgers
from support.archive import add_done, add_enrolled, face_of, remove
from support.installation import ROLLCALL, Installation
from support.networks import declared, write_mean_colours
from support.records import direction

from config.errors import LeaseLost, StorageUnavailable
from config.settings import Settings
from curation.photographs import photograph_hash
from curation.pictures import keep_pictures, without_picture
from db import crops, face_pictures, gallery, identities, leases, reembedding, spaces
from db.face_pictures import KeptPicture
from db.reembedding import Piece, Progress
from db.schema import EnrolledEmbedding, EnrolledFace, FaceEmbedding, FaceRow, Reembedding, Segment, Video
from db.session import Database
from db.vectors import from_bytes
from models.crops import FacePicture, crop, kept_picture
from models.engine import build_embedder
from models.faces import Embedding, EmbeddingSpace, Face
from storage.parts import Part
from worker import tasks
from worker.process import WorkerProcess
from worker.reembed import reembed

EDGE = 40
GREEN = np.full((360, 640, 3), (30, 200, 60), np.uint8)


SQLITE_ONLY = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture(scope="session")
def means(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mean_colours(tmp_path_factory.mktemp("networks") / "means.onnx", ["n", 3, EDGE, EDGE])


@pytest.fixture
def trying(process: WorkerProcess, means: Path) -> Iterator[WorkerProcess]:
    """The same ledger by settings that declare a candidate, whose embedding is the mean colour of a face."""
    candidate = declared(means, edge=EDGE, length=3)
    opened = WorkerProcess(process.settings.model_copy(update={"candidate": candidate}))
    yield opened
    opened.database.close()


def face(person: int, place: int = 1) -> Face:
    found = face_of(direction(person), place)
    middle = np.array([100 * place + 45, 65])
    around = np.array([[15, -10], [5, -10], [-15, -10], [-5, -10], [0, 12]])
    return Face(found.box, 1.0, (middle + around).astype(np.float32), found.quality, found.embedding)


def seen(process: WorkerProcess, title: str, count: int = 1) -> int:
    """A video with so many faces, in as many samples."""
    faces = [(sample, face(1)) for sample in range(count)]
    return add_done(process, title, faces, lambda one: crop(GREEN, one.box))


def enrol(process: WorkerProcess, name: str, person: int) -> None:
    one = face(person)
    add_enrolled(process, [(name, one)], kept_picture(GREEN, one.box, one.landmarks))


def far(process: WorkerProcess) -> Progress:
    with process.database.reading() as session:
        return reembedding.progress_of(session, process.settings.candidate.space_name)


def vectors(process: WorkerProcess) -> list[Embedding]:
    with process.database.reading() as session:
        rows = [*session.query(FaceEmbedding), *session.query(EnrolledEmbedding)]
        return [from_bytes(row.embedding, -1) for row in rows if row.embedding is not None]


def test_all_faces_get_a_vector_of_the_other_space(process: WorkerProcess, trying: WorkerProcess) -> None:
    seen(process, "film", 3)
    enrol(process, "Ann", 1)
    assert far(trying) == Progress(1, 0, 1, 0, 0, 0)
    assert not far(trying).complete
    told: list[int] = []
    assert not reembed(trying, on_batch=told.append)
    assert told == [1, 3]
    assert far(trying) == Progress(1, 1, 1, 1, 0, 0)
    assert far(trying).complete
    np.testing.assert_allclose(vectors(trying), [(30, 200, 60)] * 4, atol=4)
    reembed(trying, on_batch=told.append)
    assert told == [1, 3]


def test_what_was_done_before_a_kill_is_not_done_again(
    process: WorkerProcess, trying: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reembed._AT_ONCE", 2)
    seen(process, "film", 5)
    enrol(process, "Ann", 1)

    class Killed(BaseException):
        """Nobody catches it."""

    def kill(_faces: int) -> None:
        if len(vectors(trying)) == 3:
            raise Killed

    monkeypatch.setattr("db.reembedding.leave", lambda *_: None)
    with pytest.raises(Killed):
        reembed(trying, on_batch=kill)
    monkeypatch.undo()
    # Another process finds the piece held, until the one that held it is gone.
    other = WorkerProcess(trying.settings)
    reembed(other)
    assert len(vectors(trying)) == 3
    with trying.database.writing() as session:
        host = trying.owner.rpartition("/")[0]
        session.query(Reembedding).filter_by(lease_owner=trying.owner).update({"lease_owner": f"{host}/999999999"})
    told: list[int] = []
    reembed(other, on_batch=told.append)
    assert sum(told) == 3
    assert far(other).complete
    other.database.close()


def test_of_several_processes_each_takes_other_work(process: WorkerProcess, trying: WorkerProcess) -> None:
    for title in ("one", "two"):
        seen(process, title)
    pieces = pieces_of(trying, "here/1")
    assert [piece.video_id is None for piece in pieces] == [True, False, False]
    assert pieces_of(trying, "there/1") == []
    with trying.database.writing() as session:
        reembedding.leave(session, pieces[1])
    assert [piece.id for piece in pieces_of(trying, "there/1")] == [pieces[1].id]
    with pytest.raises(LeaseLost), trying.database.writing() as session:
        reembedding.end(session, pieces[1])
    with trying.database.writing() as session:
        late = leases.utc_now() + timedelta(seconds=61)
        assert reembedding.claim(session, pieces[2].id, owner="there/1", lease=60, now=late) is not None


def pieces_of(process: WorkerProcess, owner: str) -> list[Piece]:
    """All that is to be had, taken."""
    with process.database.writing() as session:
        space_id = spaces.ensure(session, space_of(process))
        reembedding.plan(session, space_id)
        now = leases.utc_now()
        found = [
            reembedding.claim(session, piece_id, owner=owner, lease=60, now=now)
            for piece_id in [row.id for row in session.query(Reembedding).order_by(Reembedding.id)]
        ]
    return sorted((piece for piece in found if piece), key=lambda piece: piece.video_id or 0)


def space_of(process: WorkerProcess) -> EmbeddingSpace:
    return build_embedder(process.settings.tried_faces).space


@SQLITE_ONLY
def test_a_video_that_was_worked_on_again_is_done_again(process: WorkerProcess, trying: WorkerProcess) -> None:
    video_id = seen(process, "film")
    reembed(trying)
    assert far(trying).complete
    with process.database.writing() as session:
        session.get_one(Video, video_id).finish_number = 77
    assert far(trying) == Progress(1, 0, 0, 0, 0, 0)
    told: list[int] = []
    reembed(trying, on_batch=told.append)
    # Its faces are the same.
    assert told == []
    assert far(trying).complete


def picture_of(kept: KeptPicture) -> FacePicture:
    assert isinstance(kept.crop, bytes)
    return FacePicture(kept.crop, kept.landmarks, kept.area)


@SQLITE_ONLY
def test_a_video_that_changes_meanwhile_gets_nothing(process: WorkerProcess, trying: WorkerProcess) -> None:
    video_id = seen(process, "film")
    piece = pieces_of(trying, "here/1")[1]
    with trying.database.reading() as session:
        waiting = face_pictures.pictures(session, piece, 9)
    found = [(face_id, picture_of(kept), np.zeros(3, np.float32)) for face_id, kept in waiting.items()]
    with process.database.writing() as session:
        session.get_one(Video, video_id).finish_number = 77
    with pytest.raises(LeaseLost), trying.database.writing() as session:
        face_pictures.write(session, piece, found, lease=60, now=leases.utc_now())
    assert vectors(trying) == []


def test_a_number_that_a_new_face_has_got_gets_no_vector_of_the_old_one(
    process: WorkerProcess, trying: WorkerProcess
) -> None:
    enrol(process, "Ann", 1)
    piece = pieces_of(trying, "here/1")[0]
    with trying.database.reading() as session:
        waiting = face_pictures.pictures(session, piece, 9)
    (face_id,) = waiting
    remove(process, "Ann")
    other = face(2, place=2)
    blue = np.full_like(GREEN, (0, 0, 200))
    add_enrolled(process, [("Bob", other)], kept_picture(blue, other.box, other.landmarks))
    with process.database.writing() as session:
        (row,) = session.query(EnrolledFace)
        same_number = row.id == face_id
    assert same_number == process.database.is_sqlite
    found = [(face_id, picture_of(waiting[face_id]), np.zeros(3, np.float32))]
    with trying.database.writing() as session:
        face_pictures.write(session, piece, found, lease=60, now=leases.utc_now())
    assert vectors(trying) == []


def test_vectors_go_with_their_faces(process: WorkerProcess, trying: WorkerProcess) -> None:
    video_id = seen(process, "film", 2)
    enrol(process, "Ann", 1)
    reembed(trying)
    assert len(vectors(trying)) == 3
    remove(process, "Ann")
    assert len(vectors(trying)) == 2
    with process.database.writing() as session:
        session.query(FaceRow).filter_by(video_id=video_id).delete()
    assert vectors(trying) == []


@SQLITE_ONLY
def test_crops_that_cannot_be_used_are_told(process: WorkerProcess, trying: WorkerProcess) -> None:
    add_done(process, "film", [(0, face(1))], lambda _: b"no picture")
    add_enrolled(process, [("Ann", face(1))])
    reembed(trying)
    assert far(trying) == Progress(1, 1, 1, 0, 1, 1)
    assert far(trying).complete
    assert vectors(trying) == []


@SQLITE_ONLY
def test_crops_in_packs_give_the_same_vectors_once_they_can_be_reached(
    process: WorkerProcess, trying: WorkerProcess, tmp_path: Path
) -> None:
    place, away = tmp_path / "faces", tmp_path / "unmounted"
    place.mkdir()
    storage = process.settings.storage.model_copy(update={"crops": str(place)})
    packing = WorkerProcess(process.settings.model_copy(update={"storage": storage}))
    seen(packing, "film", 3)
    seen(packing, "another")
    packing.database.close()
    place.rename(away)
    with pytest.raises(StorageUnavailable):
        reembed(trying)
    assert far(trying) == Progress(2, 0, 0, 0, 0, 0)
    away.rename(place)
    with process.database.reading() as session:
        lost = crops.of_faces(session, [4])[4]
    assert isinstance(lost, Part)
    (place / lost.name).unlink()
    reembed(trying)
    # What is gone is gone; nobody waits for it.
    assert far(trying) == Progress(2, 2, 0, 0, 0, 1)
    np.testing.assert_allclose(vectors(trying), [(30, 200, 60)] * 3, atol=4)


def test_running_workers_do_it_by_themselves(install: Callable[..., Installation], means: Path) -> None:
    file = declared(means, edge=EDGE, length=3)
    installed = install("home", **{f"candidate__{name}": value for name, value in file.model_dump().items()})
    process = WorkerProcess(Settings(home=installed.home, candidate=file))
    ledgers.prepare(process.database)
    seen(process, "film", 3)
    enrol(process, "Ann", 1)
    with installed.start(ROLLCALL, "work", "--processes", "1") as working:
        for _ in range(300):
            if far(process).complete:
                break
            time.sleep(0.1)
        working.send_signal(signal.SIGTERM)
    assert far(process) == Progress(1, 1, 1, 1, 0, 0), installed.log()
    process.database.close()


@SQLITE_ONLY
def test_the_task_asks_to_go_on_while_something_is_left(
    process: WorkerProcess, trying: WorkerProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("worker.tasks.this_process", lambda: trying)
    monkeypatch.setattr("worker.tasks.app.send_task", sent.append)
    seen(process, "film")
    enrol(process, "Ann", 1)
    monkeypatch.setattr("worker.tasks._WHILE", 0.0)
    for runs in range(1, 9):
        tasks.reembed_task.run()
        if len(sent) < runs:
            break
    assert far(trying).complete
    assert sent == ["worker.reembed"] * (runs - 1) != []
    # A file that has gone stops nobody.
    candidate = trying.settings.candidate.model_copy(update={"path": str(tmp_path / "gone.onnx"), "stretch": 2.0})
    trying.settings = trying.settings.model_copy(update={"candidate": candidate})
    tasks.reembed_task.run()
    assert (len(sent), far(trying).videos_done) == (runs - 1, 0)


@SQLITE_ONLY
def test_what_can_wait_gives_way_to_videos(process: WorkerProcess, trying: WorkerProcess) -> None:
    seen(process, "film")
    with process.database.writing() as session:
        (segment,) = session.query(Segment)
        segment.state = "waiting"
    assert not reembed(trying, gives_way=True)
    assert vectors(trying) == []
    with process.database.writing() as session:
        session.get_one(Segment, segment.id).state = "done"
    assert reembed(trying, gives_way=True, seconds=0)
    assert not reembed(trying, gives_way=True)
    assert far(trying).complete


@SQLITE_ONLY
def test_pictures_of_older_enrolments_are_made_from_their_photographs(
    ledger: Database, process: WorkerProcess, tmp_path: Path
) -> None:
    generator = np.random.default_rng(4)
    pictures = {name: generator.integers(0, 256, (200, 300, 3), np.uint8) for name in ("kept", "other", "gone")}
    for name, picture in pictures.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        for name, picture in pictures.items():
            path = tmp_path / f"{name}.png"
            gallery.add(
                session,
                identity_id=identities.ensure(session, name).id,
                space_id=space_id,
                photograph=str(path),
                photograph_hash=photograph_hash(picture),
                face=face(1),
            )
    Image.fromarray(pictures["kept"]).save(tmp_path / "other.png")
    (tmp_path / "gone.png").unlink()
    faces = without_picture(ledger)
    assert len(faces) == 3
    errors = [None if error is None else str(error) for error in keep_pictures(ledger, faces)]
    assert errors[0] is None
    assert "other.png: is another picture than the one that was enrolled" in str(errors[1])
    assert "gone.png: does not exist" in str(errors[2])
    assert [one.face_id for one in without_picture(ledger)] == [faces[1].face_id, faces[2].face_id]
