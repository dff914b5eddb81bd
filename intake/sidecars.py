"""Sidecars: a JSON file beside an upload that tells what is known of it.

`film.mp4.rollcall.json` belongs to `film.mp4`:

    {"channel": "News 24", "recorded": "2026-11-20T18:05", "priority": "high", "deadline": "06:00"}
"""

import json
from datetime import datetime, tzinfo
from typing import Final

from config.errors import BadSidecar
from db.facts import UploadFacts
from intake.facts import KEYS, facts

SUFFIX: Final = ".rollcall.json"
LARGEST: Final = 1 << 16
"""Bytes; what is larger was not written for us."""
_REMEDY: Final = "docs/intake.md shows one; correct it and it is read again"


def read(content: bytes, place: str, zone: tzinfo, now: datetime) -> UploadFacts:
    """What a sidecar tells.

    Args:
        content: of the file.
        place: of the file, for messages.
        zone: of times that name none.
        now: that a deadline may count from.

    Raises:
        BadSidecar: it is no JSON object, names something unknown, or something that is none.
    """
    try:
        told = json.loads(content[: LARGEST + 1])
    except (ValueError, RecursionError):
        raise BadSidecar(place, "is no JSON", _REMEDY) from None
    if not isinstance(told, dict):
        raise BadSidecar(place, "is no JSON object", _REMEDY)
    if unknown := sorted(set(told) - set(KEYS)):
        raise BadSidecar(place, f"tells {unknown[0]!r}; known are {', '.join(KEYS)}", _REMEDY)
    for key, value in told.items():
        if value is not None and not isinstance(value, str):
            raise BadSidecar(place, f"{key} is no text", _REMEDY)
    try:
        return facts(told, zone, now)
    except ValueError as error:
        raise BadSidecar(place, str(error), _REMEDY) from None
