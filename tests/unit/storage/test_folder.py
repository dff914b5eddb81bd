"""What only folders have: links, pipes, disks that go away."""

import errno
import inspect
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import FileMissing, RollcallError, StorageUnavailable
from storage import folder_errors
from storage.folder import Folder
from storage.places import LocalPlace, ObjectPlace, Place


def names(root: Path) -> list[str]:
    return [str(entry.place).removeprefix(f"{root}/") for entry in Folder(root).entries()]


def make(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_loops_of_links_end_and_each_folder_is_listed_once(tmp_path: Path) -> None:
    make(tmp_path, "a/film.mp4", "b/film.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "other").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "other").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert names(tmp_path) == ["a/film.mp4", "a/other/film.mp4"]


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    make(tmp_path, "film.mp4")
    (tmp_path / "again.mp4").symlink_to("film.mp4")
    assert names(tmp_path) == ["again.mp4", "film.mp4"]


def test_what_is_no_file_is_left_out_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert names(tmp_path) == []
    store = Folder(tmp_path)
    with pytest.raises(FileMissing, match="not a regular file"):
        store.entry(LocalPlace(pipe))
    with pytest.raises(FileMissing, match="not a regular file"), store.open(LocalPlace(pipe)):
        pass
    with pytest.raises(FileMissing, match="not a regular file"), store.open(LocalPlace(tmp_path)):
        pass


_NAMES = st.text("aB.-0/é", min_size=1, max_size=8)


@given(st.sets(_NAMES))
def test_the_order_is_that_of_the_whole_names_bytes(tmp_path_factory: pytest.TempPathFactory, wanted: set[str]) -> None:
    root = tmp_path_factory.mktemp("ordered")
    for name in wanted:
        path = Path(os.path.normpath(f"{root}/{name}"))
        if path.is_relative_to(root) and path != root and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                path.touch()
    found = names(root)
    expected = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    visible = [str(path) for path in expected if not any(part.startswith(".") for part in path.parts)]
    assert found == sorted(visible, key=os.fsencode)
    shutil.rmtree(root)


def test_folders_in_each_other_are_no_recursion(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep /= "a"
        deep.mkdir()
    (deep / "film.mp4").touch()
    before = sys.getrecursionlimit()
    # As 1,500 folders would be to the usual limit; but whoever deletes the test's folder must manage, too.
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = names(tmp_path)
    finally:
        sys.setrecursionlimit(before)
    assert len(found) == 1


def test_what_vanishes_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.mp4", "c/d.mp4", "e.mp4")
    entries = Folder(tmp_path).entries()
    found = [next(entries).place.name]
    (tmp_path / "b.mp4").unlink()
    shutil.rmtree(tmp_path / "c")
    found += [entry.place.name for entry in entries]
    assert found == ["a.mp4", "e.mp4"]


def test_a_root_that_goes_away_while_it_is_listed_is_no_end_of_the_list(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    make(root, "a.mp4", "b.mp4")
    entries = Folder(root).entries()
    next(entries)
    root.rename(tmp_path / "elsewhere")
    root.mkdir()
    with pytest.raises(StorageUnavailable, match="taken away"):
        list(entries)


def test_a_folder_that_cannot_be_read_is_told_when_all_others_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/film.mp4", "b/film.mp4", "c/film.mp4")
    scandir: Any = os.scandir

    def broken(path: Path) -> Iterator[os.DirEntry[str]]:
        if path == tmp_path / "b":
            raise OSError(errno.EIO, "Input/output error")
        found: Iterator[os.DirEntry[str]] = scandir(path)
        return found

    monkeypatch.setattr(os, "scandir", broken)
    found: list[Place] = []
    with pytest.raises(StorageUnavailable) as caught:
        found.extend(entry.place for entry in Folder(tmp_path).entries())
    assert [str(place) for place in found] == [f"{tmp_path}/a/film.mp4", f"{tmp_path}/c/film.mp4"]
    assert caught.value.subject == str(tmp_path / "b")


def test_a_root_that_is_not_there_is_another_error_than_a_file(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    store, place = Folder(root), LocalPlace(root / "day" / "film.mp4")

    def errors() -> list[type[RollcallError]]:
        found = []
        for call in (lambda: store.entry(place), lambda: store.open(place).__enter__(), lambda: list(store.entries())):
            try:
                call()
            except RollcallError as error:
                found.append(type(error))
        return found

    assert errors() == [StorageUnavailable] * 3
    with pytest.raises(StorageUnavailable):
        store.write("day/film.mp4", b"x")
    assert not root.exists()
    root.mkdir()
    # The folder of that day may have been deleted: that is about its files.
    assert errors() == [FileMissing] * 2
    root.rmdir()
    root.touch()
    assert errors() == [StorageUnavailable] * 3


@pytest.mark.parametrize(
    ("number", "there", "kind"),
    [
        (errno.ENOENT, False, FileMissing),
        (errno.ENOTDIR, False, FileMissing),
        (errno.ELOOP, False, FileMissing),
        (errno.ENAMETOOLONG, False, FileMissing),
        (errno.EACCES, True, FileMissing),
        (errno.EACCES, False, StorageUnavailable),
        (errno.EIO, True, StorageUnavailable),
        (errno.ESTALE, True, StorageUnavailable),
        (errno.ENOTCONN, True, StorageUnavailable),
        (errno.EMFILE, True, StorageUnavailable),
    ],
)
def test_errors_of_the_disk_are_not_about_one_file(
    tmp_path: Path, number: int, there: bool, kind: type[RollcallError]
) -> None:
    path = tmp_path / "film.mp4"
    if there:
        path.touch()
    told = folder_errors.of_file(OSError(number, os.strerror(number)), path, tmp_path)
    assert type(told) is kind
    assert told.subject == str(path if kind is FileMissing else tmp_path)
    assert os.strerror(number) in str(told)
    assert told.remedy
    assert not told.permanent


def test_an_error_in_mid_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "film.mp4")

    def stale(*_: object) -> int:
        raise OSError(errno.ESTALE, "Stale file handle")

    with Folder(tmp_path).open(LocalPlace(tmp_path / "film.mp4")) as stream:
        monkeypatch.setattr(os, "preadv", stale)
        with pytest.raises(StorageUnavailable, match="Stale"):
            stream.read()


def test_a_place_elsewhere_is_not_asked_for(tmp_path: Path) -> None:
    for place in (LocalPlace(tmp_path.parent / "film.mp4"), ObjectPlace("bucket", "film.mp4")):
        with pytest.raises(ValueError, match="not below"):
            Folder(tmp_path).entry(place)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Folder(tmp_path)
    store.write("crop.jpg", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable, match="No space left on device; free space there"):
        store.write("crop.jpg", b"new")
    assert names(tmp_path) == ["crop.jpg"]
    assert (tmp_path / "crop.jpg").read_bytes() == b"old"
