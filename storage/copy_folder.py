"""The folder of local copies: what is in it, how room is made, and who may touch what.

It holds a file for each content, named by its SHA-256, and hidden `.part` files that are being fetched. Locks on these
files are all that processes share:

- whoever works with a copy shares the lock on it, and nobody deletes what is locked;
- whoever fetches has the lock on the part alone; a part without a lock was left by somebody who was killed, and is
  deleted by whoever makes room next;
- room is made, and parts become copies, under the lock on `.lock`.

A part has its full length from the beginning, so that all who make room see what is still to come. When a copy was
last used is its time of modification.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.errors import StorageUnavailable
from config.files import PART
from storage import folder_errors, locks

_HASH = re.compile("[0-9a-f]{64}")
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class _File:
    """A copy or a part. `missing` bytes of it are not on the disk yet."""

    path: Path
    size: int
    missing: int
    used_ns: int


class CopyFolder:
    """The copies and parts in a folder on a local disk.

    Args:
        path: made by `make`.
        limit_bytes: of all copies and parts together; what is locked may exceed it.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._limit_bytes = limit_bytes

    def make(self) -> None:
        """Make the folder, for its owner alone, where there is none."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def copy(self, content_hash: str) -> Path:
        """Where the copy of a content is, or would be.

        Args:
            content_hash: SHA-256, hexadecimal, in small letters.
        """
        if not _HASH.fullmatch(content_hash):
            raise ValueError(f"{content_hash!r} is no SHA-256")
        return self._path / content_hash

    def part(self, name: str) -> Path:
        """Where something is fetched to."""
        return self._path / f".{name}{PART}"

    @contextmanager
    def telling(self) -> Iterator[None]:
        """In this block errors of the file system are about this folder.

        Raises:
            StorageUnavailable: in place of an OSError.
        """
        try:
            yield
        except OSError as error:
            raise folder_errors.of_root(error, self._path) from None

    def reserve(self, part: int, size: int, on_wait: Callable[[], None]) -> None:
        """Make room for a part, and give it its length.

        Args:
            part: its descriptor.
            size: bytes.
            on_wait: called while others make room.

        Raises:
            StorageUnavailable: the disk is too full, whatever is deleted of what nobody works with.
        """
        with self._alone(on_wait):
            self._clear(size)
            os.ftruncate(part, size)

    def shrink(self, on_wait: Callable[[], None]) -> None:
        """Delete what lies beyond the limit, and what was left by somebody who was killed."""
        with self._alone(on_wait):
            self._clear(0)

    def keep(self, part: Path, descriptor: int, content_hash: str, on_wait: Callable[[], None]) -> bool:
        """Make a whole part a copy, the lock on which is shared from now on; False: there is one already."""
        target = self.copy(content_hash)
        with self._alone(on_wait):
            if target.exists():
                return False
            part.rename(target)
            os.utime(descriptor)
            # Nobody deletes it meanwhile: that needs the lock on the folder.
            locks.share(descriptor)
        return True

    @contextmanager
    def _alone(self, on_wait: Callable[[], None]) -> Iterator[None]:
        descriptor = locks.alone(self._path / ".lock", on_wait)
        try:
            yield
        finally:
            os.close(descriptor)

    def _clear(self, needed: int) -> None:
        parts = [file for file in self._files(f".*{PART}") if not _deleted(file.path)]
        copies = sorted(self._files("?" * 64), key=lambda copy: copy.used_ns)
        kept = sum(file.size for file in (*parts, *copies))
        coming = needed + sum(part.missing for part in parts)
        for copy in copies:
            if kept + needed <= self._limit_bytes and self._free() >= coming:
                break
            if _deleted(copy.path):
                kept -= copy.size
        free = self._free()
        if needed and free < coming:
            what = f"{_shown(coming)} are needed for copies, and {_shown(free)} are free"
            raise StorageUnavailable(str(self._path), what, "free space there, or set a smaller storage.cache")

    def _files(self, pattern: str) -> Iterator[_File]:
        for path in self._path.glob(pattern):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            missing = max(0, status.st_size - status.st_blocks * _BLOCK_BYTES)
            yield _File(path, status.st_size, missing, status.st_mtime_ns)

    def _free(self) -> int:
        return shutil.disk_usage(self._path).free


def _deleted(path: Path) -> bool:
    """Delete what nobody has locked; whether it is gone."""
    descriptor = locks.alone_at_once(path)
    if descriptor is None:
        return not path.exists()
    try:
        path.unlink()
    finally:
        os.close(descriptor)
    return True


def _shown(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.1f} MiB"
