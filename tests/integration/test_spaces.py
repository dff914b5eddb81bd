"""Another network on a real film: dlib's with wider chips is tried, told about, adopted; people keep their names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import ledgers
from support.archive import names
from support.networks import declared, write_resnet
from support.night import Night

from config.embedder_file import EmbedderFile
from config.settings import Settings
from curation.enrol import Enrolment
from curation.offers import Offer
from db import reembedded, spaces
from db.schema import EnrolledEmbedding, EnrolledFace, FaceEmbedding, FaceRow
from db.vectors import from_bytes
from demo.film import Film
from demo.material import Material
from models.faces import Embeddings
from worker.adopting import adopt_gallery, adopt_videos
from worker.process import WorkerProcess
from worker.reembed import reembed
from worker.rematch import Rematched, rematch
from worker.shadow import Kind, shadow

VIDEO = 1


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_resnet(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def archive(film: Film, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The film, finished, with two people enrolled of four."""
    values = {"home": tmp_path_factory.mktemp("home"), "borders": {"tolerance": 0}, "work": {"processes": 1}}
    settings = Settings.model_validate(values)
    process = WorkerProcess(settings)
    ledgers.prepare(process.database)
    obama = [Offer("Barack Obama", path) for path in (material.obama, material.obama2)]
    offers = [*obama, Offer("Joe Biden", material.biden)]
    assert [outcome.code for outcome in Enrolment(process.database, settings).run(offers)] == ["enrolled"] * 3
    assert Night(process).end_of(film.path).state == "done"
    process.decoder.close()
    process.database.close()
    return settings


@pytest.fixture
def using(archive: Settings) -> Iterator["Using"]:
    made = Using(archive)
    yield made
    made.close()


class Using:
    """Worker processes on the archive by other settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: list[WorkerProcess] = []

    def candidate(self, file: EmbedderFile) -> WorkerProcess:
        return self._open(self._settings.model_copy(update={"candidate": file}))

    def in_force(self, file: EmbedderFile) -> WorkerProcess:
        faces = self._settings.faces.model_copy(update={"embedder": "file", "file": file})
        return self._open(self._settings.model_copy(update={"faces": faces}))

    def _open(self, settings: Settings) -> WorkerProcess:
        self._opened.append(WorkerProcess(settings))
        return self._opened[-1]

    def close(self) -> None:
        for process in self._opened:
            process.database.close()


def both(process: WorkerProcess) -> tuple[Embeddings, Embeddings]:
    """The faces of film and photographs in the space that they were found in, and in the candidate's."""
    with process.database.reading() as session:
        space = spaces.find(session, process.settings.candidate.space_name)
        assert space is not None
        found = []
        for table, other in ((FaceRow, FaceEmbedding), (EnrolledFace, EnrolledEmbedding)):
            rows = session.query(table.embedding, other.embedding).join(other, other.face_id == table.id)
            found += rows.filter(other.space_id == space.id).all()
    here, there = (np.stack([from_bytes(row[side] or b"", -1) for row in found]) for side in (0, 1))
    return here, there


def test_a_crop_gives_nearly_the_embedding_that_the_frame_gave(using: Using, resnet: Path) -> None:
    """dlib's own network and alignment as a file: what differs is the crop."""
    process = using.candidate(declared(resnet, name="same", padding=0.25, mirror=True))
    reembed(process)
    found, again = both(process)
    assert len(found) >= 20
    moved = np.linalg.norm(found - again, axis=1)
    apart = np.linalg.norm(found[:, np.newaxis] - found, axis=2)
    assert np.median(moved) < 0.12
    assert moved.max() < 0.3
    # Nearer to itself than to any face of somebody else.
    assert moved.max() < apart[apart > 0.5].min()
    compared = shadow(process)
    assert (compared.videos, compared.changes, compared.before == compared.after) == (1, [], True)


def test_another_alignment_is_another_space_that_names_the_same_people(using: Using, resnet: Path) -> None:
    wide = declared(resnet)
    process = using.candidate(wide)
    was = names(process, VIDEO)
    assert {"Barack Obama", "Joe Biden"} <= set(was)
    reembed(process)
    found, again = both(process)
    assert np.median(np.linalg.norm(found - again, axis=1)) > 0.2
    assert [one.kind for one in shadow(process).changes] == []
    # Where distances are fifty times as long as limits are meant for, nobody is near enough to be anybody.
    long = using.candidate(wide.model_copy(update={"stretch": 50.0}))
    reembed(long)
    compared = shadow(long)
    assert {one.kind for one in compared.changes} == {Kind.NO_LONGER}
    assert compared.after.named == 0
    with long.database.reading() as session:
        groups = reembedded.named(session, VIDEO)
    assert sum(one.faces for one in compared.changes) == sum(one.identity_id is not None for one in groups.values())
    adopted = using.in_force(wide)
    adopt_gallery(adopted)
    assert adopt_videos(adopted) == (1, 0)
    assert names(adopted, VIDEO) == was
    assert rematch(adopted) == Rematched()
