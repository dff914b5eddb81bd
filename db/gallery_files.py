"""Galleries as files that the processes of one machine map into memory, so that together they hold the vectors once.

A file holds one state of one gallery and never changes: a header of one page, then n embeddings (float32), then the n
identities they belong to (int64); then, where the gallery is calibrated, N templates (float32), their identities
(int64) and terms (float64), and the c templates (float32) and identities (int64) of the cohort; all little-endian. A
new state is a new file. Nothing in a file is trusted before its header, its length and the checksum of all of it are
right; what is not right is made anew from the ledger.

Vectors are personal data: the folder is its owner's alone, and a file lives no longer than the state that it holds.
"""

import fcntl
import mmap
import os
import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from config.files import PART, PRIVATE, writing_whole
from db.gallery_folder import ENDING
from models.faces import Embeddings
from models.normalised import People

log = structlog.get_logger(__name__)

PATIENCE = 60.0
"""Seconds that a process waits for another one that makes a file."""

_MAGIC = b"RCGALLRY"
_FORMAT = 2
# Magic, format, length of an embedding; how many embeddings, templates and members of the cohort there are; version of
# the gallery, hash of its space's name, token.
_HEADER = struct.Struct("<8sIIQQQQ32s32s")
# Of the header, and of all that follows the page that it begins.
_CHECKSUMS = struct.Struct("<II")
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class State:
    """Which gallery, as it was when. The token alone tells; the rest is held against what a file says of itself."""

    space: str
    version: int
    token: str
    length: int
    """Of an embedding."""


class Faces(NamedTuple):
    """n enrolled faces, and the people that they are of where that is known. Read-only where they come from a file."""

    identity_ids: NDArray[np.int64]
    """(n,)."""
    embeddings: Embeddings
    """(n, length)."""
    people: People | None = None
    """Of a calibrated gallery."""


class _Counts(NamedTuple):
    faces: int
    people: int
    members: int


class GalleryFiles:
    """The files of one ledger's galleries on this machine.

    Every method raises OSError where the folder cannot be used.

    Args:
        folder: made when it is first needed; several ledgers may share it.
        ledger: what tells the ledger from others, part of file names.
    """

    def __init__(self, folder: Path, ledger: str) -> None:
        self._folder = folder
        self._ledger = ledger

    def open(self, state: State) -> Faces | None:
        """The faces of a gallery, mapped; None where no good file of it is there."""
        try:
            with self._path(state.token).open("rb") as file:
                # A map of nothing would be an error.
                size = os.fstat(file.fileno()).st_size
                content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
        except (FileNotFoundError, PermissionError):
            # Somebody else's file, left by a command that another user ran here, is replaced by our own.
            return None
        return _read(content, state)

    def make(self, state: State, parts: Iterable[Faces], people: Callable[[], People | None] = lambda: None) -> Faces:
        """Write the file of a gallery and map it.

        Args:
            state: of the gallery.
            parts: its faces, some at a time.
            people: what is known of its people once all faces have come.

        Raises:
            OSError: also when the file was deleted at once, by an erasure.
        """
        path = self._path(state.token)
        if path.exists():
            log.warning("gallery file unusable, made anew", file=path.name)
        with writing_whole(path, mode=PRIVATE, lasting=False) as file:
            _write(file, state, parts, people)
        made = self.open(state)
        if made is None:
            raise FileNotFoundError(f"{path.name} was deleted while it was made")
        return made

    def outdated(self, tokens: frozenset[str]) -> list[Path]:
        """Files of this ledger that are none of these states; also parts of files that somebody died over."""
        kept = {self._path(token).name for token in tokens}
        return [
            path
            for path in self._folder.iterdir()
            if path.suffix in {ENDING, PART} and self._ledger in path.name and path.name not in kept
        ]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other processes of this machine out, so that one makes a file and the others find it.

        The kernel lets go of it for a process that is killed. For one that is stopped it does not: after `PATIENCE` s
        nobody waits any longer. Then several may make the same file, which costs time and memory and nothing else.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self._folder.stat().st_mode) & 0o077:
            self._folder.chmod(0o700)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            locked = _locked(descriptor)
            try:
                yield
            finally:
                # Closing it would not do where a child that was forked meanwhile has it, too.
                if locked:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _path(self, token: str) -> Path:
        return self._folder / f"{self._ledger}-{token}{ENDING}"


def _locked(descriptor: int) -> bool:
    """Whether the lock was had before patience ended."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                log.warning("somebody makes a gallery file for too long, no longer waited for", seconds=PATIENCE)
                return False
            time.sleep(0.05)
        else:
            return True


def _write(file: BinaryIO, state: State, parts: Iterable[Faces], people: Callable[[], People | None]) -> None:
    """The header comes last, when it is known what follows it."""
    file.seek(_PAGE)
    checksum = 0
    identity_ids = []
    for part in parts:
        checksum = _append(file, part.embeddings, "<f4", checksum)
        identity_ids.append(part.identity_ids)
    for numbers in identity_ids:
        checksum = _append(file, numbers, "<i8", checksum)
    counts = _Counts(sum(map(len, identity_ids)), 0, 0)
    known = people()
    if known is not None:
        counts = _Counts(counts.faces, len(known.identity_ids), len(known.cohort_people))
        checksum = _append(file, known.templates, "<f4", checksum)
        checksum = _append(file, known.identity_ids, "<i8", checksum)
        checksum = _append(file, known.terms, "<f8", checksum)
        checksum = _append(file, known.cohort, "<f4", checksum)
        checksum = _append(file, known.cohort_people, "<i8", checksum)
    header = _header(state, counts)
    page = header + _CHECKSUMS.pack(zlib.crc32(header), checksum)
    file.seek(0)
    file.write(page.ljust(_PAGE, b"\0"))


def _append(file: BinaryIO, array: NDArray[Any], kind: str, checksum: int) -> int:
    data = np.ascontiguousarray(array, dtype=kind).data.cast("B") if array.size else memoryview(b"")
    file.write(data)
    return zlib.crc32(data, checksum)


def _header(state: State, counts: _Counts) -> bytes:
    space = sha256(state.space.encode()).digest()
    return _HEADER.pack(_MAGIC, _FORMAT, state.length, *counts, state.version, space, state.token.encode())


def _read(content: mmap.mmap | bytes, state: State) -> Faces | None:
    """The arrays inside a file's content, where they lie; None if it is not the file of this state, or not whole."""
    if len(content) < _PAGE:
        return None
    header = content[: _HEADER.size]
    of_header, of_rest = _CHECKSUMS.unpack_from(content, _HEADER.size)
    counts = _Counts(*_HEADER.unpack(header)[3:6])
    if header != _header(state, counts) or zlib.crc32(header) != of_header:
        return None
    vector, number = 4 * state.length, 8
    length = (
        counts.faces * (vector + number) + counts.people * (vector + 2 * number) + counts.members * (vector + number)
    )
    if len(content) != _PAGE + length or zlib.crc32(memoryview(content)[_PAGE:]) != of_rest:
        return None
    arrays = _Arrays(content, state.length)
    embeddings, identity_ids = arrays.vectors(counts.faces), arrays.numbers(counts.faces)
    people = None
    if counts.members:
        templates, enrolled = arrays.vectors(counts.people), arrays.numbers(counts.people)
        terms = arrays.next("<f8", counts.people)
        people = People(enrolled, templates, terms, arrays.vectors(counts.members), arrays.numbers(counts.members))
    return Faces(identity_ids, embeddings, people)


class _Arrays:
    """One array after the other, from the first page on."""

    def __init__(self, content: mmap.mmap | bytes, length: int) -> None:
        self._content, self._length, self._offset = content, length, _PAGE

    def vectors(self, count: int) -> Embeddings:
        return self.next("<f4", count * self._length).reshape(count, self._length)

    def numbers(self, count: int) -> NDArray[np.int64]:
        return self.next("<i8", count)

    def next(self, kind: str, count: int) -> NDArray[Any]:
        array = np.frombuffer(self._content, kind, count, self._offset)
        self._offset += array.nbytes
        return array
