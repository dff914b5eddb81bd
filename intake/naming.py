"""What people name on a command line: files, folders of them, and the same in buckets."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from config.errors import MediaError, StorageUnavailable, UnusablePlace
from config.storage_settings import StorageSettings
from intake import sidecars
from storage.opening import is_there, store_at
from storage.places import LocalPlace, Place, parse_root


def places(named: Iterable[str], settings: StorageSettings) -> Iterator[Place | MediaError]:
    """The files that are named, and those below the folders and prefixes that are named.

    Of the latter hidden files and sidecars are left out; they come in order of their names. What is neither a path nor
    a place in a bucket, or cannot be listed, is given as the error that says so, and the others go on.
    """
    for text in named:
        try:
            yield from _places(_written(text), settings)
        except (UnusablePlace, StorageUnavailable) as error:
            yield error


def _places(place: Place, settings: StorageSettings) -> Iterator[Place]:
    if _is_file(place, settings):
        yield place
        return
    for entry in store_at(str(place), settings).entries():
        if not entry.place.name.endswith(sidecars.SUFFIX):
            yield entry.place


def _written(text: str) -> Place:
    """A path may be relative here, where somebody stands in a folder."""
    if "://" in text and not Path(text).exists():
        return parse_root(text)
    return LocalPlace(Path(os.path.normpath(Path(text).absolute())))


def _is_file(place: Place, settings: StorageSettings) -> bool:
    """Whether it is submitted itself. What is not there is, too, and is told to be missing then."""
    if isinstance(place, LocalPlace):
        return not place.path.is_dir()
    return bool(place.key) and not place.key.endswith("/") and is_there(place, settings)
