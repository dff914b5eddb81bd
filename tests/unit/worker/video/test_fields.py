"""Interlaced frames: combs go, what stands still stays."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.clips import INTERLACED, MPEG2, Encoding, frames_at, woven, write_clip

from config.face_settings import FaceSettings
from models.engine import build_engine
from models.faces import RgbImage
from worker.video import VideoReader, probe, to_rgb
from worker.video.fields import without_combs

WIDTH, HEIGHT = 640, 360
ROOM = 40


@pytest.fixture(scope="module")
def photographs(corpus: Path) -> list[RgbImage]:
    """Real scenes with people, wider than they are shown, so that they can move."""
    files = sorted((corpus / "groups").glob("**/*.jpg"))[:4]
    return [scaled(np.asarray(cv2.imread(str(file)), np.uint8)[..., ::-1]) for file in files]


def scaled(image: RgbImage) -> RgbImage:
    scale = max((WIDTH + ROOM) / image.shape[1], HEIGHT / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def moved(image: RgbImage, columns: int) -> RgbImage:
    return np.ascontiguousarray(image[:HEIGHT, columns : columns + WIDTH])


def error(one: RgbImage, other: RgbImage) -> float:
    """Root of the mean square of differences of levels."""
    return float(np.sqrt(((one.astype(float) - other) ** 2).mean()))


@pytest.mark.parametrize("columns", [2, 4, 16, 40])
def test_what_moves_looks_as_at_the_moment_of_the_upper_field(columns: int, photographs: list[RgbImage]) -> None:
    for photograph in photographs:
        upper, lower = moved(photograph, 0), moved(photograph, columns)
        combed = woven(upper, lower)
        assert error(without_combs(combed), upper) < min(8, 0.6 * error(combed, upper))


def test_what_stands_still_stays_as_sharp_as_it_is(photographs: list[RgbImage]) -> None:
    for photograph in photographs:
        still = moved(photograph, 0)
        shown = without_combs(still)
        # These are sharper than interlaced recordings are, down to the single line.
        assert (shown != still).any(axis=2).mean() < 0.02
        assert error(shown, still) < 4


def test_only_the_part_that_moves_is_interpolated(photographs: list[RgbImage]) -> None:
    still = moved(photographs[0], 0)
    later = still.copy()
    later[100:200, 200:300] = moved(photographs[1], 0)[100:200, 200:300]
    shown = without_combs(woven(still, later))
    changed = (shown != still).any(axis=2)
    # Combs are judged in windows that reach a little farther.
    changed[80:220, 180:320] = False
    assert changed.mean() < 0.02


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_the_upper_field_is_never_touched_and_the_frame_not_at_all(image: RgbImage) -> None:
    before = image.copy()
    shown = without_combs(image)
    assert (image == before).all()
    assert (shown.shape, shown.dtype) == (image.shape, image.dtype)
    assert (shown[0::2] == image[0::2]).all()


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 255))
def test_an_even_picture_is_given_back_itself(rows: int, columns: int, level: int) -> None:
    image = np.full((rows, columns, 3), level, np.uint8)
    assert without_combs(image) is image


@pytest.mark.parametrize("rows", [358, 359, 360])
def test_a_field_more_or_less_is_no_matter(rows: int, photographs: list[RgbImage]) -> None:
    upper, lower = (moved(photographs[0], columns)[:rows] for columns in (0, 16))
    assert error(without_combs(woven(upper, lower)), upper) < 8


MPEG2_INTERLACED = Encoding("mpeg2video", tick=MPEG2.tick, codec_options={"flags": "+ildct+ilme", "q:v": "2"})


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        pytest.param("clip.mp4", INTERLACED, id="H.264"),
        pytest.param("clip.ts", MPEG2_INTERLACED, id="MPEG-2"),
    ],
)
def test_an_interlaced_recording_is_shown_without_combs(
    name: str, encoding: Encoding, photographs: list[RgbImage], tmp_path: Path
) -> None:
    upper, lower = moved(photographs[0], 0), moved(photographs[0], 20)
    clip = write_clip(tmp_path / name, frames_at(5), encoding, [woven(upper, lower)] * 5)
    facts = probe(clip)
    with VideoReader(clip, facts) as reader:
        frame = reader.read()
        assert frame is not None
        assert frame.picture.interlaced_frame
        assert error(to_rgb(frame.picture, facts), upper) < error(woven(upper, lower), upper) / 2


def as_interlaced(frame: av.VideoFrame) -> av.VideoFrame:
    """The same frame, said to be interlaced."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("setparams", "field_mode=tff"), graph.add("buffersink")).configure()
    frame.pts = 0
    graph.vpush(frame)
    return graph.vpull()


def test_colours_belong_to_the_field_that_they_are_recorded_with(tmp_path: Path) -> None:
    # 4:2:0: lines of colour belong to the fields in turn, as those of brightness do.
    planes = np.full((96, 64), 100, np.uint8)
    planes[64:] = 128
    red, blue = planes[80:].reshape(32, 32), planes[64:80].reshape(32, 32)
    red[0::2], blue[1::2] = 200, 200
    frame = as_interlaced(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    assert frame.interlaced_frame
    facts = probe(write_clip(tmp_path / "any.mp4", frames_at(1), images=[np.zeros((64, 64, 3), np.uint8)]))
    shown = to_rgb(frame, facts)
    assert (shown[8:56, :, 0] > 180).all()
    assert (shown[8:56, :, 2] < 120).all()


def test_fields_are_scaled_as_one_picture(photographs: list[RgbImage], tmp_path: Path) -> None:
    still = moved(photographs[2], 0)
    tall = Fraction(2, 3)
    shown = {}
    for kind, options in (("plain", {}), ("interlaced", {"x264-params": "tff=1"})):
        encoding = Encoding(codec_options={"preset": "veryfast", "crf": "8", **options}, aspect=tall)
        clip = write_clip(tmp_path / f"{kind}.mp4", frames_at(1), encoding, [still])
        facts = probe(clip)
        assert (facts.width, facts.height) == (WIDTH, HEIGHT * 3 // 2)
        with VideoReader(clip, facts) as reader:
            frame = reader.read()
            assert frame is not None
            assert frame.picture.interlaced_frame == (kind == "interlaced")
            shown[kind] = to_rgb(frame.picture, facts)
    assert error(shown["plain"], shown["interlaced"]) < 4


def test_faces_that_move_stay_those_of_the_same_people(photographs: list[RgbImage]) -> None:
    engine = build_engine(FaceSettings(smallest=40))
    upper, lower = moved(photographs[3], 0), moved(photographs[3], 12)
    people = engine.analyse(upper)
    assert len(people) == 4

    def distances(image: RgbImage) -> list[float]:
        found = engine.analyse(image)
        return [min(float(np.linalg.norm(face.embedding - person.embedding)) for face in found) for person in people]

    # Customarily, from a distance of 0.6 on it is somebody else.
    combed = woven(upper, lower)
    assert min(distances(combed)) > 0.6
    assert max(distances(without_combs(combed))) < 0.35
