"""Local copies of objects: fetched once per machine, checked by their SHA-256, kept while there is room."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.errors import ContentReplaced, FileMissing
from storage import locks
from storage.base import Entry, Store
from storage.copy_folder import CopyFolder
from storage.places import LocalPlace, Place
from storage.reading import Pulse, chunks

_SYNC_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Copy:
    """A content on this machine.

    Attributes:
        path: where to read it; for a local place, the place itself.
        content_hash: SHA-256, hexadecimal.
        size: bytes.
        modified_ns: when a local file was last written, nanoseconds since 1970; None of an object.
    """

    path: Path
    content_hash: str
    size: int
    modified_ns: int | None = None


def _nothing() -> None:
    pass


class LocalCopies:
    """The copies of this machine. Safe to use from several threads and processes.

    Args:
        folder: on a local disk; made when the first copy is.
        limit_bytes: what is kept. What is being worked with is kept in any case.
        store_of: the store that has a place.
    """

    def __init__(self, folder: Path, limit_bytes: int, store_of: Callable[[Place], Store]) -> None:
        self._folder = CopyFolder(folder, limit_bytes)
        self._store_of = store_of
        self._touched: dict[Entry, str] = {}
        """Contents of local files that were written again, by what is there."""

    @contextmanager
    def of(
        self,
        place: Place,
        content_hash: str,
        size: int,
        on_progress: Callable[[], None] = _nothing,
        *,
        modified_ns: int | None = None,
    ) -> Iterator[Path]:
        """A path at which a known content can be read while the block lasts.

        A local place is that path. Of an object there is a copy, fetched if need be.

        Args:
            place: where the content is, unless there is a copy already.
            content_hash: SHA-256, hexadecimal. A local file is hashed again where it was written since.
            size: bytes.
            on_progress: called about twice a second until the path is there, whether this process fetches or waits
                for another that does: the place to renew a lease, and to stop by raising.
            modified_ns: when a local file was last written when it had this content; None: only its size tells.

        Raises:
            FileMissing: it is not there.
            ContentReplaced: something else is there, or is at the end of the block.
            StorageUnavailable: the store cannot be reached, or there is no room on this machine.
        """
        if isinstance(place, LocalPlace):
            known = self._checked(place, content_hash, size, modified_ns, Pulse(on_progress))
            yield place.path
            try:
                self._checked(place, content_hash, size, known.modified_ns, Pulse(on_progress))
            except ContentReplaced:
                raise
            except FileMissing:
                # What was read of it was read all the same.
                pass
            return
        pulse = Pulse(on_progress)
        path = self._folder.copy(content_hash)
        with self._folder.telling():
            self._folder.make()
            descriptor = self._obtained(place, path, size, pulse)
        with self._using(descriptor):
            yield path

    @contextmanager
    def bring(self, place: Place, on_progress: Callable[[], None] = _nothing) -> Iterator[Copy]:
        """A content that is not known yet, with its hash; to be read at its path while the block lasts.

        A local place is read where it is. An object is fetched, for only its bytes tell whether there is a copy.

        Args:
            place: where it is.
            on_progress: as for `of`.

        Raises:
            What `of` raises. ContentReplaced: it has changed meanwhile.
        """
        pulse = Pulse(on_progress)
        if isinstance(place, LocalPlace):
            yield self._hashed(place, pulse)
            return
        size = self._store_of(place).entry(place).size
        with self._folder.telling():
            self._folder.make()
            descriptor, content_hash = self._brought(place, size, pulse)
        with self._using(descriptor):
            yield Copy(self._folder.copy(content_hash), content_hash, size)

    @contextmanager
    def _using(self, copy: int) -> Iterator[None]:
        """Have a copy by its descriptor, and let go of it."""
        try:
            os.utime(copy)
            yield
        finally:
            os.utime(copy)
            os.close(copy)
            # The work is done, or its own error is to be told; whoever needs room next is told of the disk.
            with suppress(OSError):
                self._folder.shrink(_nothing)

    def _checked(self, place: LocalPlace, content_hash: str, size: int, modified_ns: int | None, pulse: Pulse) -> Entry:
        """What is at a local place, if it is the content.

        Raises:
            ContentReplaced: it is another one.
        """
        entry = self._store_of(place).entry(place)
        if entry.size != size:
            raise _replaced(place)
        if modified_ns not in (None, entry.modified_ns) and self._touched.get(entry) != content_hash:
            # Somebody may have copied it, or put a newer one in its place.
            if self._hashed(place, pulse).content_hash != content_hash:
                raise _replaced(place)
            self._touched[entry] = content_hash
        return entry

    def _hashed(self, place: LocalPlace, pulse: Pulse) -> Copy:
        entry = self._store_of(place).entry(place)
        digest, size = hashlib.sha256(), 0
        with closing(chunks(self._store_of(place), place, pulse)) as coming:
            for chunk in coming:
                digest.update(chunk)
                size += len(chunk)
        return Copy(place.path, digest.hexdigest(), size, entry.modified_ns)

    def _obtained(self, place: Place, path: Path, size: int, pulse: Pulse) -> int:
        """The copy's descriptor, the lock on it shared."""
        while True:
            descriptor = locks.shared(path, pulse)
            if descriptor is not None:
                return descriptor
            part = self._folder.part(path.name)
            with _Part(part, pulse) as fetched:
                # Whoever was waited for has fetched it.
                if path.exists():
                    continue
                if self._received(fetched.descriptor, place, size, pulse) != path.name:
                    raise _replaced(place)
                if self._folder.keep(part, fetched.descriptor, path.name, pulse):
                    return fetched.detach()

    def _brought(self, place: Place, size: int, pulse: Pulse) -> tuple[int, str]:
        """A new copy's descriptor, the lock on it shared, and its hash."""
        part = self._folder.part(secrets.token_hex(8))
        with _Part(part, pulse) as fetched:
            found = self._received(fetched.descriptor, place, size, pulse)
            while not self._folder.keep(part, fetched.descriptor, found, pulse):
                other = locks.shared(self._folder.copy(found), pulse)
                if other is not None:
                    return other, found
            return fetched.detach(), found

    def _received(self, part: int, place: Place, size: int, pulse: Pulse) -> str:
        """Fetch into a part; the SHA-256 of what came."""
        self._folder.reserve(part, size, pulse)
        digest, done, synced = hashlib.sha256(), 0, 0
        with closing(chunks(self._store_of(place), place, pulse)) as coming:
            for chunk in coming:
                done += len(chunk)
                if done > size:
                    break
                digest.update(chunk)
                _write_all(part, chunk)
                # Little by little, so that the disk is not waited for at the end without a sign of life.
                if done - synced >= _SYNC_BYTES:
                    os.fdatasync(part)
                    synced = done
        if done != size:
            raise _replaced(place)
        # A copy that a power cut has damaged would be worked with as if it were the content.
        os.fdatasync(part)
        return digest.hexdigest()


class _Part:
    """A part that is fetched to, locked alone; deleted at the end, unless it has become a copy."""

    def __init__(self, path: Path, pulse: Pulse) -> None:
        self._path = path
        self.descriptor = locks.alone(path, pulse)
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def detach(self) -> int:
        """The descriptor of what is a copy now; the caller closes it."""
        self._kept = True
        return self.descriptor

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self._path.unlink(missing_ok=True)
            os.close(self.descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _replaced(place: Place) -> ContentReplaced:
    what = "has been replaced: what is there now is another content than the one that was submitted"
    return ContentReplaced(str(place), what, "submit it again")
