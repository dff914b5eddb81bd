"""Material that the tests of every package share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from config.errors import MaterialUnavailable
from demo.film import Film, compose
from demo.material import Material, fetch

# A busy machine is no failure: nothing here asserts how long something takes.
settings.register_profile("rollcall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A verdict on a change is about the change: the same commit is given the same examples each time.
settings.register_profile("verdict", settings.get_profile("rollcall"), derandomize=True, database=None)
settings.register_profile("search", settings.get_profile("rollcall"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "rollcall"))

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def material() -> Material:
    """Public photographs and a video. A download that fails is a failure where a cache could not help either."""
    try:
        return fetch()
    except MaterialUnavailable as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def film(material: Material) -> Film:
    """The demo's film, composed once and kept."""
    return compose(material)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of labelled faces and videos that may lie beside the checkout."""
    folder = Path(os.environ.get("ROLLCALL_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
    if not (folder / "manifest.tsv").is_file():
        pytest.skip(f"there is no corpus of faces and videos at {folder}; ROLLCALL_CORPUS names another place")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fuzz test."""
    parser.addoption("--fuzz-rounds", type=int, default=25, help="damaged files of each kind")
    parser.addoption("--fuzz-seed", type=int, default=0, help="which damage")
