"""Local copies: one fetch per machine, whole or not at all, never taken from whoever works with one."""

import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support import object_store
from support.object_store import Network, RequestLog, TestBucket

from config.errors import ContentReplaced, FileMissing, LeaseLost, StorageUnavailable
from config.settings import Settings
from config.storage_settings import StorageSettings
from storage.base import Store
from storage.copies import Copy, LocalCopies
from storage.opening import local_copies, store_of
from storage.places import LocalPlace, ObjectPlace, Place

MIB = 1 << 20
CONTENT = os.urandom(9 * MIB + 5)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stores(endpoint: str) -> Callable[[Place], Store]:
    return lambda place: store_of(place, StorageSettings(endpoint=endpoint))


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


@pytest.fixture
def copies(bucket: TestBucket, folder: Path) -> LocalCopies:
    return LocalCopies(folder, 100 * MIB, stores(bucket.endpoint))


def test_a_copy_is_fetched_once_and_kept(bucket: TestBucket, copies: LocalCopies, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    place = ObjectPlace(bucket.name, "film.mp4")
    with RequestLog() as requests:
        for _ in range(3):
            with copies.of(place, digest(CONTENT), len(CONTENT)) as path:
                assert path.read_bytes() == CONTENT
                assert path.stat().st_mode & 0o777 == 0o600
        assert requests.lines == [f"GET /{bucket.name}/film.mp4"]
    assert kept(folder) == {digest(CONTENT)}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_known_is_taken_from_wherever_it_came(bucket: TestBucket, copies: LocalCopies) -> None:
    bucket.put("film.mp4", CONTENT)
    with copies.bring(ObjectPlace(bucket.name, "film.mp4")) as copy:
        assert copy == Copy(copy.path, digest(CONTENT), len(CONTENT))
        assert copy.path.read_bytes() == CONTENT
    with copies.of(ObjectPlace(bucket.name, "gone.mp4"), copy.content_hash, copy.size) as path:
        assert path == copy.path


def test_the_same_content_brought_twice_is_one_copy(bucket: TestBucket, copies: LocalCopies, folder: Path) -> None:
    for key in ("a", "b"):
        bucket.put(key, CONTENT)
    with copies.bring(ObjectPlace(bucket.name, "a")) as first, copies.bring(ObjectPlace(bucket.name, "b")) as second:
        assert first == second
        assert kept(folder) == {digest(CONTENT)}


def test_a_local_file_needs_no_copy(copies: LocalCopies, folder: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(CONTENT)
    with copies.of(LocalPlace(film), digest(CONTENT), len(CONTENT)) as path:
        assert path == film
    beats: list[None] = []
    with copies.bring(LocalPlace(film), lambda: beats.append(None)) as copy:
        assert copy == Copy(film, digest(CONTENT), len(CONTENT), film.stat().st_mtime_ns)
    assert beats
    assert not folder.exists()
    with pytest.raises(FileMissing), copies.of(LocalPlace(tmp_path / "gone.mp4"), "x", 1):
        pass
    with pytest.raises(StorageUnavailable), copies.bring(LocalPlace(tmp_path / "no disk" / "film.mp4")):
        pass


@pytest.mark.parametrize("other", [CONTENT[:-1], CONTENT[::-1], b""])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_local_file_that_was_replaced_is_not_taken_for_the_content(
    copies: LocalCopies, tmp_path: Path, other: bytes, when: str
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(CONTENT)
    with copies.bring(LocalPlace(film)) as copy:
        written = copy.modified_ns
    os.utime(film, ns=(1, 1))  # copied, as it were: another time, the same content
    with copies.of(LocalPlace(film), digest(CONTENT), len(CONTENT), modified_ns=written):
        os.utime(film, ns=(2, 2))
    if when == "before":
        film.write_bytes(other)
    with (
        pytest.raises(ContentReplaced),
        copies.of(LocalPlace(film), digest(CONTENT), len(CONTENT), modified_ns=written),
    ):
        film.write_bytes(other)
    film.write_bytes(CONTENT)
    with copies.of(LocalPlace(film), digest(CONTENT), len(CONTENT), modified_ns=written):
        film.unlink()


@pytest.mark.parametrize("other", [CONTENT[:-1], CONTENT + b"x", CONTENT[::-1], b""])
def test_another_content_is_refused_and_not_kept(
    bucket: TestBucket, copies: LocalCopies, folder: Path, other: bytes
) -> None:
    bucket.put("film.mp4", other)
    place = ObjectPlace(bucket.name, "film.mp4")
    with (
        pytest.raises(ContentReplaced, match="another content") as caught,
        copies.of(place, digest(CONTENT), len(CONTENT)),
    ):
        pass
    assert caught.value.subject == str(place)
    assert kept(folder) == set()


def test_of_a_far_longer_object_only_the_beginning_is_fetched(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", bytes(40 * MIB))
    with Network(bucket.endpoint, hold_after=20 * MIB) as network:
        copies = LocalCopies(folder, 100 * MIB, stores(network.endpoint))
        with pytest.raises(ContentReplaced), copies.of(ObjectPlace(bucket.name, "film.mp4"), digest(b"x"), 1):
            pass
        assert not network.held.is_set()


def test_an_object_that_is_not_there_leaves_nothing(bucket: TestBucket, copies: LocalCopies, folder: Path) -> None:
    place = ObjectPlace(bucket.name, "gone.mp4")
    with pytest.raises(FileMissing), copies.of(place, digest(b""), 0):
        pass
    with pytest.raises(FileMissing), copies.bring(place):
        pass
    assert kept(folder) <= set()


def test_an_empty_object_has_a_copy(bucket: TestBucket, copies: LocalCopies) -> None:
    bucket.put("empty", b"")
    with copies.bring(ObjectPlace(bucket.name, "empty")) as copy:
        assert (copy.path.read_bytes(), copy.content_hash, copy.size) == (b"", digest(b""), 0)


def test_a_broken_connection_does_not_show_in_the_copy(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, cuts=[MIB, 3 * MIB, 0, 7]) as network:
        copies = LocalCopies(folder, 100 * MIB, stores(network.endpoint))
        with copies.of(ObjectPlace(bucket.name, "film.mp4"), digest(CONTENT), len(CONTENT)) as path:
            assert path.read_bytes() == CONTENT
        assert network.cuts == []


class Beats:
    """Counts signs of life; at the third it lets the network flow again, so that without them nothing would go on."""

    def __init__(self, network: Network) -> None:
        self.count = 0
        self._network = network

    def __call__(self) -> None:
        if self._network.held.is_set():
            self.count += 1
        if self.count == 3:
            self._network.flowing.set()


def test_whoever_fetches_shows_that_it_lives_while_the_server_is_silent(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, hold_after=6 * MIB) as network:
        copies = LocalCopies(folder, 100 * MIB, stores(network.endpoint))
        beats = Beats(network)
        with copies.of(ObjectPlace(bucket.name, "film.mp4"), digest(CONTENT), len(CONTENT), beats) as path:
            assert path.read_bytes() == CONTENT
        assert beats.count >= 3


def test_whoever_waits_for_another_shows_that_it_lives(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    wanted = (ObjectPlace(bucket.name, "film.mp4"), digest(CONTENT), len(CONTENT))
    with Network(bucket.endpoint, hold_after=6 * MIB) as network, RequestLog() as requests:
        copies = LocalCopies(folder, 100 * MIB, stores(network.endpoint))
        found: list[bytes] = []

        def fetch() -> None:
            with copies.of(*wanted) as path:
                found.append(path.read_bytes())

        fetching = threading.Thread(target=fetch)
        fetching.start()
        assert network.held.wait(60)
        beats = Beats(network)
        with copies.of(*wanted, beats) as path:
            assert path.read_bytes() == CONTENT
        fetching.join()
        assert found == [CONTENT]
        assert beats.count >= 3
        assert requests.lines == [f"GET /{bucket.name}/film.mp4"]


def test_whoever_has_lost_the_lease_stops_fetching(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)

    def lost() -> None:
        if network.held.is_set():
            network.flowing.set()
            raise LeaseLost("segment 1", "was given to another")

    wanted = (ObjectPlace(bucket.name, "film.mp4"), digest(CONTENT), len(CONTENT))
    with Network(bucket.endpoint, hold_after=6 * MIB) as network:
        copies = LocalCopies(folder, 100 * MIB, stores(network.endpoint))
        with pytest.raises(LeaseLost), copies.of(*wanted, lost):
            pass
        assert kept(folder) == set()
        # The next one is not in the way of what was left.
        with copies.of(*wanted) as path:
            assert path.read_bytes() == CONTENT


_PROGRAM = """
import sys
from pathlib import Path
from config.storage_settings import StorageSettings
from storage.copies import LocalCopies
from storage.opening import store_of
from storage.places import parse

folder, endpoint, place, content_hash, size = sys.argv[1:]
settings = StorageSettings(endpoint=endpoint)
copies = LocalCopies(Path(folder), 100 << 20, lambda place: store_of(place, settings))
print("ready", flush=True)
sys.stdin.readline()
with copies.of(parse(place), content_hash, int(size)) as path:
    print(len(path.read_bytes()), flush=True)
    sys.stdin.readline()
"""


def start(folder: Path, endpoint: str, place: Place, content: bytes) -> subprocess.Popen[str]:
    """Another process of this machine; it begins when a line is written to it, and ends with the second."""
    words = [str(folder), endpoint, str(place), digest(content), str(len(content))]
    command = [sys.executable, "-c", _PROGRAM, *words]
    process = subprocess.Popen(
        command, env=object_store.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert hear(process) == "ready"
    return process


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready, "nothing was said for a minute"
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_of_four_processes_one_fetches(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    place = ObjectPlace(bucket.name, "film.mp4")
    with RequestLog() as requests:
        processes = [start(folder, bucket.endpoint, place, CONTENT) for _ in range(4)]
        for process in processes:
            say(process)
        assert [hear(process) for process in processes] == [str(len(CONTENT))] * 4
        for process in processes:
            end(process)
        assert requests.lines == [f"GET /{bucket.name}/film.mp4"]
    assert kept(folder) == {digest(CONTENT)}


def test_whoever_is_killed_in_mid_fetch_leaves_no_trace(bucket: TestBucket, folder: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    bucket.put("other.mp4", b"other")
    place = ObjectPlace(bucket.name, "film.mp4")
    with Network(bucket.endpoint, hold_after=6 * MIB) as network:
        killed = start(folder, network.endpoint, place, CONTENT)
        say(killed)
        assert network.held.wait(60)
        # Somebody waits for the one that is killed, and takes over.
        waiting = start(folder, bucket.endpoint, place, CONTENT)
        say(waiting)
        (part,) = kept(folder)
        assert part == f".{digest(CONTENT)}.part"
        assert (folder / part).stat().st_size == len(CONTENT)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert hear(waiting) == str(len(CONTENT))
        end(waiting)
        assert kept(folder) == {digest(CONTENT)}


def test_what_was_left_of_other_contents_is_deleted_by_the_next(
    bucket: TestBucket, copies: LocalCopies, folder: Path
) -> None:
    bucket.put("film.mp4", CONTENT)
    bucket.put("other.mp4", b"other")
    with Network(bucket.endpoint, hold_after=6 * MIB) as network:
        killed = start(folder, network.endpoint, ObjectPlace(bucket.name, "film.mp4"), CONTENT)
        say(killed)
        assert network.held.wait(60)
        with copies.bring(ObjectPlace(bucket.name, "other.mp4")) as other:
            # It is being fetched, so it stays.
            assert kept(folder) == {f".{digest(CONTENT)}.part", other.content_hash}
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with copies.of(ObjectPlace(bucket.name, "other.mp4"), other.content_hash, other.size):
            pass
        assert kept(folder) == {other.content_hash}


def test_the_least_recently_used_go_first_and_none_that_is_worked_with(bucket: TestBucket, folder: Path) -> None:
    copies = LocalCopies(folder, 3 * MIB, stores(bucket.endpoint))
    contents = {name: name.encode() * MIB for name in "abcde"}
    hashes = {name: digest(content) for name, content in contents.items()}
    for name, content in contents.items():
        bucket.put(name, content)

    def use(name: str) -> None:
        with copies.of(ObjectPlace(bucket.name, name), hashes[name], MIB) as path:
            assert path.read_bytes() == contents[name]

    def present() -> str:
        return "".join(name for name in "abcde" if hashes[name] in kept(folder))

    use("a")
    use("b")
    use("c")
    assert present() == "abc"
    use("a")
    use("d")
    assert present() == "acd"
    held = start(folder, bucket.endpoint, ObjectPlace(bucket.name, "c"), contents["c"])
    say(held)
    assert hear(held) == str(MIB)
    for name in "dabde":
        use(name)
        assert hashes["c"] in kept(folder)
    assert present() == "cde"
    end(held)


def test_what_is_worked_with_may_exceed_the_limit_until_it_is_let_go(bucket: TestBucket, folder: Path) -> None:
    copies = LocalCopies(folder, MIB, stores(bucket.endpoint))
    for name in "abc":
        bucket.put(name, name.encode() * MIB)
    with copies.bring(ObjectPlace(bucket.name, "a")) as first, copies.bring(ObjectPlace(bucket.name, "b")) as second:
        with copies.bring(ObjectPlace(bucket.name, "c")) as third:
            assert kept(folder) == {first.content_hash, second.content_hash, third.content_hash}
        assert kept(folder) == {first.content_hash, second.content_hash}
        for copy in (first, second):
            assert digest(copy.path.read_bytes()) == copy.content_hash
    assert len(kept(folder)) == 1


def test_where_the_disk_is_smaller_than_the_limit_copies_make_room(
    bucket: TestBucket, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = LocalCopies(folder, 100 * MIB, stores(bucket.endpoint))
    for name in "abc":
        bucket.put(name, name.encode() * MIB)

    def small(path: Path) -> object:
        used = sum(file.stat().st_blocks * 512 for file in path.iterdir())
        return type("Usage", (), {"free": 2 * MIB + MIB // 2 - used})()

    monkeypatch.setattr(shutil, "disk_usage", small)
    with copies.bring(ObjectPlace(bucket.name, "a")) as first:
        with copies.bring(ObjectPlace(bucket.name, "b")):
            pass
        with copies.bring(ObjectPlace(bucket.name, "c")) as third:
            assert kept(folder) == {first.content_hash, third.content_hash}
            told = "1.0 MiB are needed for copies, and 0.5 MiB are free; free space there"
            with pytest.raises(StorageUnavailable, match=told) as caught, copies.bring(ObjectPlace(bucket.name, "b")):
                pass
        assert caught.value.subject == str(folder)
        assert kept(folder) == {first.content_hash, third.content_hash}


def test_a_disk_that_fills_up_in_mid_fetch_is_told(bucket: TestBucket, tmp_path: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    disk = tmp_path / "disk"
    disk.mkdir()
    # A file system of its own, seen by this process alone. That it looks large enough at first is what another
    # writer does, who fills it afterwards.
    program = f"""
import shutil, sys
from pathlib import Path
from types import SimpleNamespace
from config.errors import StorageUnavailable
from config.storage_settings import StorageSettings
from storage.copies import LocalCopies
from storage.opening import store_of
from storage.places import parse
settings = StorageSettings(endpoint={bucket.endpoint!r})
copies = LocalCopies(Path({str(disk / "copies")!r}), 100 << 20, lambda place: store_of(place, settings))
shutil.disk_usage = lambda path: SimpleNamespace(free=1 << 40)
try:
    with copies.bring(parse("s3://{bucket.name}/film.mp4")):
        pass
except StorageUnavailable as error:
    print(error)
print(sorted(path.name for path in Path({str(disk / "copies")!r}).iterdir()))
"""
    mount = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=5m none "{disk}" && exec "$@"',
    ]
    if shutil.which("unshare") is None or subprocess.run([*mount, "sh", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    done = subprocess.run(
        [*mount, "sh", sys.executable, "-c", program],
        env={**object_store.environment(), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{disk}/copies: No space left on device; free space there\n['.lock']\n"


def test_a_folder_that_cannot_be_made_is_told(bucket: TestBucket, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    copies = LocalCopies(tmp_path / "file" / "copies", MIB, stores(bucket.endpoint))
    with (
        pytest.raises(StorageUnavailable, match="Not a directory"),
        copies.of(ObjectPlace(bucket.name, "a"), digest(b"x"), 1),
    ):
        pass


def test_processes_that_share_a_home_share_its_copies(bucket: TestBucket, tmp_path: Path) -> None:
    bucket.put("film.mp4", CONTENT)
    settings = Settings(home=tmp_path, storage=bucket.settings)
    with local_copies(settings).bring(ObjectPlace(bucket.name, "film.mp4")) as copy:
        assert copy.path == tmp_path / "copies" / digest(CONTENT)


def test_a_hash_that_is_a_path_is_none(copies: LocalCopies, bucket: TestBucket) -> None:
    with pytest.raises(ValueError, match="SHA-256"), copies.of(ObjectPlace(bucket.name, "a"), "../x", 1):
        pass


def test_many_at_once_agree(bucket: TestBucket, folder: Path) -> None:
    """Eight contents, room for three, six threads: every read is whole, and the limit holds in the end."""
    contents = [os.urandom(MIB // 4 + number) for number in range(8)]
    for number, content in enumerate(contents):
        bucket.put(str(number), content)
    wrong: list[str] = []

    def work(seed: int) -> None:
        copies = LocalCopies(folder, 3 * MIB // 4 + 100, stores(bucket.endpoint))
        for turn in range(20):
            number = (seed * 7 + turn * (seed + 1)) % 8
            content = contents[number]
            with copies.of(ObjectPlace(bucket.name, str(number)), digest(content), len(content)) as path:
                if path.read_bytes() != content or not path.exists():
                    wrong.append(f"{seed} {turn}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(kept(folder)) == 3
