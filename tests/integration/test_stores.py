"""What a store promises, of a folder and of a bucket in turn."""

import time
from pathlib import Path

import pytest
from support.object_store import RequestLog, TestBucket

from config.errors import FileMissing, StorageUnavailable, UnusablePlace
from config.storage_settings import StorageSettings
from storage.base import Store
from storage.opening import store_at, store_of
from storage.parts import Part, read_parts
from storage.places import parse

ODD = ["a b.mp4", "a#b?c%20d+e&f=g.mp4", "ü/日本/film.mp4", "a/b", "a-b", "a.b", "a0", "Z", "x..", "~", "👩‍🚀.mov"]


@pytest.fixture(params=["folder", "bucket", "prefix"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        (tmp_path / "root").mkdir()
        return str(tmp_path / "root")
    bucket: TestBucket = request.getfixturevalue("bucket")
    return f"s3://{bucket.name}" + ("/day 1#" if request.param == "prefix" else "")


@pytest.fixture
def settings(request: pytest.FixtureRequest, root: str) -> StorageSettings:
    if root.startswith("/"):
        return StorageSettings()
    bucket: TestBucket = request.getfixturevalue("bucket")
    return bucket.settings


@pytest.fixture
def store(root: str, settings: StorageSettings) -> Store:
    return store_at(root, settings)


def test_what_is_written_is_listed_in_the_order_of_bytes_and_read(store: Store, root: str) -> None:
    before = time.time_ns()
    for number, name in enumerate(ODD):
        assert str(store.write(name, f"content {number}".encode())) == f"{root}/{name}"
    entries = list(store.entries())
    assert [str(entry.place) for entry in entries] == [f"{root}/{name}" for name in sorted(ODD, key=str.encode)]
    for entry in entries:
        content = f"content {ODD.index(str(entry.place).removeprefix(f'{root}/'))}".encode()
        assert entry.size == len(content)
        # A server may tell whole seconds.
        assert before - 1_000_000_000 <= entry.modified_ns <= time.time_ns()
        assert store.entry(entry.place) == entry
        assert parse(str(entry.place)) == entry.place
        with store.open(entry.place) as stream:
            assert stream.read() == content


def test_a_tag_tells_contents_apart_where_there_is_one(store: Store, root: str) -> None:
    first = store.entry(store.write("film.mp4", b"first"))
    second = store.entry(store.write("film.mp4", b"other"))
    if root.startswith("/"):
        assert (first.tag, second.tag) == (None, None)
    else:
        assert first.tag
        assert second.tag
        assert first.tag != second.tag


def test_any_part_can_be_read(store: Store) -> None:
    content = bytes(range(256)) * 20_000
    place = store.write("film.mp4", content)
    for first, count in [(0, None), (0, 10), (7, 1), (255, 4_000_000), (5_119_999, None), (5_119_990, 100), (3, 0)]:
        with store.open(place, first, count) as stream:
            assert stream.read() == content[first : None if count is None else first + count]
    for first, count in [(len(content), None), (len(content), 5), (len(content) + 9, None), (len(content) + 9, 5)]:
        with store.open(place, first, count) as stream:
            assert stream.read() == b""
    with store.open(place) as stream:
        assert [stream.read(3), stream.read(2)] == [content[:3], content[3:5]]


def test_an_empty_file_is_a_file(store: Store) -> None:
    place = store.write("empty.mp4", b"")
    assert [entry.size for entry in store.entries()] == [0]
    with store.open(place) as stream:
        assert stream.read() == b""


def test_hidden_names_are_left_out(store: Store) -> None:
    for name in (".hidden", "a/.hidden", ".b/a", "a/.b/c/d", "a/shown.mp4"):
        store.write(name, b"x")
    assert [entry.place.name for entry in store.entries()] == ["shown.mp4"]


def test_removing_takes_many_at_once_and_misses_none(store: Store) -> None:
    for name in ODD:
        store.write(name, b"x")
    store.remove([*ODD[1:], "never-there", "never/there", f"{ODD[0]}/below-a-file"])
    assert [entry.place.name for entry in store.entries()] == [ODD[0]]
    store.remove([])
    store.remove([ODD[0]])
    assert list(store.entries()) == []


def test_a_name_that_leads_elsewhere_changes_nothing(store: Store) -> None:
    store.write("a", b"x")
    for name in ("../a", "/a", "b/../a", "a\nb", ""):
        with pytest.raises(UnusablePlace):
            store.write(name, b"y")
        with pytest.raises(UnusablePlace):
            store.remove(["a", name])
    assert [entry.size for entry in store.entries()] == [1]


def test_a_file_that_is_not_there_is_missing(store: Store, settings: StorageSettings) -> None:
    store.write("a/film.mp4", b"x")
    missing = store.place("a/film.mp")
    for asked in (store, store_of(missing, settings)):
        with pytest.raises(FileMissing) as caught:
            asked.entry(missing)
        assert caught.value.subject == str(missing)
        for count in (None, 0, 5):
            with pytest.raises(FileMissing), asked.open(missing, 0, count):
                pass
    assert not caught.value.permanent


def test_one_file_can_be_asked_for_without_its_root(store: Store, settings: StorageSettings) -> None:
    place = store.write("a/film.mp4", b"content")
    assert store_of(place, settings).entry(place) == store.entry(place)
    with store_of(place, settings).open(place) as stream:
        assert stream.read() == b"content"


def test_parts_of_many_files_are_read_in_few_requests(store: Store, settings: StorageSettings, root: str) -> None:
    contents = {name: f"{name} ".encode() * 400_000 for name in ODD[:3]}
    for name, content in contents.items():
        store.write(name, content)
    wanted = [
        Part(root, name, first, count)
        for name in contents
        # The first four lie near each other, or overlap; the last one does not.
        for first, count in [(320_000, 10), (5, 1), (0, 20), (10, 65_000), (900_000, 7)]
    ]
    with RequestLog() as requests:
        read = read_parts(wanted, settings)
    assert read.found == {part: contents[part.name][part.first : part.end] for part in wanted}
    assert read.trouble is None
    assert len(requests.lines) == (0 if root.startswith("/") else 2 * len(contents))
    assert read_parts([], settings).found == {}


def test_parts_that_are_not_there_are_left_out(store: Store, settings: StorageSettings, root: str) -> None:
    store.write("a/film", b"0123456789")
    there, beyond, cut = Part(root, "a/film", 8, 2), Part(root, "a/film", 10, 1), Part(root, "a/film", 8, 3)
    missing = [Part(root, "a/other", 0, 1), Part(root, "b/film", 0, 1), Part(root, "a/film/c", 0, 1)]
    read = read_parts([there, beyond, cut, *missing], settings)
    assert (dict(read.found), read.trouble) == ({there: b"89"}, None)


def test_of_a_store_out_of_reach_the_others_know_nothing(store: Store, settings: StorageSettings, root: str) -> None:
    store.write("a/film", b"0123456789")
    there = Part(root, "a/film", 0, 10)
    gone = "/nowhere/at/all" if root.startswith("/") else "s3://bucket-that-nobody-made"
    read = read_parts([there, *(Part(gone, f"{number}", 0, 1) for number in range(20))], settings)
    assert dict(read.found) == {there: b"0123456789"}
    assert isinstance(read.trouble, StorageUnavailable)
