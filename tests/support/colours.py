"""People who are one thing in the space in force and a colour in another one: nothing of the two can be compared."""

from pathlib import Path

import numpy as np

from config.embedder_file import EmbedderFile
from db import spaces
from db.schema import EnrolledEmbedding, EnrolledFace, FaceEmbedding, FaceRow, Reembedding, Video
from db.vectors import to_bytes
from models.crops import crop, kept_picture
from models.faces import Embeddings, EmbeddingSpace, Face, RgbImage
from support.archive import add_done, add_enrolled, face_of
from support.networks import declared, write_mean_colours
from support.records import direction
from worker.process import WorkerProcess

EDGE = 40
RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)

Colour = tuple[int, int, int]


def colours_candidate(folder: Path) -> EmbedderFile:
    """A candidate whose embedding is the colour of a face, strangers being about 1.4 from each other."""
    path = write_mean_colours(folder / "means.onnx", ["n", 3, EDGE, EDGE])
    return declared(path, edge=EDGE, length=3, unit_length=True)


def face(person: int, place: int = 0) -> Face:
    """A face whose embedding in the space in force is the person's, at a place of its own."""
    found = face_of(direction(person), place)
    middle = np.array([100 * place + 45, 65])
    around = np.array([[15, -10], [5, -10], [-15, -10], [-5, -10], [0, 12]])
    return Face(found.box, 1.0, (middle + around).astype(np.float32), found.quality, found.embedding)


def frame(colour: Colour) -> RgbImage:
    """A frame of one colour."""
    return np.full((360, 640, 3), colour, np.uint8)


def seen(process: WorkerProcess, title: str, *faces: tuple[int, int, Colour]) -> int:
    """A video of ten samples that is done: sample, person, colour."""
    placed = [(sample, face(person, place), colour) for place, (sample, person, colour) in enumerate(faces)]
    crops = {id(one): crop(frame(colour), one.box) for _, one, colour in placed}
    return add_done(process, title, [(sample, one) for sample, one, _ in placed], lambda one: crops[id(one)])


def enrol(process: WorkerProcess, name: str, person: int, colour: Colour) -> None:
    """Enrol somebody."""
    one = face(person)
    add_enrolled(process, [(name, one)], kept_picture(frame(colour), one.box, one.landmarks))


def add_crowd(process: WorkerProcess, space: EmbeddingSpace, people: int, unknown: int) -> Embeddings:
    """Enrolled people, and a video of people whom nobody knows, with vectors of another space of length 128.

    Of the unknown, so many look like somebody who is enrolled, there, and as many do not. The vectors of the enrolled.
    """
    generator = np.random.default_rng(6)
    enrolled, strangers = (
        generator.normal(0, 0.05, (count, 128)).astype(np.float32) for count in (people, 2 * unknown)
    )
    strangers[:unknown] = enrolled[:unknown] + generator.normal(0, 0.01, (unknown, 128)).astype(np.float32)
    add_enrolled(process, [(f"Person {number}", face_of(direction(number))) for number in range(people)])
    far = np.float32(2) * np.eye(128, dtype=np.float32)
    video_id = add_done(
        process, "crowd", [(number % 10, face_of(far[number], number)) for number in range(2 * unknown)]
    )
    with process.database.writing() as session:
        space_id = spaces.ensure(session, space)
        known = [row.id for row in session.query(EnrolledFace).order_by(EnrolledFace.id)]
        seen_ids = [row.id for row in session.query(FaceRow).order_by(FaceRow.id)]
        for table, ids, found in ((EnrolledEmbedding, known, enrolled), (FaceEmbedding, seen_ids, strangers)):
            rows = zip(ids, found, strict=True)
            session.add_all(table(face_id=each, space_id=space_id, embedding=to_bytes(one)) for each, one in rows)
        number = session.get_one(Video, video_id).finish_number
        session.add(Reembedding(space_id=space_id, video_id=video_id, finish_number=number))
    return enrolled
