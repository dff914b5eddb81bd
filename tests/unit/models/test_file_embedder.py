"""Embedders in files: dlib's network as a file is dlib's embedder; files that are not what was declared are refused."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from support.networks import declared, write_mean_colours, write_resnet

from config.embedder_file import EmbedderFile
from config.errors import ForeignWeights, SettingsError, WeightsMissing
from config.face_settings import FaceSettings
from models.dlib_engines import DlibAligner
from models.engine import build_engine
from models.faces import Chips, RgbImage
from models.file_embedder import FileEmbedder
from models.onnx_engines import MmodDetector, OnnxEmbedder


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_resnet(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def chips(portraits: dict[str, RgbImage]) -> Chips:
    found = [DlibAligner().align(image, [MmodDetector(80).detect(image)[0].box])[1] for image in portraits.values()]
    return np.concatenate(found)


@pytest.mark.parametrize("mirror", [False, True])
def test_dlibs_network_from_a_file_is_dlibs_embedder(resnet: Path, chips: Chips, mirror: bool) -> None:
    file = declared(resnet, padding=0.25, mirror=mirror)
    many = np.concatenate([chips] * 4)
    np.testing.assert_allclose(FileEmbedder(file).embed(many), OnnxEmbedder(mirror).embed(many), atol=1e-6)


def test_an_engine_cuts_what_its_embedder_wants(resnet: Path, portraits: dict[str, RgbImage]) -> None:
    wide = build_engine(FaceSettings(embedder="file", file=declared(resnet)))
    ours = build_engine(FaceSettings(mirror=False))
    assert wide.space.name == f"file/wide-resnet-{declared(resnet).sha256[:12]}/dlib150-0.4/rgb-0-1/raw"
    found, before = ({name: engine.analyse(image)[0] for name, image in portraits.items()} for engine in (wide, ours))
    for name in portraits:
        assert found[name].quality == before[name].quality
        np.testing.assert_array_equal(found[name].landmarks, before[name].landmarks)

    def distance(one: str, other: str) -> float:
        return float(np.linalg.norm(found[one].embedding - found[other].embedding))

    # Another space that tells people apart as well: vectors of the two are far from each other.
    assert max(distance("obama", "obama2"), distance("obama", "obama3")) < 0.55
    assert min(distance("obama", "biden"), distance("obama", "astronaut")) > 0.55
    assert np.linalg.norm(found["obama"].embedding - before["obama"].embedding) > 0.2


@pytest.mark.parametrize("shape", [["n", 3, 40, 40], [None, 3, "h", "w"], [1, 3, 40, 40], ["n", 40, 40, 3]])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_the_network_is_given_what_is_declared(tmp_path: Path, shape: list[int | str], channels: str) -> None:
    path = write_mean_colours(tmp_path / "means.onnx", shape)
    file = declared(path, edge=40, length=3, mean=100, deviation=50, channels=channels, stretch=2)
    levels = np.random.default_rng(5).integers(0, 256, (21, 40, 40, 3), np.uint8)
    means = levels.mean(axis=(1, 2)) if channels == "rgb" else levels[..., ::-1].mean(axis=(1, 2))
    np.testing.assert_allclose(FileEmbedder(file).embed(levels), 2 * (means - 100) / 50, atol=1e-4)
    unit = FileEmbedder(declared(path, edge=40, length=3, unit_length=True)).embed(levels)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    assert FileEmbedder(file).embed(levels[:0]).shape == (0, 3)


def test_whole_levels_are_given_as_they_are(tmp_path: Path) -> None:
    path = write_mean_colours(tmp_path / "means.onnx", ["n", 40, 40, 3], TensorProto.UINT8)
    levels = np.full((2, 40, 40, 3), (10, 20, 30), np.uint8)
    np.testing.assert_allclose(FileEmbedder(declared(path, edge=40, length=3)).embed(levels), [[10, 20, 30]] * 2)
    with pytest.raises(ForeignWeights, match=r"takes whole levels, and mean 1 and deviation 1"):
        FileEmbedder(declared(path, edge=40, length=3, mean=1)).embed(levels)


def refused(file: EmbedderFile, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        FileEmbedder(file).embed(np.zeros((1, file.edge, file.edge, 3), np.uint8))


def test_files_that_are_not_what_was_declared_are_refused(tmp_path: Path, resnet: Path) -> None:
    means = write_mean_colours(tmp_path / "means.onnx", ["n", 3, 40, 40])
    batch = write_mean_colours(tmp_path / "batch.onnx", [8, 3, 40, 40])
    doubles = write_mean_colours(tmp_path / "doubles.onnx", ["n", 3, 40, 40], TensorProto.DOUBLE)
    grey = write_mean_colours(tmp_path / "grey.onnx", ["n", 1, 40, 40])
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(b"not a network" * 9)
    empty = tmp_path / "empty.onnx"
    empty.touch()
    gone = declared(noise).model_copy(update={"path": str(tmp_path / "gone.onnx")})
    refused(gone, WeightsMissing, r"gone\.onnx: No such file")
    refused(declared(tmp_path / "noise.onnx", sha256="ab" * 32), WeightsMissing, "other content than declared: SHA-256")
    refused(declared(noise), ForeignWeights, "is no network that can be run")
    refused(declared(empty), ForeignWeights, "is no network that can be run")
    refused(declared(means, length=3, edge=112), ForeignWeights, r"shape \(n, 3, 40, 40\).*\(n, 3, 112, 112\)")
    refused(declared(batch, length=3, edge=40), ForeignWeights, r"shape \(8, 3, 40, 40\)")
    refused(declared(grey, length=3, edge=40), ForeignWeights, r"shape \(n, 1, 40, 40\)")
    refused(declared(doubles, length=3, edge=40), ForeignWeights, r"takes tensor\(double\)")
    refused(declared(means, length=4, edge=40), ForeignWeights, r"output of shape \(1, 3\).*length 4")
    refused(declared(resnet, length=512), ForeignWeights, r"output of shape \(1, 128\).*length 512")


def test_without_a_declaration_there_is_no_such_embedder() -> None:
    with pytest.raises(SettingsError, match=r"faces\.file\.path"):
        FileEmbedder(EmbedderFile())


def test_everything_that_vectors_depend_on_is_in_the_name(resnet: Path) -> None:
    file = declared(resnet)
    changes = {
        "name": "other", "sha256": "ab" * 32, "edge": 96, "alignment": "arcface", "padding": 0.3, "channels": "bgr",
        "mean": 1, "deviation": 2, "unit_length": True, "mirror": True, "stretch": 0.7,
    }  # fmt: skip
    names = {file.space_name} | {file.model_copy(update={key: value}).space_name for key, value in changes.items()}
    assert len(names) == len(changes) + 1
    assert set(changes) | {"path", "length"} == set(EmbedderFile.model_fields)
    assert max(map(len, names)) < 200
