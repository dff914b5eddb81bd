"""Files of galleries: what was written comes back, and nothing else is taken for it."""

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import LedgerError
from db import gallery_files
from db.gallery_files import Faces, GalleryFiles, State
from db.gallery_folder import delete_all
from db.schema import new_token
from models.normalised import People

STATE = State("space/one", 7, "0123456789abcdef" * 2, 128)
LEDGER = "00112233aabbccdd"


def faces(count: int, seed: int = 0, length: int = 128) -> Faces:
    generator = np.random.default_rng(seed)
    return Faces(generator.integers(-(2**62), 2**62, count), generator.normal(size=(count, length)).astype(np.float32))


def in_parts(whole: Faces, size: int) -> Iterator[Faces]:
    for start in range(0, len(whole.identity_ids), size):
        yield Faces(whole.identity_ids[start : start + size], whole.embeddings[start : start + size])


def same(one: Faces, other: Faces) -> bool:
    ids, embeddings, people = one
    return (
        (ids.dtype, embeddings.dtype) == (other.identity_ids.dtype, other.embeddings.dtype)
        and np.array_equal(ids, other.identity_ids)
        and np.array_equal(embeddings, other.embeddings)
        and (people is None) == (other.people is None)
        and (people is None or other.people is None or same_people(people, other.people))
    )


def same_people(one: People, other: People) -> bool:
    names = [field.name for field in fields(People)]
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(ours.dtype == theirs.dtype and np.array_equal(ours, theirs) for ours, theirs in pairs)


def people(count: int, members: int, length: int) -> People:
    generator = np.random.default_rng(1)
    return People(
        np.arange(count),
        generator.normal(size=(count, length)).astype(np.float32),
        generator.random(count),
        generator.normal(size=(members, length)).astype(np.float32),
        generator.integers(-1, 9, members),
    )


@pytest.fixture
def files(tmp_path: Path) -> GalleryFiles:
    made = GalleryFiles(tmp_path / "galleries", LEDGER)
    with made.alone():
        pass
    return made


def only_file(folder: Path) -> Path:
    (path,) = (folder / "galleries").iterdir()
    return path


@given(
    count=st.integers(0, 40),
    length=st.sampled_from([1, 3, 128]),
    size=st.integers(1, 50),
    seed=st.integers(0, 99),
    known=st.none() | st.tuples(st.integers(0, 9), st.integers(1, 9)),
)
def test_what_was_written_comes_back_read_only_and_aligned(
    count: int, length: int, size: int, seed: int, known: tuple[int, int] | None
) -> None:
    whole, state = faces(count, seed, length), replace(STATE, length=length)
    whole = whole._replace(people=people(*known, length) if known else None)
    with tempfile.TemporaryDirectory() as folder:
        files = GalleryFiles(Path(folder), LEDGER)
        for found in (files.make(state, in_parts(whole, size), lambda: whole.people), files.open(state)):
            assert found is not None
            assert same(found, whole)
            assert not found.embeddings.flags.writeable
            assert found.embeddings.flags.aligned
            assert found.embeddings.flags.c_contiguous


def test_folder_and_file_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "galleries"
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    files = GalleryFiles(folder, LEDGER)
    with files.alone():
        files.make(STATE, [faces(3)])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_a_file_that_is_not_there_is_none(files: GalleryFiles) -> None:
    assert files.open(STATE) is None


@given(data=st.data())
def test_whatever_is_changed_in_a_file_nothing_wrong_comes_back(data: st.DataObject) -> None:
    whole = faces(5, length=16)._replace(people=people(3, 4, 16))
    state = replace(STATE, length=16)
    with tempfile.TemporaryDirectory() as folder:
        files = GalleryFiles(Path(folder), LEDGER)
        files.make(state, [whole], lambda: whole.people)
        (path,) = Path(folder).iterdir()
        content = bytearray(path.read_bytes())
        # The header's page is mostly empty.
        place = data.draw(st.one_of(st.integers(0, 130), st.integers(0, len(content) - 1)))
        how = data.draw(st.sampled_from(["changed", "cut", "longer", "overwritten"]))
        if how == "changed":
            content[place] ^= data.draw(st.integers(1, 255))
        elif how == "cut":
            del content[place:]
        elif how == "longer":
            content[place:place] = data.draw(st.binary(min_size=1, max_size=40))
        else:
            content[place : place + 16] = bytes(16)
        path.write_bytes(content)
        found = files.open(state)
        assert found is None or same(found, whole)
        assert same(files.make(state, [whole], lambda: whole.people), whole)


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"\0" * 100_000, os.urandom(4096), b"RCGALLRY" * 1000])
def test_a_foreign_file_is_not_taken(files: GalleryFiles, tmp_path: Path, content: bytes) -> None:
    files.make(STATE, [faces(3)])
    only_file(tmp_path).write_bytes(content)
    assert files.open(STATE) is None


@pytest.mark.parametrize(
    "change", [{"space": "space/two"}, {"version": 8}, {"length": 64}, {"token": "f" * 32}], ids=lambda each: str(*each)
)
def test_a_file_of_another_state_under_this_ones_name_is_not_taken(
    files: GalleryFiles, tmp_path: Path, change: dict[str, object]
) -> None:
    files.make(replace(STATE, **change), [faces(4, length=64 if "length" in change else 128)])  # type: ignore[arg-type]  # one field each
    only_file(tmp_path).rename(tmp_path / "galleries" / f"{LEDGER}-{STATE.token}.gallery")
    assert files.open(STATE) is None


def test_outdated_are_this_ledgers_other_states_and_unfinished_parts(files: GalleryFiles, tmp_path: Path) -> None:
    folder = tmp_path / "galleries"
    tokens = [new_token() for _ in range(3)]
    for token in tokens:
        files.make(replace(STATE, token=token), [faces(2)])
    GalleryFiles(folder, "f" * 16).make(replace(STATE, token=new_token()), [faces(2)])
    (folder / f".{LEDGER}-{tokens[0]}.1a2b.part").touch()
    (folder / f"notes about {LEDGER}").touch()
    outdated = {path.name for path in files.outdated(frozenset(tokens[:2]))}
    assert outdated == {f"{LEDGER}-{tokens[2]}.gallery", f".{LEDGER}-{tokens[0]}.1a2b.part"}


def test_a_writer_that_is_killed_leaves_a_part_that_is_outdated(files: GalleryFiles, tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:

        def parts() -> Iterator[Faces]:
            yield faces(10)
            os._exit(9)

        files.make(STATE, parts())
    os.waitpid(pid, 0)
    part = only_file(tmp_path)
    assert part.suffix == ".part"
    assert files.outdated(frozenset([STATE.token])) == [part]
    assert files.open(STATE) is None


def test_all_are_deleted_and_those_who_search_one_keep_it(files: GalleryFiles, tmp_path: Path) -> None:
    folder = tmp_path / "galleries"
    whole = faces(50)
    held = files.make(STATE, [whole])
    GalleryFiles(folder, "f" * 16).make(STATE, [faces(2)])
    (folder / f".{LEDGER}-{STATE.token}.1a2b.part").touch()
    (folder / "notes").touch()
    delete_all(folder)
    assert [path.name for path in folder.iterdir()] == ["notes"]
    assert same(held, whole)
    delete_all(folder)
    delete_all(tmp_path / "never made")


def test_what_cannot_be_deleted_is_told(files: GalleryFiles, tmp_path: Path) -> None:
    (tmp_path / "galleries" / "x.gallery").mkdir()
    with pytest.raises(LedgerError, match="holds copies of erased faces"):
        delete_all(tmp_path / "galleries")
    assert files.open(STATE) is None


def test_a_file_deleted_while_it_is_made_is_an_os_error(files: GalleryFiles, tmp_path: Path) -> None:
    def parts() -> Iterator[Faces]:
        yield faces(3)
        delete_all(tmp_path / "galleries")

    with pytest.raises(FileNotFoundError):
        files.make(STATE, parts())
    assert list((tmp_path / "galleries").iterdir()) == []


def test_one_at_a_time(files: GalleryFiles) -> None:
    inside = threading.Event()
    order: list[str] = []

    def other() -> None:
        with files.alone():
            order.append("other")
            inside.set()

    thread = threading.Thread(target=other)
    with files.alone():
        thread.start()
        assert not inside.wait(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_nobody_waits_for_ever_for_one_that_is_stopped(
    files: GalleryFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_files, "PATIENCE", 0.2)
    with files.alone():
        with files.alone():
            files.make(STATE, in_parts(faces(3), 2))
        # The one who did not have the lock has not let go of it.
        descriptor = os.open(tmp_path / "galleries", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
