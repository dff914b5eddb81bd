"""Inside of a fresh process: becomes a worker, and tells after each step what memory it takes. For Linux."""

from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select

import worker.tasks  # noqa: F401  what a worker process has imported
from db.schema import EmbeddingSpaceRow
from db.segments import FaceRecord
from models.gallery import Gallery
from worker.gate import Gate
from worker.process import WorkerProcess, this_process
from worker.scan import scan

Usage = dict[str, int]
"""Bytes by Linux's names: VmRSS resident, VmHWM the most that ever was resident, Pss with shared pages divided among
the processes that share them."""

_PROCESS = Path("/proc")
_WANTED = ("VmRSS", "VmHWM", "Pss")


def become_a_worker(picture: str, film: str, samples: int) -> dict[str, Usage]:
    """The memory after each step, by the step's name.

    Args:
        picture: a small picture with a face, on which networks load.
        film: what to work on.
        samples: how many frames of it, at the interval of the settings.
    """
    steps = {"program imported": usage()}
    process = this_process()
    gallery = _gallery(process)
    steps[f"gallery of {len(gallery):,} loaded"] = usage()
    with Image.open(picture) as image:
        process.engine.analyse(np.asarray(image.convert("RGB")))
    steps["networks loaded"] = usage()
    faces = _work(process, Path(film), samples)
    for record in faces:
        gallery.candidates(record.face.embedding, 2)
    steps[f"{samples} frames analysed, {len(faces)} faces looked up"] = usage()
    steps["the decoder's process beside it"] = usage(str(process.decoder.pid))
    return steps


def usage(process: str = "self") -> Usage:
    """What this process takes now, or the one of a number."""
    files = (_PROCESS / process / name for name in ("status", "smaps_rollup"))
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    told = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    return {name: int(told[name][0]) << 10 for name in _WANTED}


def _gallery(process: WorkerProcess) -> Gallery:
    with process.database.reading() as session:
        name = process.engine.space.name
        space = session.scalars(select(EmbeddingSpaceRow).where(EmbeddingSpaceRow.name == name)).one()
        return process.gallery(session, space)


def _work(process: WorkerProcess, film: Path, samples: int) -> list[FaceRecord]:
    gate = Gate(process.settings.gate.flat_deviation, process.settings.gate.unchanged_difference)
    facts, settings = process.decoder.probe(film), process.settings
    planned = process.decoder.samples(film, facts, 0, samples, settings.interval_ms, settings.tolerance_ms)
    return scan(planned, gate, process.engine).faces
