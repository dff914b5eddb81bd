"""Embedding the archive again for another space: in the background, from the crops that were kept.

No video and no photograph is opened. It may be stopped or killed at any time, and several processes share the work.
"""

import time
from collections.abc import Callable, Iterator

import structlog

from config.errors import Conflict, LeaseLost
from crops.reading import read_all
from db import face_pictures, leases, reembedding, spaces
from db.face_pictures import KeptPicture
from db.reembedding import Piece
from models.crops import FacePicture
from models.reembedding import Reembedder, build_reembedder
from worker.process import WorkerProcess

log = structlog.get_logger(__name__)

_AT_ONCE = 64
_LEASE = 300.0
"""Seconds; a batch takes one or two."""


def reembed(
    process: WorkerProcess,
    *,
    seconds: float | None = None,
    gives_way: bool = False,
    on_batch: Callable[[int], None] = lambda _faces: None,
) -> bool:
    """Embed what is left to be embedded for the space that is tried, or for the one in force where none is.

    Args:
        process: the ledger and the settings.
        seconds: when to stop; None: when nothing is left.
        gives_way: whether to stop as soon as a video is to be worked on.
        on_batch: called with the number of faces of each batch.

    Returns:
        Whether something is left, and nothing is in its way.

    Raises:
        WeightsMissing, ForeignWeights: the embedder's file is not there, or not what was declared.
        StorageUnavailable: crops are in packs that cannot be reached.
    """
    reembedder = build_reembedder(process.settings.tried_faces)
    end = None if seconds is None else time.monotonic() + seconds

    def is_free() -> bool:
        return not gives_way or process.is_quiet

    def may_go_on() -> bool:
        return (end is None or time.monotonic() < end) and is_free()

    if not is_free():
        return False
    with process.database.writing() as session:
        space_id = spaces.ensure(session, reembedder.space)
        reembedding.plan(session, space_id)
    for piece in _pieces(process, space_id):
        try:
            _embed(process, reembedder, piece, may_go_on, on_batch)
        except (LeaseLost, Conflict) as error:
            # Somebody was removed, or the video is worked on again: the next run sees to it.
            log.info("not embedded again", video=piece.video_id, detail=str(error))
        finally:
            with process.database.writing() as session:
                reembedding.leave(session, piece)
        if not may_go_on():
            break
    with process.database.reading() as session:
        left = reembedding.due(session, space_id, leases.utc_now())
    return bool(left) and is_free()


def _pieces(process: WorkerProcess, space_id: int) -> Iterator[Piece]:
    """Pieces of work, each taken by us."""
    with process.database.reading() as session:
        ids = reembedding.due(session, space_id, leases.utc_now())
    for piece_id in ids:
        with process.database.writing() as session:
            piece = reembedding.claim(session, piece_id, owner=process.owner, lease=_LEASE, now=leases.utc_now())
        if piece is not None:
            yield piece


def _embed(
    process: WorkerProcess,
    reembedder: Reembedder,
    piece: Piece,
    may_go_on: Callable[[], bool],
    on_batch: Callable[[int], None],
) -> None:
    while waiting := _waiting(process, piece):
        found = reembedder.embed(list(waiting.values()))
        done = [
            (face_id, picture, embedding) for (face_id, picture), embedding in zip(waiting.items(), found, strict=True)
        ]
        with process.database.writing() as session:
            face_pictures.write(session, piece, done, lease=_LEASE, now=leases.utc_now())
        on_batch(len(done))
        if not may_go_on():
            return
    with process.database.writing() as session:
        reembedding.end(session, piece)
    log.info("embedded again", video=piece.video_id, space=reembedder.space.name)


def _waiting(process: WorkerProcess, piece: Piece) -> dict[int, FacePicture]:
    """Some pictures that are to be embedded, by the face's id; empty ones where none is to be had.

    Raises:
        StorageUnavailable: the store of some cannot be reached.
    """
    while True:
        waiting = _kept(process, piece)
        crops = {face_id: each.crop for face_id, each in waiting.items()}
        jpegs = read_all(crops, process.settings.storage)
        # Where one is missing, retention may have put it elsewhere meanwhile.
        if len(jpegs) == len(crops) or crops == {face: each.crop for face, each in _kept(process, piece).items()}:
            break
    return {
        face_id: FacePicture(jpegs.get(face_id, b""), each.landmarks, each.area) for face_id, each in waiting.items()
    }


def _kept(process: WorkerProcess, piece: Piece) -> dict[int, KeptPicture]:
    with process.database.reading() as session:
        return face_pictures.pictures(session, piece, _AT_ONCE)
