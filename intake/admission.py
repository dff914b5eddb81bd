"""Admission: a file becomes a row of the ledger, or is refused with a reason.

The prober is handed in, because only the workers' side may load a decoder.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.errors import (
    AlreadySubmitted,
    BadSidecar,
    Conflict,
    DecoderFailed,
    FileMissing,
    InQuarantine,
    MediaError,
    UnusableName,
)
from config.settings import Settings
from db import leases, videos
from db.facts import UploadFacts, VideoFacts
from db.leases import Clock
from db.schema import Video
from db.session import Database, Session
from db.states import VideoState
from intake import sidecars
from intake.facts import by_default
from intake.rules import Rules

Prober = Callable[[Path, Callable[[], None]], VideoFacts]
_BLOCK: Final = 1 << 20
_NOTHING_TOLD: Final = UploadFacts()


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one submitted file: a video, and the error that it was refused or rejected with, if any."""

    path: Path
    video_id: int | None
    error: MediaError | None


class Desk:
    """Where files are submitted.

    Args:
        database: the ledger.
        settings: rules, and deadlines by default.
        probe: gives the facts of a file; called with something to call while it waits.
        clock: gives the time.
    """

    def __init__(self, database: Database, settings: Settings, probe: Prober, clock: Clock = leases.utc_now) -> None:
        self._database = database
        self._schedule = settings.schedule
        self._rules = Rules(settings.intake.rules, settings.schedule.time_zone)
        self._probe = probe
        self._clock = clock

    def admit(
        self, path: Path, told: UploadFacts = _NOTHING_TOLD, on_progress: Callable[[], None] = _nothing
    ) -> Admission:
        """Hash, probe and write one file. One that is no video gets a row too: every upload ends in a named state.

        Args:
            path: of the file.
            told: what is known of it; before its sidecar, before the rules of the settings, before what is the default.
            on_progress: called now and then while the file is read.
        """
        path = Path(os.path.normpath(path.absolute()))
        try:
            _refuse_unusable_name(path)
            upload = self._upload(path, told)
            digest, size = content_hash(path, on_progress)
            with self._database.writing() as session:
                known = _known(session, digest, path, upload)
            if known is not None:
                return known
            outcome = self._probed(path, on_progress)
        except (FileMissing, UnusableName, BadSidecar) as error:
            return Admission(path, None, error)
        return self._write(path, digest, size, upload, outcome)

    def probe_again(self, video: Video, on_progress: Callable[[], None] = _nothing) -> MediaError | None:
        """Look again at a video on which the decoder was lost when it was submitted; what it ends with, if anything."""
        try:
            outcome = self._probed(Path(video.path), on_progress)
        except FileMissing as error:
            return error
        with self._database.writing() as session:
            videos.judge(videos.get(session, video.id), outcome)
        return outcome if isinstance(outcome, MediaError) else None

    def _upload(self, path: Path, told: UploadFacts) -> UploadFacts:
        now = self._clock()
        sidecar = _sidecar(path.with_name(path.name + sidecars.SUFFIX))
        beside = sidecars.read(*sidecar, self._schedule.time_zone, now) if sidecar else _NOTHING_TOLD
        by_path = self._rules.facts(str(path), now)
        return told.or_else(beside).or_else(by_path).or_else(by_default(self._schedule, now))

    def _probed(self, path: Path, on_progress: Callable[[], None]) -> VideoFacts | MediaError:
        try:
            try:
                return self._probe(path, on_progress)
            except DecoderFailed:
                # Once more, in case it was the machine.
                return self._probe(path, on_progress)
        except FileMissing:
            raise
        except MediaError as error:
            return error

    def _write(
        self, path: Path, digest: str, size: int, upload: UploadFacts, outcome: VideoFacts | MediaError
    ) -> Admission:
        try:
            with self._database.writing() as session:
                video = videos.add(
                    session,
                    content_hash=digest,
                    byte_size=size,
                    path=str(path),
                    title=path.name,
                    outcome=outcome,
                    upload=upload,
                )
                return Admission(path, video.id, outcome if isinstance(outcome, MediaError) else None)
        except Conflict:
            # Somebody else submitted the same content in this moment.
            with self._database.writing() as session:
                known = _known(session, digest, path, upload)
            if known is None:
                raise
            return known


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those below the folders that are named: hidden ones and sidecars left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = (file for file in path.rglob("*") if file.is_file() and not file.name.endswith(sidecars.SUFFIX))
        yield from sorted(file for file in below if not _is_hidden(file.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def content_hash(path: Path, on_progress: Callable[[], None] = _nothing) -> tuple[str, int]:
    """SHA-256 of the file's bytes, hexadecimal, and how many there are.

    Raises:
        FileMissing: it is not there or not readable.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device would be read for ever.
        raise FileMissing(str(path), "is not a regular file", "name a file")
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                on_progress()
            return digest.hexdigest(), file.tell()
    except OSError as error:
        raise FileMissing(str(path), error.strerror or "cannot be read", "check the path and its permissions") from None


def _sidecar(path: Path) -> tuple[bytes, str] | None:
    try:
        with path.open("rb") as file:
            return file.read(sidecars.LARGEST + 1), str(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSidecar(str(path), error.strerror or "cannot be read", "check its permissions") from None


def _refuse_unusable_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise UnusableName(shown, "its name is no text in UTF-8", "rename it") from None


def _known(session: Session, digest: str, path: Path, upload: UploadFacts) -> Admission | None:
    """What becomes of a content that the ledger has already; the new place is remembered as another source."""
    video = videos.by_hash(session, digest)
    if video is None:
        return None
    videos.add_source(session, video.id, str(path), upload)
    if video.state != VideoState.REJECTED and not Path(video.path).exists():
        # The file has moved: what is still to be done must find it.
        video.path = str(path)
    # That its file had gone was all that had kept it from being done.
    is_back = video.cause == FileMissing.code and videos.retry(session, video)
    if is_back:
        video.path = str(path)
    videos.hurry(video, upload)
    return Admission(path, video.id, None if is_back else _refused(video, path))


def _refused(video: Video, path: Path) -> MediaError:
    same = f"the same content is video {video.id} ({video.title})"
    if video.state == VideoState.QUARANTINED:
        why = f"{same}, which is in quarantine: {video.cause}"
        return InQuarantine(str(path), why, f"`rollcall retry {video.id}` tries it again")
    if video.state == VideoState.REJECTED:
        same = f"{same}, which was rejected as {video.cause}"
    return AlreadySubmitted(str(path), same, f"`rollcall report {video.id}` shows it")
