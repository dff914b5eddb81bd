"""What a store is: a folder or a bucket, asked in the same words.

One contract test (`tests/integration/test_stores.py`) holds both kinds to what is said here.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from config.errors import UnusablePlace
from storage.places import Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a store has.

    Attributes:
        place: where it is.
        size: bytes.
        modified_ns: when it was last written, nanoseconds since 1970, as the store's own clock says.
        tag: changes with the content where the store knows such a thing (an object's ETag); None for a folder.
    """

    place: Place
    size: int
    modified_ns: int
    tag: str | None


class Store(Protocol):
    """A root, which is a folder or a bucket with a prefix, and the files below it.

    Names are relative to the root, their parts separated by `/`. Every call may raise StorageUnavailable: the root is
    not there or not open to us, or the server does not answer. Safe to use from several threads.
    """

    def place(self, name: str) -> Place:
        """Where the file of this name is, or would be.

        Raises:
            UnusablePlace: the name leads out of the root, or holds what cannot be in a name.
        """

    def entries(self) -> Iterator[Entry]:
        """Every file below the root, in the order of the bytes of their names.

        Hidden files and folders (a leading dot) are left out, and so are objects that stand for folders (empty, their
        key ending in `/`). Files that vanish meanwhile are left out. A folder that cannot be read is an error when
        all others have been listed.
        """

    def entry(self, place: Place) -> Entry:
        """What the store has at one place.

        Raises:
            FileMissing: there is no file.
        """

    def open(self, place: Place, first: int = 0, count: int | None = None) -> AbstractContextManager[BinaryIO]:
        """The content of a file from byte `first` on, `count` bytes at most; what lies behind the end is left out.

        Reading may raise what opening raises.

        Raises:
            FileMissing: there is no file, or it must not be read.
            ContentReplaced: the file was replaced while it was read.
        """

    def write(self, name: str, content: bytes) -> Place:
        """Write a file, whole or not at all, in place of an older one; its folders are made.

        Raises:
            UnusablePlace: as for `place`.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Delete files; those that are not there are no error.

        Raises:
            UnusablePlace: as for `place`; then nothing is deleted.
        """


def is_hidden(name: str) -> bool:
    """Whether a part of a name begins with a dot."""
    return name.startswith(".") or "/." in name


def checked_name(name: str) -> str:
    """The name, if it is one that can be written in every store and stays below the root.

    Raises:
        UnusablePlace: it is not.
    """
    if any(part in {"", ".", ".."} for part in name.split("/")):
        raise UnusablePlace(name, "does not lie below its folder", "write parts of a name with single slashes between")
    # Of an object of such a name no server could tell: lists of keys are XML.
    if any(unicodedata.category(letter) in {"Cc", "Cs"} or letter in "\ufffe\uffff" for letter in name):
        shown = name.encode("unicode_escape").decode()
        raise UnusablePlace(shown, "holds characters that cannot be in a name", "leave out control characters")
    return name
