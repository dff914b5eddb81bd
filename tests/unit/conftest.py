"""Small portraits, cut from the public photographs, on which a whole analysis takes a tenth of a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support import ledgers

from config.settings import Settings, load_settings
from db.session import Database
from demo.material import Material

# Boxes of the faces that dlib's HOG detector finds in the pinned files.
_FACES = {
    "obama": (381, 148, 614, 382),
    "obama2": (140, 289, 475, 624),
    "obama3": (644, 303, 922, 582),
    "biden": (438, 214, 773, 550),
    "astronaut": (173, 80, 267, 174),
}
_FACE_EDGE = 120
_MARGIN = 0.4


def _portrait(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    left, top, right, bottom = box
    margin = round(_MARGIN * (right - left))
    cut = picture.crop((left - margin, top - margin, right + margin, bottom + margin))
    edge = round(_FACE_EDGE * (1 + 2 * _MARGIN))
    return cut.resize((edge, edge), Image.Resampling.LANCZOS)


@pytest.fixture(scope="session")
def portraits(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """PNGs of 216×216 px with one face of about 120 px: three of one man, one of another, one of a woman."""
    folder = tmp_path_factory.mktemp("portraits")
    paths = {}
    for name, box in _FACES.items():
        paths[name] = folder / f"{name}.png"
        with Image.open(getattr(material, name)) as picture:
            _portrait(picture.convert("RGB"), box).save(paths[name])
    return paths


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh home folder that the settings name; one process, so that small batches start no others."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ROLLCALL_HOME", str(folder))
    monkeypatch.setenv("ROLLCALL_WORK__PROCESSES", "1")
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


@pytest.fixture
def settings(home: Path) -> Settings:
    """The defaults, with the fresh home folder."""
    home.mkdir()
    return load_settings()


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Database]:
    """A new embedded ledger."""
    database = Database(settings.database_url)
    ledgers.prepare(database)
    yield database
    database.close()
