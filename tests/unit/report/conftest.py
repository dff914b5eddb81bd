"""The broadcast of `support.broadcast` as a report, with and without pictures."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from support import broadcast as scene
from support import pictures

from db.schema import Base, Video
from db.session import Database
from report.model import VideoReport


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture(scope="session")
def crops(portraits: Mapping[str, Path]) -> dict[str, bytes]:
    """Pictures of real faces as the ledger keeps them, by name; the empty name is of those whom nobody knows."""
    shown = {"Barack Obama": "obama", "Joe Biden": "biden", "Eileen Collins": "astronaut", "": "obama3"}
    return {name: _jpeg(portraits[portrait]) for name, portrait in shown.items()}


def _jpeg(path: Path) -> bytes:
    written = io.BytesIO()
    with Image.open(path) as portrait:
        portrait.convert("RGB").resize((160, 160)).save(written, "JPEG", quality=85)
    return written.getvalue()


def _report(database: Database, crops: Mapping[str, bytes]) -> VideoReport:
    with database.writing() as session:
        video_id = scene.record(session, crops)
    with database.reading() as session:
        report = pictures.illustrated(session, session.get_one(Video, video_id))
    # The version of the day would spoil what is compared with files.
    return replace(report, provenance=replace(report.provenance, rollcall_version="0.0.0"))


@pytest.fixture
def broadcast(database: Database) -> VideoReport:
    """Without pictures."""
    return _report(database, {})


@pytest.fixture
def illustrated(database: Database, crops: Mapping[str, bytes]) -> VideoReport:
    """With pictures."""
    return _report(database, crops)
