"""A worker's memory is told step by step; how much it is is not a test's business."""

from pathlib import Path

from bench import memory
from bench.interpreter import Interpreter
from bench.probe import usage
from config.face_settings import FaceSettings
from db import gallery
from db.session import Database
from demo.film import Film
from demo.material import Material
from models.engine import build_engine


def test_a_process_knows_what_it_takes() -> None:
    told = usage()
    assert list(told) == ["VmRSS", "VmHWM", "Pss"]
    assert 0 < told["Pss"] <= told["VmRSS"] <= told["VmHWM"]


def test_the_ledger_holds_the_gallery_that_was_asked_for(tmp_path: Path) -> None:
    space = build_engine(FaceSettings()).space
    memory.write_ledger(tmp_path, space, 12)
    database = Database(f"sqlite:///{tmp_path / 'rollcall.db'}")
    with database.reading() as session:
        held = gallery.load(session, space.name)
    database.close()
    assert (len(held), held.identity_count, held.version) == (12, 12, 1)


def test_a_worker_goes_through_all_steps(tmp_path: Path, material: Material, film: Film) -> None:
    memory.write_ledger(tmp_path, build_engine(FaceSettings()).space, 30)
    environment = {"ROLLCALL_HOME": str(tmp_path), "ROLLCALL_FACES__DETECTOR": "hog"}
    with Interpreter(environment=environment) as worker:
        # Frames at 0, 3 and 6 s: the last one shows one person.
        told = worker.call("bench.probe:become_a_worker", str(material.astronaut), str(film.path), 3).result
    assert list(told) == [
        "program imported", "gallery of 30 loaded", "networks loaded", "3 frames analysed, 1 faces looked up",
        "the decoder's process beside it",
    ]  # fmt: skip
    table = memory.table({"hog": told})
    assert all(step in table for step in told)
