"""What one worker process holds: settings, ledger, networks, gallery. Made on first use, once per process."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from config.errors import DatabaseUnavailable
from config.settings import Settings, load_settings
from crops.writing import packed
from db import leases, status
from db.facts import VideoFacts
from db.leases import Allowance
from db.migrate import ensure_schema
from db.packs import Pack
from db.schema import EmbeddingSpaceRow
from db.session import Database, Session, open_database
from db.shared_galleries import SharedGalleries
from intake.admission import Desk
from models.decision import NearestRule
from models.engine import FaceEngine, build_engine
from models.gallery import Gallery
from storage.opening import local_copies
from worker import watchdog
from worker.cage.keeper import Keeper
from worker.patience import patiently

_Result = TypeVar("_Result")


class WorkerProcess:
    """The tools of this process. Nothing is opened or loaded before it is used."""

    def __init__(self, settings: Settings) -> None:
        # One worker process per core: threads of libraries' own would fight for the cores.
        cv2.setNumThreads(1)
        threadpool_limits(1)
        self.settings = settings
        self.owner = leases.owner_of_this_process()
        self.allowed = Allowance(settings.work.attempts, settings.work.outages)
        self.database: Database = open_database(settings)
        self.engine: FaceEngine = build_engine(settings.faces)
        self.decoder = Keeper(settings.decode)
        self.uncalibrated = NearestRule.of(settings.match)
        self.copies = local_copies(settings)
        self._galleries = SharedGalleries(self.database)

    @cached_property
    def desk(self) -> Desk:
        """Where this process submits files."""
        return Desk(self.database, self.settings, self._probe)

    def _probe(self, path: Path, on_wait: Callable[[], None]) -> VideoFacts:
        return self.decoder.probe(path, on_wait)

    def write(self, do: Callable[[Session], _Result]) -> _Result:
        """What a transaction gives; a ledger that is out of reach is waited for, as long as a lease runs.

        Raises:
            DatabaseUnavailable: it was out of reach for all that time.
        """

        def write() -> _Result:
            with self.database.writing() as session:
                return do(session)

        return self._patiently(write)

    def packed(self, jpegs: Sequence[bytes]) -> AbstractContextManager[Pack | None]:
        """A pack of pictures for the block that records whom they show; None where the ledger is to keep them.

        Raises:
            StorageUnavailable: its store was out of reach for as long as a lease runs.
        """
        longest = watchdog.longest(self.settings.work.lease)
        return packed(jpegs, self.database, self.settings.storage, longest, self._patiently)

    def _patiently(self, do: Callable[[], _Result]) -> _Result:
        return patiently(do, self.settings.work.lease)

    def read(self, do: Callable[[Session], _Result]) -> _Result:
        """What is read from one state of the ledger; waits for it, and raises, as `write` does."""

        def read() -> _Result:
            with self.database.reading() as session:
                return do(session)

        return self._patiently(read)

    @property
    def spent(self) -> float:
        """Seconds of processor time, here and in the decoder's process."""
        return time.process_time() + self.decoder.spent

    @property
    def is_quiet(self) -> bool:
        """Whether no video is worked on, or waits for a worker: the time for what can wait."""
        with self.database.reading() as session:
            return not status.is_busy(session)

    def gallery(self, session: Session, space: EmbeddingSpaceRow) -> Gallery:
        """The gallery of a space as the ledger has it now; held once by all processes of the machine."""
        return self._galleries.current(session, space.name)


@lru_cache(maxsize=1)
def this_process() -> WorkerProcess:
    """The tools of this process; a forked child that calls it first makes its own.

    Raises:
        DatabaseUnavailable: the ledger cannot be reached, or its schema is of another version. The next call asks anew.
    """
    process = WorkerProcess(load_settings())
    try:
        ensure_schema(process.database)
    except DatabaseUnavailable:
        process.database.close()
        raise
    return process
