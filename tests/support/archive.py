"""Past videos and enrolled people in a ledger, made of embeddings whose people are plain."""

from collections.abc import Callable, Sequence

import numpy as np

from db import gallery, identities, leases, segments, spaces, videos
from db.leases import Allowance
from db.schema import FaceGroup
from db.segments import FaceRecord
from models.crops import FacePicture
from models.faces import Box, Embedding, Face, Quality
from support.records import FACTS, analysed
from worker.process import WorkerProcess
from worker.work import finish_video

SAMPLE = 3000


def face_of(embedding: Embedding, place: int = 0, quality: float = 0.9) -> Face:
    """A face with this embedding, good unless told otherwise, at a place of its own in the frame."""
    box = Box(100 * place, 20, 100 * place + 90, 110)
    return Face(box, 1.0, np.zeros((5, 2), np.float32), Quality(*[quality] * 5), embedding)


def add_done(
    process: WorkerProcess,
    title: str,
    faces: Sequence[tuple[int, Face]],
    crop_of: Callable[[Face], bytes] = lambda _: b"jpeg",
) -> int:
    """The id of a video of ten samples that is done: sample and face."""
    with process.database.writing() as session:
        video_id = videos.add(
            session, content_hash=title.ljust(64, "0"), byte_size=1, path=f"/{title}", title=title, outcome=FACTS
        ).id
        (segment_id,) = segments.plan(session, video_id, [(0, 10)], SAMPLE)
        taken = segments.claim(
            session, segment_id, owner="elsewhere/1", lease=60, allowed=Allowance(3, 2), now=leases.utc_now()
        )
        assert taken is not None
    records = [FaceRecord(sample, sample * SAMPLE, one, crop_of(one)) for sample, one in faces]
    with process.packed([each.crop for each in records]) as pack, process.database.writing() as session:
        segments.record(
            session,
            taken[0],
            space_id=spaces.ensure(session, process.engine.space),
            detector=process.engine.detector_name,
            faces=records,
            runs=analysed(0, 10),
            pack=pack,
        )
    finish_video(process, video_id)
    return video_id


def add_enrolled(process: WorkerProcess, faces: Sequence[tuple[str, Face]], picture: FacePicture | None = None) -> None:
    """Enrol faces by name, each from a photograph of its own, all with one picture."""
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        for name, one in faces:
            hashed = f"{abs(hash(one.embedding.tobytes())):x}"
            gallery.add(
                session,
                identity_id=identities.ensure(session, name).id,
                space_id=space_id,
                photograph=f"{name}.jpg",
                photograph_hash=hashed.ljust(64, "0"),
                face=one,
                picture=picture,
            )


def remove(process: WorkerProcess, name: str) -> None:
    """Erase an identity."""
    with process.database.writing() as session:
        identities.remove(session, identities.get(session, name).id)


def names(process: WorkerProcess, video_id: int) -> list[str | None]:
    """Of the groups of a video, in order of appearance."""
    with process.database.reading() as session:
        groups = session.query(FaceGroup).where(FaceGroup.video_id == video_id).order_by(FaceGroup.number).all()
        known = identities.names(session, [group.identity_id for group in groups if group.identity_id])
        return [known.get(group.identity_id or 0) for group in groups]
