"""From what the ledger keeps of a crop to the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from config.errors import StorageUnavailable
from config.storage_settings import StorageSettings
from db.crops import Kept
from storage.parts import Part, read_parts

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Pictures(Generic[_Key]):
    """JPEGs that could be had. Personal data.

    Args:
        jpegs: by the key that they were asked for with; those whose pack is gone or out of reach are left out.
        trouble: what was in the way; None: all packs could be reached.
    """

    jpegs: Mapping[_Key, bytes]
    trouble: StorageUnavailable | None = None


def read(kept: Mapping[_Key, Kept | None], settings: StorageSettings) -> Pictures[_Key]:
    """As many pictures as can be had: for people, who see the rest without them."""
    found = read_parts([crop for crop in kept.values() if isinstance(crop, Part)], settings)
    jpegs: dict[_Key, bytes] = {}
    for key, crop in kept.items():
        jpeg = found.found.get(crop) if isinstance(crop, Part) else crop
        if jpeg is not None:
            jpegs[key] = jpeg
    return Pictures(jpegs, found.trouble)


def read_all(kept: Mapping[_Key, Kept | None], settings: StorageSettings) -> Mapping[_Key, bytes]:
    """All pictures that there are: for work whose result would be another without them.

    Raises:
        StorageUnavailable: a store cannot be reached, so that nobody can tell.
    """
    pictures = read(kept, settings)
    if pictures.trouble is not None:
        raise pictures.trouble
    return pictures.jpegs
