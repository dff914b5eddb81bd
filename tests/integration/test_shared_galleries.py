"""Galleries that processes hold together, on both databases."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session
from support import ledgers
from support.searcher import searchers

from config.errors import LedgerError
from db import erasure, gallery, identities, spaces
from db.gallery import Vectors
from db.schema import EmbeddingSpaceRow, EnrolledFace
from db.session import Database
from db.shared_galleries import SharedGalleries
from db.vectors import to_bytes
from models.decision import Candidate
from models.faces import Embedding, EmbeddingSpace
from models.gallery import Gallery

PLAIN = EmbeddingSpace("plain/mirror", 128, "0" * 64)
OTHER = EmbeddingSpace("other", 128, "1" * 64)
PROBE = np.zeros(128, np.float32)


def vector(seed: int) -> Embedding:
    return np.random.default_rng(seed).normal(size=128).astype(np.float32)


def enrol(database: Database, name: str, seeds: Sequence[int], space: EmbeddingSpace = PLAIN) -> None:
    """Enrol a face per seed for one person, as one change."""
    with database.writing() as session:
        identity_id, space_id = identities.ensure(session, name).id, spaces.ensure(session, space)
        common: dict[str, object] = {
            "left": 0,
            "top": 0,
            "right": 9,
            "bottom": 9,
            "score": 1.0,
            "sharpness": 1.0,
            "size": 1.0,
        }
        common |= {"pose": 1.0, "identity_id": identity_id, "space_id": space_id, "enrolled_at": datetime.now(UTC)}
        rows = (
            {
                **common,
                "photograph": f"{seed}.jpg",
                "photograph_hash": f"{seed:064x}",
                "embedding": to_bytes(vector(seed)),
            }
            for seed in seeds
        )
        session.execute(sa.insert(EnrolledFace), list(rows))
        spaces.bump_gallery_version(session, space_id)


def remove(database: Database, name: str) -> None:
    with database.writing() as session:
        identities.remove(session, identities.get(session, name).id)


def current(database: Database, space: EmbeddingSpace = PLAIN, galleries: SharedGalleries | None = None) -> Gallery:
    """The gallery as a process that starts now sees it, or one that holds some already."""
    with database.reading() as session:
        return (galleries or SharedGalleries(database)).current(session, space.name)


def nearest(held: Gallery, seed: int) -> Candidate:
    return held.candidates(vector(seed), 1)[0]


def names_of(database: Database) -> set[str]:
    assert database.galleries is not None
    return {path.name for path in database.galleries.iterdir()} if database.galleries.is_dir() else set()


@pytest.fixture
def sharing(ledger: Database, tmp_path: Path) -> Iterator[Database]:
    """A ledger with two people and a folder for its galleries."""
    database = Database(ledger.url, galleries=tmp_path / "home" / "galleries")
    enrol(database, "Ann", range(5))
    enrol(database, "Bea", range(5, 8))
    yield database
    database.close()


def test_the_second_process_reads_the_file_and_no_row_of_faces(sharing: Database) -> None:
    asked: list[str] = []
    event.listen(sharing.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    galleries = SharedGalleries(sharing)
    first = current(sharing, galleries=galleries)
    assert sum("enrolled_faces" in statement for statement in asked) == 1
    asked.clear()
    second = current(sharing)
    assert current(sharing, galleries=galleries) is first
    assert asked
    assert not any("enrolled_faces" in statement for statement in asked)
    with sharing.reading() as session:
        plain = gallery.load(session, PLAIN.name)
    for held in (first, second):
        assert (held.version, held.space, len(held), held.identity_count) == (2, PLAIN.name, 8, 2)
        for seed in range(8):
            assert held.candidates(vector(seed), 2) == plain.candidates(vector(seed), 2)
    assert len(names_of(sharing)) == 1


def test_a_change_is_a_new_file_and_the_old_one_goes(sharing: Database) -> None:
    enrol(sharing, "Ann", range(5), OTHER)
    galleries = SharedGalleries(sharing)
    before, other = current(sharing, galleries=galleries), current(sharing, OTHER, galleries)
    old = names_of(sharing)
    assert len(old) == 2
    enrol(sharing, "Cas", [20])
    after = current(sharing, galleries=galleries)
    assert (len(before), len(after)) == (8, 9)
    assert nearest(after, 20).distance == 0
    assert nearest(before, 20).distance > 0
    assert current(sharing, OTHER, galleries) is other
    assert len(names_of(sharing) & old) == 1
    assert len(names_of(sharing)) == 2


def test_loading_one_space_drops_the_outdated_file_of_another(sharing: Database) -> None:
    enrol(sharing, "Ann", [1], OTHER)
    current(sharing, OTHER)
    enrol(sharing, "Bea", [2], OTHER)
    current(sharing)
    # Only what was loaded is there: the other space's file was outdated, whoever may search it next.
    assert len(names_of(sharing)) == 1


def test_an_erased_person_is_in_no_file_of_this_machine(sharing: Database) -> None:
    galleries = SharedGalleries(sharing)
    held = current(sharing, galleries=galleries)
    remove(sharing, "Ann")
    erasure.settle(sharing)
    assert names_of(sharing) == set()
    # Who searches goes on, until the next video.
    assert nearest(held, 3).distance == 0
    after = current(sharing, galleries=galleries)
    assert (len(after), after.version) == (3, 3)
    assert nearest(after, 3).distance > 0
    assert sharing.galleries is not None
    content = b"".join(path.read_bytes() for path in sharing.galleries.iterdir())
    assert to_bytes(vector(6)) in content
    assert to_bytes(vector(3))[:64] not in content


def test_an_empty_gallery_of_a_known_space(sharing: Database) -> None:
    for name in ("Ann", "Bea"):
        remove(sharing, name)
    for _ in range(2):
        held = current(sharing)
        assert (len(held), held.version, held.candidates(PROBE, 3)) == (0, 4, [])
    assert (len(current(sharing, OTHER)), current(sharing, OTHER).version) == (0, 0)


@pytest.mark.parametrize("when", ["before the first row", "after the last row"])
def test_who_is_erased_while_a_file_is_made_is_in_none(
    sharing: Database, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    real = gallery.parts
    # SQLite's log cannot be emptied while somebody reads: no need to wait for it here.
    curator = Database(sharing.url, lock_timeout=0.1, galleries=sharing.galleries)

    def interrupted(session: Session, space: EmbeddingSpaceRow, *, after: int = 0) -> Iterator[Vectors]:
        monkeypatch.setattr(gallery, "parts", real)
        early = when == "before the first row"
        if early:
            remove(curator, "Ann")
            erasure.settle(curator)
        yield from real(session, space, after=after)
        if not early:
            remove(curator, "Ann")
            # Whoever erases has committed and is about to delete the files, which is not ours to wait for.

    galleries = SharedGalleries(sharing)
    monkeypatch.setattr(gallery, "parts", interrupted)
    held = current(sharing, galleries=galleries)
    # The session sees the state from before; what it found serves this video.
    assert (len(held), held.version) == (8, 2)
    assert names_of(sharing) == set()
    assert len(current(sharing, galleries=galleries)) == 3
    curator.close()


def test_two_states_of_one_version_are_not_mixed_up(tmp_path: Path) -> None:
    # A backup is put back: versions are counted again from there.
    path, galleries = tmp_path / "ledger.db", tmp_path / "galleries"
    database = Database(f"sqlite:///{path}", galleries=galleries)
    ledgers.prepare(database)
    enrol(database, "Ann", [1])
    erasure.settle(database)
    database.close()
    shutil.copy(path, tmp_path / "backup.db")
    enrol(database, "Bea", [2])
    kept = SharedGalleries(database)
    assert nearest(current(database, galleries=kept), 2).distance == 0
    database.close()
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", path)
    enrol(database, "Cas", [3])
    for held in (current(database), current(database, galleries=kept)):
        assert held.version == 2
        assert nearest(held, 3).distance == 0
        assert nearest(held, 2).distance > 0
    assert len(names_of(database)) == 1
    database.close()


def test_two_ledgers_in_one_folder_leave_each_others_files(sharing: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.db'}", galleries=sharing.galleries)
    ledgers.prepare(other)
    enrol(other, "Dan", [1, 2])
    assert (len(current(sharing)), len(current(other))) == (8, 2)
    assert len(names_of(sharing)) == 2
    enrol(other, "Dan", [3])
    current(other)
    assert len(names_of(sharing)) == 2
    other.close()


def test_addresses_of_one_ledger_have_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Database("sqlite:///x.db").key == Database(f"sqlite:///{tmp_path}/./x.db").key
    assert Database("sqlite:///x.db").key != Database("sqlite:///y.db").key
    served = "postgresql://who{}@db.example/rollcall{}"
    keys = {
        Database(served.format(*parts)).key
        for parts in [("", ""), (":one", ""), (":two", ""), ("", "?password=one"), ("", "?sslpassword=two")]
    }
    assert len(keys) == 1
    assert Database(served.format("", "_two")).key not in keys


def test_a_damaged_file_is_made_anew(sharing: Database) -> None:
    current(sharing)
    assert sharing.galleries is not None
    (path,) = sharing.galleries.iterdir()
    good = path.read_bytes()
    for bad in (good[:-1], good[:5000], b"", good[:4200] + b"\1" + good[4201:], bytes(len(good))):
        path.unlink()
        path.write_bytes(bad)
        with structlog.testing.capture_logs() as logs:
            held = current(sharing)
        assert [entry["event"] for entry in logs] == ["gallery file unusable, made anew"]
        assert nearest(held, 6).distance == 0
        assert path.read_bytes() == good


def test_without_a_folder_that_can_be_written_each_process_holds_its_own(sharing: Database, tmp_path: Path) -> None:
    # A file in the folder's place keeps root out, too.
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "galleries").touch()
    galleries = SharedGalleries(sharing)
    with structlog.testing.capture_logs() as logs:
        held = current(sharing, galleries=galleries)
        assert current(sharing, galleries=galleries) is held
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("gallery not shared with other processes", "warning")
    ]
    assert nearest(held, 6).distance == 0
    # There is nothing to delete either.
    erasure.settle(sharing)


def test_a_full_disk_is_no_failure_and_leaves_nothing(sharing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gallery.parts

    def full(session: Session, space: EmbeddingSpaceRow, *, after: int = 0) -> Iterator[Vectors]:
        monkeypatch.setattr(gallery, "parts", real)
        yield from real(session, space, after=after)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gallery, "parts", full)
    assert nearest(current(sharing), 6).distance == 0
    assert names_of(sharing) == set()


def test_an_erasure_that_cannot_delete_the_copies_says_so(sharing: Database) -> None:
    assert sharing.galleries is not None
    (sharing.galleries / "stuck.gallery").mkdir(parents=True)
    with pytest.raises(LedgerError, match="holds copies of erased faces"):
        erasure.settle(sharing)


def test_large_galleries_are_read_in_parts(sharing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "_ROWS_AT_ONCE", 3)
    with sharing.reading() as session:
        space = spaces.find(session, PLAIN.name)
        assert space is not None
        assert [len(part.face_ids) for part in gallery.parts(session, space)] == [3, 3, 2]
        whole = gallery.vectors(session, space.id)
        (last,) = gallery.vectors(session, space.id, after=int(whole.face_ids[-2])).embeddings
    assert np.array_equal(whole.embeddings, np.stack([vector(seed) for seed in range(8)]))
    assert np.array_equal(last, vector(7))
    assert nearest(current(sharing), 7).distance == 0


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="there is no /proc that tells what memory is shared")
def test_processes_that_start_at_once_make_one_file_and_hold_its_pages_together(sharing: Database) -> None:
    count = 20_000
    enrol(sharing, "Crowd", range(1000, 1000 + count))
    assert sharing.galleries is not None
    with searchers(3, sharing.url, sharing.galleries, PLAIN.name) as processes:
        told = [process.told() for process in processes]
        assert told[0] == told[1] == told[2]
        assert told[0]["faces"] == count + 8
        (file,) = sharing.galleries.iterdir()
        assert file.suffix == ".gallery"
        kilobytes = count * 128 * 4 / 1024
        maps = [process.ask() for process in processes]
        assert {each["inode"] for each in maps} == {file.stat().st_ino}
        for each in maps:
            # Each sees all of the gallery; none of it is its own, and three share the cost.
            assert each["Rss"] >= kilobytes
            assert each["Private_Clean"] + each["Private_Dirty"] == 0
            assert each["Pss"] <= each["Rss"] * 0.4
        # Whoever only mapped the file took next to no memory of its own.
        assert sorted(each["own"] for each in maps)[1] < kilobytes / 4
        # Erased at once, although all of them still search it.
        remove(sharing, "Crowd")
        erasure.settle(sharing)
        assert list(sharing.galleries.iterdir()) == []
        assert [process.ask()["Rss"] for process in processes] == [each["Rss"] for each in maps]
