"""Whether a frame shows what another one showed, on real photographs and what is done to them."""

from dataclasses import astuple, dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from PIL import Image

from config.face_settings import FaceSettings
from config.sampling_settings import RepeatSettings
from db.frames import KnownFrame
from demo.material import Material
from models.crops import crop
from models.engine import FaceEngine, build_engine
from models.faces import Face, RgbImage
from models.frame_likeness import to_png
from models.scaling import Scaling
from worker.confirming import KnownFace, Match, faces_of, look_at, match

SCALING = Scaling(80)
LIMITS = RepeatSettings()
MIDDLES = {"obama": 265, "obama2": 456, "biden": 382, "coffee": 200}
"""Row of the photograph in which the middle of its face lies."""


@dataclass(frozen=True)
class Scene:
    """A frame that was analysed, as the ledger keeps it."""

    image: RgbImage
    frame: KnownFrame
    png: bytes
    faces: list[KnownFace]


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return build_engine(FaceSettings(detector="hog", smallest=80, mirror=False))


def photograph(material: Material, name: str) -> RgbImage:
    """960 pixels wide, 16:9, the face in the middle of its height."""
    with Image.open(getattr(material, name)) as opened:
        picture = opened.convert("RGB")
    scale = 960 / picture.width
    resized = picture.resize((960, round(picture.height * scale)), Image.Resampling.LANCZOS)
    top = max(0, min(resized.height - 540, round(MIDDLES[name] * scale) - 270))
    return np.asarray(resized.crop((0, top, 960, top + 540)))


@pytest.fixture(scope="module")
def scenes(material: Material, engine: FaceEngine) -> dict[str, Scene]:
    found = {}
    for name in ("obama", "obama2", "biden", "coffee"):
        image = photograph(material, name)
        faces = [KnownFace(face, crop(image, face.box)) for face in engine.analyse(image)]
        assert len(faces) == (name != "coffee")
        frame = KnownFrame(1, 1, 960, 540, 0, Fraction(0))
        found[name] = Scene(image, frame, to_png(look_at(image, SCALING).picture), faces)
    return found


def compressed(image: RgbImage, quality: int = 50) -> RgbImage:
    file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def confirmed(new: RgbImage, scene: Scene) -> tuple[Match, list[tuple[Face, bytes]]] | None:
    look = look_at(new, SCALING)
    found = match(look, scene.frame, scene.png, LIMITS.frame_difference)
    if found is None:
        return None
    faces = faces_of(look, scene.frame, scene.faces, LIMITS.face_difference)
    return None if faces is None else (found, faces)


@pytest.mark.parametrize("scale", [1.0, 0.75, 0.5])
@pytest.mark.parametrize("name", ["obama", "obama2", "biden"])
def test_a_copy_is_confirmed_and_its_faces_are_where_they_are(
    name: str, scale: float, scenes: dict[str, Scene]
) -> None:
    scene = scenes[name]
    smaller = cv2.resize(scene.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    copy = compressed(np.asarray(smaller, np.uint8))
    found = confirmed(copy, scene)
    assert found is not None
    assert found[0].changed is None
    ((face, jpeg),) = found[1]
    original = scene.faces[0].face
    assert jpeg == scene.faces[0].crop
    assert astuple(face.box) == tuple(round(edge * scale) for edge in astuple(original.box))
    assert np.allclose(face.landmarks, original.landmarks * scale, atol=0.01)
    assert face.embedding is original.embedding


def test_a_logo_is_told_and_the_face_is_reused(scenes: dict[str, Scene]) -> None:
    scene = scenes["obama2"]
    marked = scene.image.copy()
    cv2.putText(marked, "NEWS", (820, 500), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 4)
    found = confirmed(compressed(marked, 80), scene)
    assert found is not None
    box = found[0].changed
    assert box is not None
    assert box.left < 820
    assert box.right > 900
    assert box.width * box.height < 0.3 * 960 * 540
    assert len(found[1]) == 1


def test_somebody_else_in_the_same_place_is_not_taken_for_whoever_was_there(scenes: dict[str, Scene]) -> None:
    for name, other in (("obama", "biden"), ("biden", "obama"), ("obama2", "biden"), ("obama", "obama2")):
        scene, theirs = scenes[name], scenes[other]
        here, there = scene.faces[0].face.box, theirs.faces[0].face.box
        face = theirs.image[there.top : there.bottom, there.left : there.right]
        new = scene.image.copy()
        new[here.top : here.bottom, here.left : here.right] = cv2.resize(face, (here.width, here.height))
        assert confirmed(new, scene) is None, (name, other)


def test_another_picture_is_not_confirmed(scenes: dict[str, Scene]) -> None:
    for name, scene in scenes.items():
        for other, theirs in scenes.items():
            assert (confirmed(theirs.image, scene) is not None) == (name == other), (name, other)


def test_a_face_that_comes_into_an_empty_picture_has_changed_it(scenes: dict[str, Scene]) -> None:
    scene, theirs = scenes["coffee"], scenes["biden"].faces[0].face.box
    face = scenes["biden"].image[theirs.top : theirs.bottom, theirs.left : theirs.right]
    new = scene.image.copy()
    new[30:120, 800:890] = cv2.resize(face, (90, 90), interpolation=cv2.INTER_AREA)
    found = confirmed(new, scene)
    assert found is not None
    box = found[0].changed
    assert box is not None
    assert box.left <= 800
    assert box.top <= 30
    assert box.right >= 890
    assert box.bottom >= 120


def test_what_was_smaller_or_of_another_shape_is_no_match(scenes: dict[str, Scene]) -> None:
    scene = scenes["obama"]
    larger = cv2.resize(scene.image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR)
    wider = cv2.resize(scene.image, (960, 480), interpolation=cv2.INTER_AREA)
    for image in (larger, wider):
        assert match(look_at(np.asarray(image), SCALING), scene.frame, scene.png, 128) is None


def test_a_face_that_cannot_be_compared_is_not_confirmed(scenes: dict[str, Scene]) -> None:
    scene = scenes["obama"]
    look = look_at(scene.image, SCALING)
    without = [replace(scene.faces[0], crop=None)]
    assert faces_of(look, scene.frame, without, 1.0) is None
    tiny = look_at(np.asarray(cv2.resize(scene.image, (64, 36), interpolation=cv2.INTER_AREA)), SCALING)
    assert faces_of(tiny, scene.frame, scene.faces, 1.0) is None
    assert faces_of(look, scene.frame, [], 0.0) == []
