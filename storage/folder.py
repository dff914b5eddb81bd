"""A folder as a store."""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from config.errors import FileMissing, RollcallError, StorageUnavailable
from config.files import unfinished, write_whole
from storage import folder_errors
from storage.base import Entry, checked_name
from storage.places import LocalPlace, Place


class Folder:
    """The files below a folder. Links are followed, but each folder is listed once, whatever leads to it.

    Args:
        root: absolute path. It need not be there yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, name: str) -> LocalPlace:
        """See Store."""
        return LocalPlace(self._root / checked_name(name))

    def entries(self) -> Iterator[Entry]:
        """See Store."""
        identity = self._identity()
        listing = _Listing(identity)
        yield from listing.below(self._root)
        # Whoever unmounts a disk leaves an empty folder: nothing of it may be taken for the end of the list.
        if self._identity() != identity:
            raise StorageUnavailable(str(self._root), "was taken away while it was listed", "mount it again")
        if listing.trouble:
            raise listing.trouble[0]

    def entry(self, place: Place) -> Entry:
        """See Store."""
        path = self._path(place)
        try:
            status = path.stat()
        except OSError as error:
            raise folder_errors.of_file(error, path, self._root) from None
        return _entry(path, status)

    @contextmanager
    def open(self, place: Place, first: int = 0, count: int | None = None) -> Iterator[BinaryIO]:
        """See Store."""
        path = self._path(place)
        try:
            # Without waiting: a pipe in the place of a file would be waited for, for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise folder_errors.of_file(error, path, self._root) from None
        with io.BufferedReader(_FileStream(descriptor, path, self._root, first, count)) as stream:
            _entry(path, os.fstat(descriptor))
            yield stream

    def write(self, name: str, content: bytes) -> LocalPlace:
        """See Store."""
        place = self.place(name)
        self._identity()
        try:
            place.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place.path, content)
        except OSError as error:
            raise folder_errors.of_root(error, self._root) from None
        return place

    def remove(self, names: Iterable[str]) -> None:
        """See Store."""
        paths = [self.place(name).path for name in names]
        self._identity()
        for path in (*paths, *unfinished(paths)):
            try:
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                continue
            except OSError as error:
                raise folder_errors.of_root(error, self._root) from None

    def _identity(self) -> tuple[int, int]:
        """Device and inode of the root, which is there, and a folder."""
        try:
            status = self._root.stat()
        except OSError as error:
            raise folder_errors.of_root(error, self._root) from None
        if not S_ISDIR(status.st_mode):
            raise StorageUnavailable(str(self._root), "is not a folder", "name a folder")
        return status.st_dev, status.st_ino

    def _path(self, place: Place) -> Path:
        if not isinstance(place, LocalPlace) or not place.path.is_relative_to(self._root):
            raise ValueError(f"{place} is not below {self._root}")
        return place.path


class _Listing:
    """One walk through the folders below a root, in the order of the bytes of the files' relative names."""

    def __init__(self, root: tuple[int, int]) -> None:
        self._seen = {root}
        self.trouble: list[RollcallError] = []

    def below(self, root: Path) -> Iterator[Entry]:
        waiting = [iter(self._children(root))]
        while waiting:
            path = next(waiting[-1], None)
            if path is None:
                waiting.pop()
                continue
            status = self._status(path)
            if status is None:
                continue
            if S_ISREG(status.st_mode):
                yield _entry(path, status)
            elif (identity := (status.st_dev, status.st_ino)) not in self._seen:
                self._seen.add(identity)
                waiting.append(iter(self._children(path)))

    def _children(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as found:
                visible = [(entry.name, _leads_to_folder(entry)) for entry in found if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            self.trouble.append(folder_errors.of_root(error, folder))
            return []
        # As in a bucket, where `a.b` comes before `a/b`: the slash counts.
        visible.sort(key=lambda child: os.fsencode(child[0]) + (b"/" if child[1] else b""))
        return [folder / name for name, _ in visible]

    def _status(self, path: Path) -> os.stat_result | None:
        """None of what is neither file nor folder, or has gone."""
        try:
            status = path.stat()
        except OSError as error:
            told = folder_errors.of_file(error, path, path.parent)
            if not isinstance(told, FileMissing):
                self.trouble.append(told)
            return None
        return status if S_ISREG(status.st_mode) or S_ISDIR(status.st_mode) else None


class _FileStream(io.RawIOBase):
    """Part of a file, whose errors are ours."""

    def __init__(self, descriptor: int, path: Path, root: Path, first: int, count: int | None) -> None:
        self._descriptor, self._path, self._root = descriptor, path, root
        self._position, self._end = first, None if count is None else first + count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12's
        wanted = memoryview(buffer)
        if self._end is not None:
            wanted = wanted[: self._end - self._position]
        try:
            got = os.preadv(self._descriptor, [wanted], self._position) if wanted else 0
        except OSError as error:
            raise folder_errors.of_file(error, self._path, self._root) from None
        self._position += got
        return got

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _leads_to_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, or to where we must not look: `_status` says which.
        return False


def _entry(path: Path, status: os.stat_result) -> Entry:
    if not S_ISREG(status.st_mode):
        # A pipe or a device would be read for ever.
        raise FileMissing(str(path), "is not a regular file", "name a file")
    return Entry(LocalPlace(path), status.st_size, status.st_mtime_ns, None)
