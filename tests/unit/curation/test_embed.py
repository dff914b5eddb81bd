from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from config.face_settings import FaceSettings
from curation.analysis import AnalysedPhotograph, Analyser, analyse_all, engine_of
from curation.embed import Collection

OPTIONS = FaceSettings(detector="hog", smallest=60, mirror=False)


@pytest.fixture(scope="module")
def analysed(portraits: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[AnalysedPhotograph]:
    """A photograph of two, one of nobody, one of one."""
    folder = tmp_path_factory.mktemp("embed")
    both = Image.new("RGB", (432, 216))
    for left, name in ((0, "obama"), (216, "biden")):
        with Image.open(portraits[name]) as image:
            both.paste(image, (left, 0))
    both.save(folder / "both.png")
    Image.new("RGB", (100, 100), (9, 99, 9)).save(folder / "nobody.png")
    paths = [folder / "both.png", folder / "nobody.png", portraits["astronaut"]]
    photographs = [result for _, result in analyse_all(paths, OPTIONS, 1) if isinstance(result, AnalysedPhotograph)]
    assert [len(photograph.faces) for photograph in photographs] == [2, 0, 1]
    return photographs


def collection(photographs: list[AnalysedPhotograph]) -> Collection:
    engine = engine_of(OPTIONS)
    made = Collection(engine.space, engine.detector_name)
    for photograph in photographs:
        made.add(photograph)
    return made


def test_the_file_holds_a_row_per_face_and_loads_without_pickle(
    tmp_path: Path, analysed: list[AnalysedPhotograph]
) -> None:
    made = collection(analysed)
    made.write(tmp_path / "faces.npz")
    faces = [face for photograph in analysed for face in photograph.faces]
    with np.load(tmp_path / "faces.npz", allow_pickle=False) as arrays:
        shapes = {name: (arrays[name].shape, arrays[name].dtype.kind, arrays[name].dtype.itemsize) for name in arrays}
        assert arrays["path"].tolist() == [str(analysed[0].path)] * 2 + [str(analysed[2].path)]
        assert np.array_equal(arrays["embedding"], np.stack([face.embedding for face in faces]))
        assert np.array_equal(arrays["landmarks"], np.stack([face.landmarks for face in faces]))
        assert arrays["box"].tolist() == [
            [face.box.left, face.box.top, face.box.right, face.box.bottom] for face in faces
        ]
        assert arrays["size"].tolist() == [[432, 216]] * 2 + [[216, 216]]
        assert arrays["score"].tolist() == pytest.approx([face.score for face in faces])
        assert arrays["quality"].tolist() == pytest.approx([face.quality.overall for face in faces])
        assert arrays["space"].item() == "dlib-resnet-v1/chip150-0.25"
        assert arrays["detector"].item() == "hog/smallest60/pixels2073600"
        assert arrays["weights_sha256"].item() == engine_of(OPTIONS).space.weights_sha256
    assert {name: shape for name, shape in shapes.items() if shape[1] != "U"} == {
        "size": ((3, 2), "i", 4),
        "box": ((3, 4), "i", 4),
        "score": ((3,), "f", 4),
        "quality": ((3,), "f", 4),
        "landmarks": ((3, 5, 2), "f", 4),
        "embedding": ((3, 128), "f", 4),
    }
    assert len(made) == 3


def test_a_file_without_faces_keeps_its_shapes(tmp_path: Path) -> None:
    collection([]).write(tmp_path / "none.npz")
    with np.load(tmp_path / "none.npz", allow_pickle=False) as arrays:
        assert arrays["path"].shape == (0,)
        assert arrays["size"].shape == (0, 2)
        assert arrays["box"].shape == (0, 4)
        assert arrays["landmarks"].shape == (0, 5, 2)
        assert arrays["embedding"].shape == (0, 128)


def test_the_file_is_private_and_replaces_an_older_one_whole(
    tmp_path: Path, analysed: list[AnalysedPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faces.npz"
    collection(analysed).write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        collection([]).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_find_the_same_faces(portraits: dict[str, Path], tmp_path: Path) -> None:
    paths = [portraits["obama"], tmp_path / "missing.jpg", portraits["biden"]]
    alone = [Analyser(OPTIONS)(path) for path in paths]
    from curation.parallel import map_in_order

    together = list(map_in_order(Analyser(OPTIONS), paths, 2, lambda path: pytest.fail(f"{path} was lost")))
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, AnalysedPhotograph):
            assert isinstance(other, AnalysedPhotograph)
            assert other.path == one.path
            assert [face.box for face in other.faces] == [face.box for face in one.faces]
            assert np.array_equal(other.faces[0].embedding, one.faces[0].embedding)
        else:
            assert str(other) == str(one)
