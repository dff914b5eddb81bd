"""Disks that are full in the middle of a night, each a small one of its own."""

import errno
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from support import object_store, open_work, processes, small_day
from support.installation import installed
from support.mid_night import locally, mid_night, prepare
from support.outcome import Outcome, assert_same, outcome
from support.small_day import SmallDay

from db.schema import TaskRun

FULL = 6.0
"""Seconds for which a disk is full."""


class Disk:
    """A file system in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no room on it."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def remount(self, option: str) -> None:
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.path)], check=True)


@pytest.fixture
def disk() -> Iterator[Callable[[Path, int], Disk]]:
    """Mounts a disk of so many MiB at a folder, which is made."""
    mounted: list[Path] = []

    def mount(path: Path, mebibytes: int) -> Disk:
        path.mkdir(parents=True)
        options = f"size={mebibytes}m,mode=700"
        command = ["mount", "-t", "tmpfs", "-o", options, "rollcall", str(path)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing may be mounted here: {done.stderr.decode().strip()}")
        mounted.append(path)
        return Disk(path)

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_no_room_for_the_ledger_and_the_messages(
    tmp_path: Path, day: SmallDay, calm: Outcome, disk: Callable[[Path, int], Disk]
) -> None:
    small = disk(tmp_path / "disk", 64)
    installation = installed(small.path / "home", **small_day.SETTINGS)
    prepare(installation, day)
    with mid_night(installation, locally) as night:
        small.fill()
        time.sleep(1)
        before = open_work.scanned(night.database)
        time.sleep(FULL)
        assert open_work.scanned(night.database) == before, "nothing can be recorded"
        small.empty()
    assert_same(outcome(installation, str(day.folder)), calm)


def test_no_room_for_copies_of_objects(
    tmp_path: Path, day: SmallDay, calm: Outcome, disk: Callable[[Path, int], Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    with object_store.serving() as endpoint:
        bucket = object_store.TestBucket("day", endpoint)
        bucket.client.create_bucket(Bucket=bucket.name)
        for path in sorted(day.folder.iterdir()):
            bucket.put(path.name, path.read_bytes())
        installation = installed(tmp_path / "home", storage__endpoint=endpoint, **small_day.SETTINGS)
        small = disk(installation.home / "copies", 8)
        installation.run("migrate")
        day.enrol(installation)
        installation.run("submit", "s3://day/", expect=3)
        for copy in small.path.iterdir():
            copy.unlink()
        small.fill()
        with mid_night(installation, locally, scanned=0) as night:
            causes = select(func.count()).select_from(TaskRun).where(TaskRun.cause == "storage-unavailable")

            def put_off() -> bool:
                with night.database.reading() as session:
                    return (session.scalar(causes) or 0) > 4

            processes.until(put_off, "work is put off", installation.log)
            assert open_work.scanned(night.database) == 0
            small.empty()
        assert_same(outcome(installation, "s3://day"), calm)


def test_no_room_for_galleries(tmp_path: Path, day: SmallDay, calm: Outcome, disk: Callable[[Path, int], Disk]) -> None:
    installation = installed(tmp_path / "home", **small_day.SETTINGS)
    small = disk(installation.home / "galleries", 1)
    small.fill()
    prepare(installation, day)
    with mid_night(installation, locally, scanned=0):
        pass
    assert "gallery not shared with other processes" in (installation.home / "worker.log").read_text()
    assert [path.name for path in small.path.iterdir()] == ["ballast"]
    assert_same(outcome(installation, str(day.folder)), calm)


def test_a_disk_that_may_only_be_read(
    tmp_path: Path, day: SmallDay, calm: Outcome, disk: Callable[[Path, int], Disk]
) -> None:
    small = disk(tmp_path / "disk", 64)
    installation = installed(small.path / "home", **small_day.SETTINGS)
    prepare(installation, day)
    small.remount("ro")
    try:
        for command in (["work", "--until-empty"], ["status"], ["submit", str(day.folder)]):
            told = installation.complaint(*command)
            assert "rollcall.db" in told
            assert "Traceback" not in told
    finally:
        small.remount("rw")
    with mid_night(installation, locally, scanned=0):
        pass
    assert_same(outcome(installation, str(day.folder)), calm)
