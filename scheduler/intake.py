"""Intake: a submitted file becomes a row of the ledger, or is refused with a reason.

The prober is handed in, because only the workers' side may load a decoder.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.errors import AlreadySubmitted, Conflict, DecoderFailed, FileMissing, MediaError, UnusableName
from db import videos
from db.facts import VideoFacts
from db.session import Database
from db.states import VideoState

Prober = Callable[[Path], VideoFacts]


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one submitted file: a video, and the error that it was refused or rejected with, if any."""

    path: Path
    video_id: int | None
    error: MediaError | None


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those below the folders that are named: hidden ones left out, in order of name."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = (file for file in path.rglob("*") if file.is_file())
        yield from sorted(file for file in below if not _is_hidden(file.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def content_hash(path: Path) -> tuple[str, int]:
    """SHA-256 of the file's bytes, hexadecimal, and how many there are.

    Raises:
        FileMissing: it is not there or not readable.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device would be read for ever.
        raise FileMissing(str(path), "is not a regular file", "name a file")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise FileMissing(str(path), error.strerror or "cannot be read", "check the path and its permissions") from None


def admit(database: Database, path: Path, probe: Prober) -> Admission:
    """Probe, hash and write one file. A file that is no video gets a row too: every upload ends in a named state."""
    path = Path(os.path.normpath(path.absolute()))
    try:
        _refuse_unusable_name(path)
        digest, size = content_hash(path)
        known = _known(database, digest, path)
        if known is not None:
            return known
        outcome = _probed(path, probe)
    except (FileMissing, UnusableName) as error:
        return Admission(path, None, error)
    return _write(database, path, digest, size, outcome)


def _refuse_unusable_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise UnusableName(shown, "its name is no text in UTF-8", "rename it") from None


def _probed(path: Path, probe: Prober) -> VideoFacts | MediaError:
    try:
        try:
            return probe(path)
        except DecoderFailed:
            # Once more, in case it was the machine.
            return probe(path)
    except FileMissing:
        raise
    except MediaError as error:
        return error


def _write(database: Database, path: Path, digest: str, size: int, outcome: VideoFacts | MediaError) -> Admission:
    try:
        with database.writing() as session:
            video = videos.by_hash(session, digest)
            if video is not None and videos.deserves_another_look(video):
                videos.judge(video, outcome)
                video.path = str(path)
                videos.add_source(session, video.id, str(path))
            else:
                video = videos.add(
                    session,
                    content_hash=digest,
                    byte_size=size,
                    path=str(path),
                    title=path.name,
                    outcome=outcome,
                )
            return Admission(path, video.id, outcome if isinstance(outcome, MediaError) else None)
    except Conflict:
        # Somebody else submitted the same content in this moment.
        known = _known(database, digest, path)
        if known is None:
            raise
        return known


def _known(database: Database, digest: str, path: Path) -> Admission | None:
    """What becomes of a content that the ledger has already; the new place is remembered as another source.

    It is refused, unless the video had failed: then it is given its tries again. None: it is to be probed.
    """
    with database.writing() as session:
        video = videos.by_hash(session, digest)
        if video is None or videos.deserves_another_look(video):
            return None
        if video.state != VideoState.REJECTED and not Path(video.path).exists():
            # The file has moved: what is still to be done must find it.
            video.path = str(path)
        videos.add_source(session, video.id, str(path))
        if videos.reopen(session, video):
            video.path = str(path)
            return Admission(path, video.id, None)
        same = f"the same content is video {video.id} ({video.title})"
        if video.state == VideoState.REJECTED:
            same = f"{same}, which was rejected as {video.cause}"
        error = AlreadySubmitted(str(path), same, f"`rollcall report {video.id}` shows it")
        return Admission(path, video.id, error)
