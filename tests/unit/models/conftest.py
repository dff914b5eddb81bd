"""Photographs as arrays, for the tests of the models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.material import Material
from models.faces import RgbImage


def _read(path: Path, longest: int) -> RgbImage:
    with Image.open(path) as opened:
        photograph = opened.convert("RGB")
    photograph.thumbnail((longest, longest))
    return np.asarray(photograph)


@pytest.fixture(scope="session")
def read() -> Callable[[Path, int], RgbImage]:
    """Reads a photograph, reduced to a longest edge."""
    return _read


@pytest.fixture(scope="session")
def portraits(material: Material) -> dict[str, RgbImage]:
    """Photographs of one face each, by the name of the material; small, since the networks are slow."""
    names = ("obama", "obama2", "obama3", "biden", "astronaut")
    return {name: _read(getattr(material, name), 640) for name in names}
