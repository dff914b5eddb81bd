"""Admission: a file becomes a row of the ledger, or is refused with a reason.

The prober is handed in, because only the workers' side may load a decoder.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from config.errors import (
    AlreadySubmitted,
    BadSidecar,
    Conflict,
    ContentReplaced,
    DecoderFailed,
    FileMissing,
    InQuarantine,
    MediaError,
    StorageUnavailable,
    UnusableName,
)
from config.settings import Settings
from db import leases, videos
from db.facts import UploadFacts, VideoFacts
from db.leases import Clock
from db.schema import Video
from db.session import Database
from db.states import VideoState
from intake import sidecars
from intake.facts import by_default
from intake.rules import Rules
from storage.copies import Copy
from storage.opening import is_there, local_copies, store_of
from storage.places import Place, is_text, parse

Prober = Callable[[Path, Callable[[], None]], VideoFacts]
_NOTHING_TOLD: Final = UploadFacts()
_GONE: Final = (FileMissing.code, ContentReplaced.code)


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one submitted file: a video, and the error that it was refused or rejected with, if any.

    `place`: None where there is none, but the error.
    """

    place: Place | None
    video_id: int | None
    error: MediaError | None


class Desk:
    """Where files are submitted.

    Args:
        database: the ledger.
        settings: rules, deadlines by default, where copies of objects are kept.
        probe: gives the facts of a file; called with something to call while it waits.
        clock: gives the time.
    """

    def __init__(self, database: Database, settings: Settings, probe: Prober, clock: Clock = leases.utc_now) -> None:
        self._database = database
        self._storage = settings.storage
        self._schedule = settings.schedule
        self._rules = Rules(settings.intake.rules, settings.schedule.time_zone)
        self._copies = local_copies(settings)
        self._probe = probe
        self._clock = clock

    def admit(
        self, place: Place, told: UploadFacts = _NOTHING_TOLD, on_progress: Callable[[], None] = _nothing
    ) -> Admission:
        """Hash, probe and write one file. One that is no video gets a row too: every upload ends in a named state.

        Args:
            place: where it is.
            told: what is known of it; before its sidecar, before the rules of the settings, before what is the default.
            on_progress: called now and then while the file is read.
        """
        try:
            _refuse_unusable_name(place)
            upload = self._upload(place, told)
            with self._copies.bring(place, on_progress) as copy:
                known = self._known(copy, place, upload)
                if known is not None:
                    return known
                outcome = self._probed(place, copy.path, on_progress)
                return self._write(place, copy, upload, outcome)
        except (FileMissing, StorageUnavailable, UnusableName, BadSidecar) as error:
            return Admission(place, None, error)

    def probe_again(self, video: Video, on_progress: Callable[[], None] = _nothing) -> MediaError | None:
        """Look again at a video on which the decoder was lost when it was submitted; what it ends with, if anything.

        Raises:
            FileMissing, StorageUnavailable: its file is not to be had.
        """
        place = parse(video.path)
        with self._copies.of(
            place, video.content_hash, video.byte_size, on_progress, modified_ns=video.modified_ns
        ) as path:
            outcome = self._probed(place, path, on_progress)
        with self._database.writing() as session:
            videos.judge(videos.get(session, video.id), outcome)
        return outcome if isinstance(outcome, MediaError) else None

    def _upload(self, place: Place, told: UploadFacts) -> UploadFacts:
        now = self._clock()
        beside = self._sidecar(place.beside(sidecars.SUFFIX), now)
        by_path = self._rules.facts(str(place), now)
        return told.or_else(beside).or_else(by_path).or_else(by_default(self._schedule, now))

    def _sidecar(self, place: Place, now: datetime) -> UploadFacts:
        try:
            with store_of(place, self._storage).open(place, count=sidecars.LARGEST + 1) as stream:
                content = stream.read()
        except FileMissing:
            return _NOTHING_TOLD
        return sidecars.read(content, str(place), self._schedule.time_zone, now)

    def _probed(self, place: Place, path: Path, on_progress: Callable[[], None]) -> VideoFacts | MediaError:
        try:
            try:
                return self._probe(path, on_progress)
            except DecoderFailed:
                # Once more, in case it was the machine.
                return self._probe(path, on_progress)
        except FileMissing:
            raise
        except MediaError as error:
            # Of an object a copy was looked at: its path would tell nobody anything.
            return type(error)(str(place), error.what, error.remedy)

    def _write(self, place: Place, copy: Copy, upload: UploadFacts, outcome: VideoFacts | MediaError) -> Admission:
        try:
            with self._database.writing() as session:
                video = videos.add(
                    session,
                    content_hash=copy.content_hash,
                    byte_size=copy.size,
                    path=str(place),
                    modified_ns=copy.modified_ns,
                    title=place.name,
                    outcome=outcome,
                    upload=upload,
                )
                return Admission(place, video.id, outcome if isinstance(outcome, MediaError) else None)
        except Conflict:
            # Somebody else submitted the same content in this moment.
            known = self._known(copy, place, upload)
            if known is None:
                raise
            return known

    def _known(self, copy: Copy, place: Place, upload: UploadFacts) -> Admission | None:
        """What becomes of a content that the ledger has already; the new place is remembered as another source."""
        with self._database.reading() as session:
            video = videos.by_hash(session, copy.content_hash)
            asked = None if video is None or video.state == VideoState.REJECTED else video.path
        # A store may take its time: nobody waits for a lock meanwhile.
        gone = asked if asked is not None and self._has_gone(asked) else None
        with self._database.writing() as session:
            video = videos.by_hash(session, copy.content_hash)
            if video is None:
                return None
            videos.add_source(session, video.id, str(place), upload)
            # That its file had gone was all that had kept it from being done.
            is_back = video.cause in _GONE and videos.retry(session, video)
            if is_back or video.path == gone:
                video.path, video.modified_ns = str(place), copy.modified_ns
            videos.hurry(video, upload)
            return Admission(place, video.id, None if is_back else _refused(video, place))

    def _has_gone(self, written: str) -> bool:
        """Whether what is still to be done would not find the file. A disk that is out of reach may come back."""
        try:
            return not is_there(parse(written), self._storage)
        except StorageUnavailable:
            return False


def _refuse_unusable_name(place: Place) -> None:
    if not is_text(place):
        shown = os.fsencode(str(place)).decode("utf-8", "backslashreplace")
        raise UnusableName(shown, "its name is no text in UTF-8", "rename it")


def _refused(video: Video, place: Place) -> MediaError:
    same = f"the same content is video {video.id} ({video.title})"
    if video.state == VideoState.QUARANTINED:
        why = f"{same}, which is in quarantine: {video.cause}"
        return InQuarantine(str(place), why, f"`rollcall retry {video.id}` tries it again")
    if video.state == VideoState.REJECTED:
        same = f"{same}, which was rejected as {video.cause}"
    return AlreadySubmitted(str(place), same, f"`rollcall report {video.id}` shows it")
