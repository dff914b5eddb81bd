"""Crops outside the ledger: in packs of a folder or a bucket, whoever dies, fails or is slow in between."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import func, select
from support import ledgers
from support.archive import SAMPLE, add_done, face_of
from support.object_store import RequestLog, TestBucket
from support.pictures import illustrated
from support.records import FACTS, SPACE, analysed, direction, face
from typer.testing import CliRunner

from cli.main import app
from config.errors import Conflict, LeaseLost, StorageUnavailable
from config.service_settings import DatabaseSettings
from config.settings import Settings, load_settings
from config.storage_settings import StorageSettings
from crops.collecting import collect
from crops.reading import read_all
from crops.repacking import Moved, move
from crops.writing import packed
from curation.naming import name_unknown
from db import crops, leases, packs, removal, repacking, segments, spaces, videos
from db.leases import Allowance, Claim
from db.packs import Pack
from db.schema import Base, CropPack, EnrolledCrop, EnrolledFace, FaceCrop, FaceRow, PackedCrop, PackState
from db.segments import FaceRecord
from db.session import Database
from models.crops import crop
from models.faces import Face, RgbImage
from report import as_html
from report.model import VideoReport
from scheduler.retention import expire
from storage.opening import store_at
from worker.archive import renew
from worker.process import WorkerProcess

LONGEST = 360.0
"""Seconds for which a worker may be at a pack: three leases."""


@pytest.fixture(params=["sqlite, folder", "postgresql, bucket"])
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A kind of ledger and a kind of store; which of each does not depend on the other."""
    ledger, store = request.param.split(", ")
    return ledger, store


@pytest.fixture
def storage(pair: tuple[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if pair[1] == "folder":
        (tmp_path / "pictures of faces").mkdir()
        return StorageSettings(crops=str(tmp_path / "pictures of faces"))
    bucket: TestBucket = request.getfixturevalue("bucket")
    return StorageSettings(endpoint=bucket.endpoint, crops=f"s3://{bucket.name}/faces")


@pytest.fixture
def process(
    pair: tuple[str, str], storage: StorageSettings, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[WorkerProcess]:
    home = tmp_path / "home"
    home.mkdir()
    if pair[0] == "sqlite":
        settings = Settings(home=home, storage=storage)
        prepared = Database(settings.database_url)
        ledgers.prepare(prepared)
        prepared.close()
        opened = WorkerProcess(settings)
        yield opened
    else:
        server, template = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_template"))
        with ledgers.postgres(server, template) as url:
            opened = WorkerProcess(Settings(home=home, storage=storage, database=DatabaseSettings(url=url)))
            yield opened
            opened.database.close()
            return
    opened.database.close()


Other = Callable[..., WorkerProcess]
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs `rollcall` by the settings of a process; exit code, and what it tells beside its output."""

    def run(by: WorkerProcess, *words: str) -> tuple[int, str]:
        settings = by.settings
        monkeypatch.setenv("ROLLCALL_HOME", str(settings.home))
        monkeypatch.setenv("ROLLCALL_DATABASE__URL", settings.database.url or "")
        monkeypatch.setenv("ROLLCALL_STORAGE__ENDPOINT", settings.storage.endpoint)
        monkeypatch.setenv("ROLLCALL_STORAGE__CROPS", settings.storage.crops)
        load_settings.cache_clear()
        done = CliRunner().invoke(app, words)
        return done.exit_code, done.stderr

    yield run
    load_settings.cache_clear()


@pytest.fixture
def other(process: WorkerProcess) -> Iterator[Other]:
    """Makes processes on the same ledger by other settings of storage."""
    with ExitStack() as opened:

        def make(**storage: str) -> WorkerProcess:
            changed = process.settings.storage.model_copy(update=storage)
            made = WorkerProcess(process.settings.model_copy(update={"storage": changed}))
            opened.enter_context(closing(made.database))
            return made

        yield make


def count(database: Database, table: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def states(process: WorkerProcess) -> list[str]:
    with process.database.reading() as session:
        return list(session.scalars(select(CropPack.state).order_by(CropPack.id)))


def objects(process: WorkerProcess) -> list[str]:
    root = process.settings.storage.crops
    return [str(each.place).removeprefix(f"{root}/") for each in store_at(root, process.settings.storage).entries()]


def names(process: WorkerProcess) -> list[str]:
    """Of the packs that crops refer to."""
    with process.database.reading() as session:
        used = select(PackedCrop.pack_id)
        return sorted(session.scalars(select(CropPack.name).where(CropPack.id.in_(used))))


def kept(process: WorkerProcess, **days: int) -> Settings:
    return process.settings.model_copy(
        update={"retention": process.settings.retention.model_copy(update={"tries": 0, **days})}
    )


def later(seconds: float) -> datetime:
    return leases.utc_now() + timedelta(seconds=seconds)


@cache
def frame() -> RgbImage:
    """Higher than wide enough for everybody, and another picture wherever one looks."""
    noise = np.random.default_rng(0).integers(0, 255, (18, 320, 3), np.uint8)
    return np.asarray(cv2.resize(noise, None, fx=20, fy=20, interpolation=cv2.INTER_CUBIC), np.uint8)


def jpeg(one: Face) -> bytes:
    return crop(frame(), one.box)


def film(process: WorkerProcess, title: str = "film", people: int = 3) -> int:
    """A video of some people, two faces of each, the first of which is the better one."""
    seen = [
        (sample, face_of(direction(person), 3 * person + sample, 0.9 - 0.3 * sample))
        for person in range(people)
        for sample in range(2)
    ]
    return add_done(process, title, seen, jpeg)


def pictures(process: WorkerProcess, video_id: int) -> dict[tuple[int, int], bytes]:
    """All that there are of a video, by sample and place in the frame."""
    with process.database.reading() as session:
        faces = session.scalars(select(FaceRow).where(FaceRow.video_id == video_id)).all()
        found = crops.of_faces(session, [each.id for each in faces])
    jpegs = read_all(found, process.settings.storage)
    return {(each.sample, each.left): jpegs[each.id] for each in faces if each.id in jpegs}


def report_of(process: WorkerProcess, video_id: int) -> VideoReport:
    with process.database.reading() as session:
        return illustrated(session, videos.get(session, video_id), process.settings.storage)


def test_pictures_come_back_as_they_were_and_the_ledger_holds_none(process: WorkerProcess) -> None:
    video_id = film(process)
    assert (count(process.database, FaceCrop), count(process.database, PackedCrop)) == (0, 6)
    # Names of objects are seen by whoever may list the store.
    (name,) = objects(process)
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{32}\.crops", name)
    faces = [face_of(direction(person), 3 * person + sample) for person in range(3) for sample in range(2)]
    assert sorted(pictures(process, video_id).values()) == sorted(jpeg(each) for each in faces)
    assert states(process) == [PackState.KEPT]


def test_the_report_is_the_one_that_it_is_with_pictures_in_the_ledger(process: WorkerProcess, other: Other) -> None:
    elsewhere = film(process)
    in_ledger = other(crops="")
    beside = film(in_ledger, "beside")
    assert count(process.database, FaceCrop) == 6
    found, expected = report_of(process, elsewhere), report_of(in_ledger, beside)
    assert found.people == expected.people
    assert all(person.best_face and person.best_face.jpeg for person in found.people)
    assert as_html.render(found).count("data:image/jpeg") == as_html.render(expected).count("data:image/jpeg") == 9


def test_the_faces_of_one_report_are_few_requests(process: WorkerProcess, pair: tuple[str, str]) -> None:
    video_id = film(process, people=20)
    with RequestLog() as requests:
        assert len([each for each in report_of(process, video_id).people if each.best_face]) == 20
    assert len(requests.lines) == (pair[1] == "bucket")


def test_a_video_without_faces_has_no_pack(process: WorkerProcess) -> None:
    add_done(process, "film", [])
    assert (states(process), objects(process)) == ([], [])


def begun(process: WorkerProcess, jpegs: list[bytes]) -> Pack:
    with process.database.writing() as session:
        until = later(LONGEST)
        return packs.begin(session, process.settings.storage.crops, [len(each) for each in jpegs], until)


@pytest.mark.parametrize("written", [False, True])
def test_whoever_dies_before_recording_leaves_garbage_that_the_ledger_knows(
    process: WorkerProcess, written: bool
) -> None:
    storage = process.settings.storage
    pack = begun(process, [b"one", b"another"])
    if written:
        store_at(storage.crops, storage).write(pack.name, b"oneanother")
    # The writer may be alive.
    assert collect(process.database, storage).packs == 0
    assert collect(process.database, storage, lambda: later(LONGEST - 5)).packs == 0
    assert objects(process) == ([pack.name] if written else [])
    assert collect(process.database, storage, lambda: later(LONGEST + 5)).packs == 1
    assert (objects(process), states(process)) == ([], [])


@pytest.mark.parametrize("pair", ["sqlite, folder"], indirect=True)
def test_a_killed_writer_leaves_no_part_of_a_picture(process: WorkerProcess) -> None:
    """An object of a bucket is there whole or not at all."""
    storage = process.settings.storage
    pack = begun(process, [b"one"])
    part = Path(storage.crops) / Path(pack.name).parent / f".{Path(pack.name).name}.0123abcd.part"
    part.parent.mkdir()
    part.write_bytes(b"o")
    collect(process.database, storage, lambda: later(LONGEST + 5))
    assert list(part.parent.iterdir()) == []


def claimed(process: WorkerProcess, segment_id: int, owner: str = "elsewhere/1") -> Claim:
    with process.database.writing() as session:
        taken = segments.claim(session, segment_id, owner=owner, lease=0, allowed=Allowance(9, 2), now=later(1))
    assert taken is not None
    return taken[0]


def planned(process: WorkerProcess) -> int:
    with process.database.writing() as session:
        video = videos.add(session, content_hash="f" * 64, byte_size=1, path="/a", title="a.mp4", outcome=FACTS)
        (segment_id,) = segments.plan(session, video.id, [(0, 5), (5, 10)], SAMPLE)[:1]
    return segment_id


def recorded(process: WorkerProcess, held: Claim, faces: list[FaceRecord], pack: Pack | None) -> None:
    with process.database.writing() as session:
        segments.record(
            session, held, space_id=spaces.ensure(session, SPACE), detector="test", faces=faces, runs=analysed(0, 5),
            pack=pack,
        )  # fmt: skip


def test_a_repeated_segment_has_a_new_pack_and_its_older_one_goes(process: WorkerProcess) -> None:
    segment_id, faces = planned(process), [face(0, 1), face(3, 2)]
    jpegs = [each.crop for each in faces]
    with process.packed(jpegs) as pack:
        recorded(process, claimed(process, segment_id), faces, pack)
    (first,) = names(process)
    with process.database.writing() as session:
        segments.look_again(session, [segment_id])
    with process.packed(jpegs) as pack:
        recorded(process, claimed(process, segment_id), faces, pack)
    (second,) = names(process)
    assert first != second
    assert set(objects(process)) == {first, second}
    assert collect(process.database, process.settings.storage).packs == 1
    assert objects(process) == [second]
    assert collect(process.database, process.settings.storage).packs == 0


def test_who_has_lost_the_lease_takes_the_pack_away(process: WorkerProcess) -> None:
    segment_id = planned(process)
    slow, quick = claimed(process, segment_id), claimed(process, segment_id, "elsewhere/2")
    with pytest.raises(LeaseLost), process.packed([b"jpeg"]) as pack:
        recorded(process, slow, [face(0, 1)], pack)
    assert (objects(process), states(process), count(process.database, FaceRow)) == ([], [], 0)
    with process.packed([b"jpeg"]) as pack:
        recorded(process, quick, [face(0, 1)], pack)
    assert objects(process) == names(process)


def test_a_pack_that_was_collected_is_recorded_nowhere_and_written_for_nobody(process: WorkerProcess) -> None:
    """Its writer was suspended for longer than anybody works; the number of its row was given to another one."""
    storage, held = process.settings.storage, claimed(process, planned(process))

    def awake(pack: Pack) -> None:
        assert collect(process.database, storage, lambda: later(LONGEST + 5)).packs == 1
        again = begun(process, [b"else"])
        assert (again.id == pack.id) == process.database.is_sqlite
        store_at(storage.crops, storage).write(pack.name, b"jpeg")
        recorded(process, held, [face(0, 1)], pack)

    with pytest.raises(LeaseLost, match="given up"), process.packed([b"jpeg"]) as pack:
        awake(pack) if pack else pytest.fail("there is a place for packs")
    assert (objects(process), count(process.database, PackedCrop)) == ([], 0)
    assert states(process) == [PackState.WRITING]


def test_an_error_after_the_commit_takes_nothing_away(process: WorkerProcess) -> None:
    """A connection may break after the server has committed."""
    held = claimed(process, planned(process))

    def broken(pack: Pack | None) -> None:
        recorded(process, held, [face(0, 1)], pack)
        raise RuntimeError

    with pytest.raises(RuntimeError), process.packed([b"jpeg"]) as pack:
        broken(pack)
    assert states(process) == [PackState.KEPT]
    collect(process.database, process.settings.storage, lambda: later(LONGEST + 5))
    assert objects(process) == names(process) != []


def test_several_may_collect_while_packs_are_recorded(process: WorkerProcess) -> None:
    storage = process.settings.storage
    videos_before = [film(process, f"old {number}") for number in range(4)]
    with process.database.writing() as session:
        removal.remove(session, videos_before)

    def do(number: int) -> int:
        if number % 2:
            return film(process, f"new {number}", 1)
        return -collect(process.database, storage).packs

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(do, range(8)))
    collect(process.database, storage)
    assert sorted(objects(process)) == names(process)
    assert states(process) == [PackState.KEPT] * 4
    for video_id in done:
        assert video_id <= 0 or len(pictures(process, video_id)) == 2


def test_of_old_packs_the_best_pictures_stay(process: WorkerProcess) -> None:
    video_id, young = film(process), film(process, "young")
    with process.database.writing() as session:
        videos.get(session, video_id).ended_at = later(-31 * 86400)
    before, best, (first, second) = pictures(process, video_id), report_of(process, video_id), names(process)
    expired = expire(process.database, kept(process, crops=30))
    assert (expired.crops, expired.packs) == (3, 1)
    assert pictures(process, video_id) == {key: value for key, value in before.items() if key[0] == 0}
    assert report_of(process, video_id) == best
    assert len(pictures(process, young)) == 6
    assert sorted(objects(process)) == names(process)
    assert len({first, second} & set(names(process))) == 1
    assert expire(process.database, kept(process, crops=30)).crops == 0


def test_without_a_place_what_stays_comes_back_into_the_ledger(process: WorkerProcess, other: Other) -> None:
    video_id = film(process)
    best = report_of(process, video_id)
    without = other(crops="")
    assert expire(process.database, kept(without, crops=30), lambda: later(31 * 86400)).packs == 1
    assert (count(process.database, FaceCrop), count(process.database, PackedCrop)) == (3, 0)
    assert report_of(without, video_id) == best
    assert objects(process) == []


def test_a_video_that_changes_while_its_pictures_are_read_keeps_them(process: WorkerProcess) -> None:
    video_id, before = film(process), later(31 * 86400)
    plan = partial(repacking.thinning, video_id=video_id, before=before)
    with process.database.reading() as session:
        planned = plan(session)
    with process.database.writing() as session:
        videos.get(session, video_id).ended_at = before
    with pytest.raises(Conflict), process.database.writing() as session:
        repacking.write(session, planned, plan, {}, None)
    assert len(pictures(process, video_id)) == 6


def test_pictures_whose_pack_is_gone_are_missing_and_nothing_fails(process: WorkerProcess) -> None:
    video_id, another = film(process), film(process, "another")
    storage = process.settings.storage
    with process.database.reading() as session:
        first = session.get_one(CropPack, 1).name
    store_at(storage.crops, storage).remove([first])
    report = report_of(process, video_id)
    assert [person.best_face and person.best_face.jpeg for person in report.people] == [None] * 3
    assert report.out_of_reach is None
    assert len(pictures(process, another)) == 6
    expire(process.database, kept(process, crops=30), lambda: later(31 * 86400))
    # What stays where it cannot be read is still known: the store may come back from a backup.
    assert count(process.database, PackedCrop) == 6


def test_a_name_takes_its_pictures_into_the_gallery(process: WorkerProcess) -> None:
    video_id = film(process, people=1)
    renew(process)
    name_unknown(process.database, "U-1", "Ann", process.settings)
    with process.database.reading() as session:
        (picture,), (enrolled,) = session.scalars(select(EnrolledCrop)), session.scalars(select(EnrolledFace))
        taken = picture.jpeg
    assert taken in pictures(process, video_id).values()
    # They are needed as long as the person is enrolled, whatever becomes of the video.
    with process.database.writing() as session:
        removal.remove(session, [video_id])
    assert collect(process.database, process.settings.storage).packs == 1
    with process.database.reading() as session:
        assert session.get_one(EnrolledCrop, enrolled.id).jpeg == taken


@pytest.fixture
def unreachable(process: WorkerProcess, pair: tuple[str, str], other: Other) -> Callable[[], WorkerProcess]:
    """Gives the same process, but the server is off, or the disk not mounted any more."""

    def make() -> WorkerProcess:
        if pair[1] == "bucket":
            with socket.create_server(("127.0.0.1", 0)) as nobody:
                port = nobody.getsockname()[1]
            return other(endpoint=f"http://127.0.0.1:{port}")
        Path(process.settings.storage.crops).rename(process.settings.home / "unmounted")
        return process

    return make


def test_a_store_out_of_reach_costs_pictures_and_nothing_else(
    process: WorkerProcess, unreachable: Callable[[], WorkerProcess], command: Command, tmp_path: Path
) -> None:
    video_id = film(process)
    renew(process)
    expected = report_of(process, video_id)
    off = unreachable()
    report = report_of(off, video_id)
    assert [person.label for person in report.people] == [person.label for person in expected.people]
    assert report.out_of_reach is not None
    page = as_html.render(report)
    assert page.count("Pictures are missing.") == 1
    assert "data:image/jpeg" not in page
    assert "Pictures are missing." not in as_html.render(expected)
    for words in (["report", str(video_id)], ["unknown", "page"]):
        file = tmp_path / "page.html"
        code, told = command(off, *words, "--output", str(file))
        assert (code, told.count("without some pictures: ")) == (0, 1)
        assert file.read_text().count("Pictures are missing.") == 1
    with pytest.raises(StorageUnavailable):
        name_unknown(process.database, "U-1", "Ann", off.settings)
    assert count(process.database, EnrolledFace) == 0
    # Nothing is lost by retention either.
    expired = expire(process.database, kept(off, crops=30), lambda: later(31 * 86400))
    assert (expired.crops, count(process.database, PackedCrop)) == (0, 6)


def test_what_cannot_be_written_leaves_nothing_behind_but_a_row(
    process: WorkerProcess, unreachable: Callable[[], WorkerProcess]
) -> None:
    off = unreachable()
    with pytest.raises(StorageUnavailable), packed([b"jpeg"], process.database, off.settings.storage, LONGEST):
        pytest.fail("nothing may be recorded")
    assert states(process) == [PackState.WRITING]


def test_erasing_a_video_erases_its_pictures_or_says_what_is_left(
    process: WorkerProcess,
    pair: tuple[str, str],
    unreachable: Callable[[], WorkerProcess],
    command: Command,
) -> None:
    first, second = film(process, "first"), film(process, "second")

    def remove(by: WorkerProcess, video_id: int) -> tuple[int, str]:
        return command(by, "videos", "remove", "--yes", str(video_id))

    code, told = remove(process, first)
    assert (code, "pictures of faces" in told) == (0, False)
    assert len(objects(process)) == 1
    off = unreachable()
    code, told = remove(off, second)
    assert code == 6
    assert "pictures of faces are still there" in told
    assert states(process) == [PackState.DROPPED]
    if pair[1] == "folder":
        (process.settings.home / "unmounted").rename(process.settings.storage.crops)
    assert len(objects(process)) == 1
    assert expire(process.database, kept(process)).packs == 1
    assert (objects(process), states(process)) == ([], [])


def test_all_pictures_can_be_moved(
    process: WorkerProcess, other: Other, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the ledger and an older place to a newer one, and back, a few at a time."""
    monkeypatch.setattr("crops.repacking._MOVED_AT_ONCE", 4)
    in_ledger = other(crops="")
    first, second = film(process, "first"), film(in_ledger, "second")
    (tmp_path / "new").mkdir()
    newer = other(crops=str(tmp_path / "new"))
    expected = [(pictures(process, each), report_of(process, each)) for each in (first, second)]

    def are_as_before(by: WorkerProcess) -> bool:
        return [(pictures(by, each), report_of(by, each)) for each in (first, second)] == expected

    for to, packs_there, in_database in [(newer, 4, 0), (in_ledger, 0, 12), (process, 4, 0)]:
        assert command(to, "crops", "move")[0] == 0
        assert are_as_before(to)
        assert count(process.database, FaceCrop) == in_database
        assert sorted(objects(to) if packs_there else []) == names(process)
        assert len(names(process)) == packs_there
    assert objects(newer) == []
    # There is nothing left to do.
    assert move(process.database, process.settings.storage) == Moved(0, 0, None)


def test_what_cannot_be_moved_stays_where_it_is(
    process: WorkerProcess, other: Other, unreachable: Callable[[], WorkerProcess], command: Command
) -> None:
    gone, there, beside = film(process, "gone"), film(process, "there"), film(other(crops=""), "beside")
    with process.database.reading() as session:
        (name,) = session.scalars(select(CropPack.name).where(CropPack.id == 1))
    storage = process.settings.storage
    store_at(storage.crops, storage).remove([name])
    assert move(process.database, other(crops="").settings.storage) == Moved(6, 1, None)
    assert len(pictures(process, there)) == 6
    assert pictures(process, gone) == {}
    assert command(unreachable(), "crops", "move")[0] == 6
    assert len(pictures(process, there)) == len(pictures(process, beside)) == 6


def test_what_was_kept_elsewhere_before_is_still_read_and_erased(
    process: WorkerProcess, tmp_path: Path, other: Other
) -> None:
    first = film(process, "first")
    (tmp_path / "new").mkdir()
    moved = other(crops=str(tmp_path / "new"))
    second, third = film(moved, "second"), film(other(crops=""), "third")
    assert pictures(moved, first) == pictures(moved, second) == pictures(moved, third)
    with process.database.writing() as session:
        removal.remove(session, [first, second, third])
    assert collect(process.database, moved.settings.storage).packs == 2
    assert objects(process) == objects(moved) == []
