"""What a worker process takes, with a large gallery; measured in fresh processes for each detector."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import insert

from bench import material
from bench.interpreter import Interpreter
from bench.probe import Usage
from config.face_settings import DetectorName, FaceSettings
from db import spaces
from db.migrate import ensure_schema
from db.schema import EnrolledFace, Identity
from db.session import Database, Session
from db.vectors import to_bytes
from demo.material import fetch
from models.engine import build_engine
from models.faces import EmbeddingSpace

NAME = "memory"
GALLERY = 100_000
DETECTORS: tuple[DetectorName, ...] = ("hog", "mmod")
SAMPLES = 8
_ROWS_AT_ONCE = 5_000
_HEADS = ("resident", "most ever", "shared divided")

Steps = Mapping[str, Usage]
"""Memory by what was done before."""


def measure(size: int = GALLERY, samples: int = SAMPLES) -> dict[str, Steps]:
    """For each detector, at the default settings otherwise, the memory of two workers after each of their steps.

    The second begins when the first has done all and waits: what both hold together is then divided between them.

    Args:
        size: faces in the gallery.
        samples: frames of 1080p that are analysed.
    """
    told: dict[str, Steps] = {}
    for detector in DETECTORS:
        with TemporaryDirectory(prefix="rollcall-bench-") as home:
            write_ledger(Path(home), build_engine(FaceSettings()).space, size)
            first, second = _two_workers(detector, home, samples)
            told |= {f"{detector}, first worker": first, f"{detector}, second worker beside it": second}
    return told


def _two_workers(detector: DetectorName, home: str, samples: int) -> tuple[Steps, Steps]:
    environment = {"ROLLCALL_HOME": home, "ROLLCALL_FACES__DETECTOR": detector}
    job = ("bench.probe:become_a_worker", str(fetch().astronaut), str(material.film_1080p()), samples)
    with Interpreter(environment=environment) as first, Interpreter(environment=environment) as second:
        return first.call(*job).result, second.call(*job).result


def write_ledger(home: Path, space: EmbeddingSpace, size: int) -> None:
    """A new embedded ledger in the home folder with as many people of one random face each, of length 1."""
    database = Database(f"sqlite:///{home / 'rollcall.db'}")
    try:
        ensure_schema(database)
        with database.writing() as session:
            space_id = spaces.ensure(session, space)
            generator = np.random.default_rng(0)
            for start in range(0, size, _ROWS_AT_ONCE):
                count = min(_ROWS_AT_ONCE, size - start)
                vectors = generator.standard_normal((count, space.length), np.float32)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                enrol(session, space_id, start + 1, [to_bytes(vector) for vector in vectors])
            spaces.bump_gallery_version(session, space_id)
    finally:
        database.close()


def enrol(session: Session, space_id: int, first: int, embeddings: list[bytes]) -> None:
    """New people of one face each, numbered from `first`; the gallery's version is the caller's."""
    now = datetime.now(UTC)
    numbered = list(enumerate(embeddings, start=first))
    people = [
        {"id": number, "name": f"Person {number}", "name_key": f"person {number}", "created_at": now}
        for number, _ in numbered
    ]
    faces = [
        {
            "identity_id": number, "photograph": f"{number}.jpg", "photograph_hash": f"{number:064x}",
            "left": 0, "top": 0, "right": 100, "bottom": 100, "score": 1.0,
            "sharpness": 1.0, "size": 1.0, "pose": 1.0,
            "space_id": space_id, "embedding": embedding, "enrolled_at": now,
        }
        for number, embedding in numbered
    ]  # fmt: skip
    session.execute(insert(Identity), people)
    session.execute(insert(EnrolledFace), faces)


def table(told: Mapping[str, Steps]) -> str:
    """What was measured, for people."""
    lines = [f"\n{NAME}: worker processes at the default settings, frames of 1080p; MiB after each step"]
    for detector, steps in told.items():
        lines.append(f"  {detector:46}" + "".join(f"{head:>16}" for head in _HEADS))
        lines += [
            f"    {step:44}" + "".join(f"{value / 2**20:16.0f}" for value in usage.values())
            for step, usage in steps.items()
        ]
    return "\n".join(lines)
