import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from config.errors import (
    FaceTooBlurred,
    FaceTooSmall,
    FaceUnrecognisable,
    NoFace,
    PhotographError,
    SeveralFaces,
    UnreadablePhotograph,
)
from config.face_settings import EnrolSettings, FaceSettings
from curation.examine import Examined, Examiner
from curation.photographs import photograph_hash, read_photograph
from demo.material import Material

LIMITS = EnrolSettings()
OPTIONS = FaceSettings(detector="hog", smallest=60, mirror=True)

ORIENTATION = 0x0112
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def examiner(*accepted: str, known: frozenset[str] = frozenset()) -> Examiner:
    return Examiner(OPTIONS, LIMITS, frozenset(accepted), known)


def examined(path: Path, *accepted: str) -> Examined:
    result = examiner(*accepted)(path)
    assert isinstance(result, Examined), result
    return result


@pytest.fixture(scope="session")
def portrait(portraits: dict[str, Path]) -> Image.Image:
    with Image.open(portraits["obama"]) as image:
        return image.convert("RGB")


def test_a_portrait_may_enrol(portraits: dict[str, Path]) -> None:
    found = examined(portraits["astronaut"])
    assert found.photograph_hash == photograph_hash(read_photograph(portraits["astronaut"]))
    assert found.face is not None
    assert 100 <= found.face.box.width <= 140
    assert found.face.embedding.shape == (128,)


def test_a_portrait_enrols_to_the_same_embedding_whichever_way_the_camera_was_held(
    tmp_path: Path, portrait: Image.Image, portraits: dict[str, Path]
) -> None:
    upright = examined(portraits["obama"]).face
    assert upright is not None
    for orientation, turn in STORED.items():
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        path = tmp_path / f"{orientation}.jpg"
        portrait.transpose(turn).save(path, exif=exif, quality=95)
        face = examined(path).face
        assert face is not None
        assert face.box.overlap(upright.box) > 0.9
        assert np.linalg.norm(face.embedding - upright.embedding) < 0.1, orientation


def refused(path: Path, *accepted: str) -> PhotographError:
    result = examiner(*accepted)(path)
    assert isinstance(result, PhotographError)
    assert result.subject == str(path)
    assert result.remedy
    return result


def test_a_photograph_without_a_face_is_refused(material: Material) -> None:
    assert isinstance(refused(material.coffee), NoFace)
    assert isinstance(refused(material.rocket), NoFace)


def test_a_photograph_of_several_is_refused_whoever_is_larger(
    tmp_path: Path, portrait: Image.Image, portraits: dict[str, Path]
) -> None:
    with Image.open(portraits["astronaut"]) as other:
        larger = other.convert("RGB").resize((432, 432))
    both = Image.new("RGB", (648, 432))
    both.paste(larger, (0, 0))
    both.paste(portrait, (432, 100))
    both.save(tmp_path / "both.png")
    error = refused(tmp_path / "both.png", "too-small", "too-blurred", "nearer-to-another")
    assert isinstance(error, SeveralFaces)
    assert error.what == "shows 2 faces"


def test_a_small_face_is_refused_as_small_not_as_missing(tmp_path: Path, portrait: Image.Image) -> None:
    portrait.resize((86, 86)).save(tmp_path / "small.png")
    error = refused(tmp_path / "small.png")
    assert isinstance(error, FaceTooSmall)
    assert "below 60" in error.what
    face = examined(tmp_path / "small.png", "too-small").face
    assert face is not None
    assert 35 < face.box.width < 60


def test_a_blurred_face_is_refused(tmp_path: Path, portrait: Image.Image) -> None:
    portrait.filter(ImageFilter.GaussianBlur(6)).save(tmp_path / "blurred.png")
    error = refused(tmp_path / "blurred.png")
    assert isinstance(error, FaceTooBlurred)
    assert "below 0.15" in error.what
    face = examined(tmp_path / "blurred.png", "too-blurred", "unrecognisable").face
    assert face is not None
    assert face.quality.sharpness < 0.15


def test_a_face_that_is_too_poor_is_refused_with_its_parts(tmp_path: Path, portrait: Image.Image) -> None:
    noise = np.random.default_rng(0).normal(0, 120, (*portrait.size[::-1], 3))
    grainy = np.clip(np.asarray(portrait) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(grainy).save(tmp_path / "grainy.png")
    accepting = replace(examiner(), options=OPTIONS.model_copy(update={"detector": "mmod"}))
    error = accepting(tmp_path / "grainy.png")
    assert isinstance(error, FaceUnrecognisable), error
    assert re.search(r"quality 0\.\d\d, below 0\.50 \(sharpness 1\.00, .*exposure 0\.[012]", error.what)
    assert "--accept unrecognisable" in error.remedy
    taken = replace(accepting, accepted=frozenset({"unrecognisable"}))(tmp_path / "grainy.png")
    assert isinstance(taken, Examined)


def test_what_cannot_be_read_is_refused(tmp_path: Path, material: Material) -> None:
    (tmp_path / "half.jpg").write_bytes(material.obama.read_bytes()[:100_000])
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert isinstance(refused(tmp_path / "half.jpg"), UnreadablePhotograph)
    assert isinstance(refused(tmp_path / "missing.jpg"), UnreadablePhotograph)
    assert isinstance(refused(tmp_path / "dot.png"), NoFace)


def test_a_photograph_that_is_known_is_not_analysed_again(portraits: dict[str, Path]) -> None:
    hashed = photograph_hash(read_photograph(portraits["biden"]))
    assert examiner(known=frozenset({hashed}))(portraits["biden"]) == Examined(hashed, None)
