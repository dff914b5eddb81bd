"""People who are one thing in the space in force and a colour in another one: nothing of the two can be compared."""

from pathlib import Path

import numpy as np

from config.embedder_file import EmbedderFile
from models.crops import crop, kept_picture
from models.faces import Face, RgbImage
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
