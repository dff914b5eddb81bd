import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import WeightsMissing
from models import weights

ALL = [weights.LANDMARKS, weights.RESNET, weights.MMOD]


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What this process has verified is forgotten, before and after."""
    weights.locate.cache_clear()
    yield
    weights.locate.cache_clear()


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_installed_weights_are_found_and_right(file: weights.WeightFile) -> None:
    path = weights.locate(file)
    assert path.name == file.name
    weights.verify(path, file)


def test_the_68_point_model_is_not_ours() -> None:
    assert not any("68" in file.name for file in ALL)


def test_finding_them_does_not_import_their_package() -> None:
    program = """
import sys
from models import weights
weights.locate(weights.LANDMARKS)
print("face_recognition_models" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


@pytest.mark.usefixtures("forgotten")
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsMissing, match="is not installed; install the package `face-recognition-models`"):
        weights.locate(weights.RESNET)


@pytest.mark.usefixtures("forgotten")
def test_a_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.machinery.ModuleSpec("face_recognition_models", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    with pytest.raises(WeightsMissing, match="No such file") as caught:
        weights.locate(weights.RESNET)
    assert caught.value.subject == str(tmp_path / "models" / weights.RESNET.name)


def test_one_changed_byte_is_told(tmp_path: Path) -> None:
    content = bytearray(weights.locate(weights.MMOD).read_bytes())
    content[1000] ^= 1
    changed = tmp_path / weights.MMOD.name
    changed.write_bytes(content)
    with pytest.raises(WeightsMissing, match="other content than expected"):
        weights.verify(changed, weights.MMOD)


def test_a_cut_file_is_told(tmp_path: Path) -> None:
    cut = tmp_path / weights.MMOD.name
    cut.write_bytes(weights.locate(weights.MMOD).read_bytes()[:-1])
    with pytest.raises(WeightsMissing, match="other content"):
        weights.verify(cut, weights.MMOD)


@pytest.mark.usefixtures("forgotten")
def test_a_file_is_read_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    really = weights.verify

    def counted(path: Path, file: weights.WeightFile) -> None:
        read.append(path)
        really(path, file)

    monkeypatch.setattr(weights, "verify", counted)
    assert weights.locate(weights.LANDMARKS) == weights.locate(weights.LANDMARKS)
    assert len(read) == 1
