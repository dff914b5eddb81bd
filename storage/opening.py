"""From what is written and what is set to the stores and copies that are meant."""

from functools import partial

from config.errors import FileMissing
from config.settings import Settings
from config.storage_settings import StorageSettings
from storage.base import Store
from storage.copies import LocalCopies
from storage.folder import Folder
from storage.places import LocalPlace, ObjectPlace, Place, parse_root
from storage.s3 import Bucket


def store_at(root: str, settings: StorageSettings) -> Store:
    """The store whose root is written so: a folder's absolute path, `s3://bucket` or `s3://bucket/prefix`.

    Raises:
        UnusablePlace: it is neither.
    """
    place = parse_root(root)
    return Folder(place.path) if isinstance(place, LocalPlace) else Bucket(place, settings)


def store_of(place: Place, settings: StorageSettings) -> Store:
    """A store that one file can be asked of: the folder that it lies in, or its bucket."""
    if isinstance(place, LocalPlace):
        return Folder(place.path.parent)
    return Bucket(ObjectPlace(place.bucket, ""), settings)


def is_there(place: Place, settings: StorageSettings) -> bool:
    """Whether there is a file at a place.

    Raises:
        StorageUnavailable: its store cannot be reached, so that nobody can tell.
    """
    try:
        store_of(place, settings).entry(place)
    except FileMissing:
        return False
    return True


def local_copies(settings: Settings) -> LocalCopies:
    """This machine's copies, in the home folder: all processes that share a home share them."""
    return LocalCopies(settings.home / "copies", settings.storage.cache_bytes, partial(_opened, settings.storage))


def _opened(settings: StorageSettings, place: Place) -> Store:
    return store_of(place, settings)
