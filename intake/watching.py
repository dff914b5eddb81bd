"""Looking at watched folders and buckets: what lies there, and whether it is whole."""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

import structlog

from config.errors import RollcallError
from config.settings import Settings
from db import arrivals, leases
from db.arrivals import Seen
from db.leases import Clock
from db.session import Database
from intake.sidecars import SUFFIX
from storage.base import Entry
from storage.opening import store_at
from storage.places import is_text, parse_root

log = structlog.get_logger(__name__)


def look(database: Database, settings: Settings, clock: Clock = leases.utc_now) -> list[str]:
    """Look at every watched place once, and note what has arrived; the places of which everything was seen.

    Those end in a slash. A place that is out of reach keeps nobody from looking at the others.
    """
    seen_whole = []
    stable = timedelta(seconds=settings.intake.stable)
    for root in settings.intake.watch:
        found: list[Entry] = []
        complete, place = True, root
        try:
            # As the places of its files are written, whatever slashes and dots the setting has.
            place = f"{str(parse_root(root)).rstrip('/')}/"
            found.extend(store_at(root, settings.storage).entries())
        except RollcallError as error:
            # What was listed so far is there all the same.
            log.warning("watched place out of reach", cause=error.code, detail=str(error))
            complete = False
        seen = uploads(found, settings.intake.ignore)
        with database.writing() as session:
            arrivals.observe(session, place, seen, all_seen=complete, stable=stable, now=clock())
        if complete:
            seen_whole.append(place)
    return seen_whole


def uploads(found: list[Entry], ignored: list[str]) -> Iterator[Seen]:
    """The entries that are uploads, each with the version that it and its sidecar have.

    Args:
        found: all entries of a place.
        ignored: patterns of names that are no uploads.
    """
    sidecars = {str(entry.place): entry for entry in found if entry.place.name.endswith(SUFFIX)}
    for entry in found:
        name = entry.place.name
        if name.endswith(SUFFIX) or any(fnmatchcase(name.lower(), pattern.lower()) for pattern in ignored):
            continue
        sidecar = sidecars.get(str(entry.place) + SUFFIX)
        version = _version(entry) + (f" {_version(sidecar)}" if sidecar else "")
        if not is_text(entry.place):
            log.warning("file whose name is no text in UTF-8 left out", name=ascii(name))
            continue
        # An object is there when all of it is; of a file nobody can tell.
        yield Seen(str(entry.place), version, whole=entry.tag is not None)


def _version(entry: Entry) -> str:
    return f"{entry.size}-{entry.modified_ns}-{entry.tag or ''}"
