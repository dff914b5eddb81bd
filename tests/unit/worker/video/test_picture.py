"""Pictures as people would recognise them: upright, square pixels, true colours."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clips import HEIGHT, WIDTH, Encoding, frames_at, number_of, numbered, set_matrix, write_clip

from db.facts import VideoFacts
from models.faces import RgbImage
from worker.video import VideoReader, probe, to_rgb
from worker.video.picture import _is_mirrored, upright_shape

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
ORANGE = (220, 120, 40)


def facts(width: int, height: int, rotation: int = 0) -> VideoFacts:
    return VideoFacts("mov", "h264", width, height, rotation, Fraction(1, 25), 0, 25)


def luma_chroma(colour: tuple[int, int, int], matrix: tuple[float, float]) -> tuple[float, float, float]:
    """Y′ from 0 to 1, C_B and C_R from −0.5 to 0.5 (ITU-R BT.601 and BT.709, section 3)."""
    red, green, blue = (level / 255 for level in colour)
    of_red, of_blue = matrix
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    return luma, (blue - luma) / (2 - 2 * of_blue), (red - luma) / (2 - 2 * of_red)


def yuv_frame(
    colour: tuple[int, int, int], matrix: tuple[float, float], height: int, *, full: bool, bits: int = 8
) -> av.VideoFrame:
    """A frame of one colour, 4:2:0, its width as its height."""
    luma, *chroma = luma_chroma(colour, matrix)
    scale = 2 ** (bits - 8)
    y = luma * (256 * scale - 1) if full else (16 + 219 * luma) * scale
    u, v = ((128 + (255 if full else 224) * c) * scale for c in chroma)
    area = height * height
    levels = np.concatenate([np.full(area, y), np.full(area // 4, u), np.full(area // 4, v)]).round()
    planes = levels.reshape(height * 3 // 2, height)
    if bits == 8:
        return av.VideoFrame.from_ndarray(planes.astype(np.uint8), format="yuv420p")
    return av.VideoFrame.from_ndarray(planes.astype(np.uint16), format=f"yuv420p{bits}le")


@pytest.mark.parametrize("colour", [ORANGE, (0, 0, 0), (255, 255, 255), (20, 60, 200)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(("height", "matrix"), [(288, BT601), (720, BT709)])
def test_colours_are_true_in_either_range_and_depth_and_untagged_at_either_size(
    colour: tuple[int, int, int], full: bool, bits: int, height: int, matrix: tuple[float, float]
) -> None:
    frame = yuv_frame(colour, matrix, height, full=full, bits=bits)
    frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    image = to_rgb(frame, facts(height, height))
    assert image.shape == (height, height, 3)
    assert np.abs(image[5, 5].astype(int) - colour).max() <= 3


@pytest.mark.parametrize(("tag", "matrix"), [(1, BT709), (5, BT601), (6, BT601)])
@pytest.mark.parametrize("height", [288, 720])
def test_a_tagged_matrix_outranks_the_guess(tag: int, matrix: tuple[float, float], height: int) -> None:
    frame = yuv_frame(ORANGE, matrix, height, full=False)
    frame.colorspace = tag
    assert np.abs(to_rgb(frame, facts(height, height))[5, 5].astype(int) - ORANGE).max() <= 3


def test_old_full_range_formats_are_full_range() -> None:
    planes = np.full((432, 288), 250, np.uint8)
    planes[288:] = 128
    frame = av.VideoFrame.from_ndarray(planes, format="yuvj420p")
    assert np.abs(to_rgb(frame, facts(288, 288)).astype(int) - 250).max() <= 3


@pytest.mark.parametrize("pixels", ["gray", "gray16le", "gbrp", "rgb24", "bgra", "yuv444p", "yuv422p", "nv12"])
def test_other_pixel_formats_keep_the_picture(pixels: str) -> None:
    original = numbered(1234)
    frame = av.VideoFrame.from_ndarray(original, format="rgb24").reformat(format=pixels)
    image = to_rgb(frame, facts(WIDTH, HEIGHT))
    assert number_of(image) == 1234
    assert np.abs(image[:96].astype(int) - original[:96]).mean() < 3


def test_odd_sizes_and_changed_sizes_come_out_as_the_facts_say() -> None:
    frame = av.VideoFrame.from_ndarray(cv2.resize(numbered(77), (191, 127)).astype(np.uint8), format="rgb24").reformat(
        format="yuv444p"
    )
    for width, height in ((191, 127), (WIDTH, HEIGHT), (96, 64)):
        image = to_rgb(frame, facts(width, height))
        assert image.shape == (height, width, 3)
        assert number_of(image) == 77


@pytest.mark.parametrize(("rotation", "back"), [(90, 1), (180, 2), (270, 3)])
def test_a_turned_recording_stands_upright(rotation: int, back: int, tmp_path: Path) -> None:
    # A telephone held at `rotation` to the right records everything turned to the left.
    lying = [np.ascontiguousarray(np.rot90(numbered(number), back)) for number in (5, 1000)]
    encoding = Encoding(codec_options={"preset": "veryfast"}, rotation=rotation)
    clip = write_clip(tmp_path / "turned.mp4", frames_at(2), encoding, lying)
    found = probe(clip)
    assert (found.width, found.height, found.rotation) == (WIDTH, HEIGHT, rotation)
    with VideoReader(clip, found) as reader:
        for number in (5, 1000):
            frame = reader.read()
            assert frame is not None
            assert number_of(to_rgb(frame.picture, found)) == number


ORIENTATIONS = [(a, 0, 0, d) for a in (1, -1) for d in (1, -1)] + [(0, b, c, 0) for b in (1, -1) for c in (1, -1)]


@pytest.mark.parametrize("matrix", ORIENTATIONS)
def test_a_mirrored_recording_is_shown_as_its_matrix_says(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    a, b, c, d = matrix
    upright = numbered(5)
    upright[:, :, 0] = np.linspace(40, 200, WIDTH).astype(np.uint8)
    upright[:, :, 1] = np.linspace(200, 40, HEIGHT).astype(np.uint8)[:, None]
    # A pixel at x, y is displayed at a·x + c·y, b·x + d·y, moved back into the frame.
    width, height = (WIDTH, HEIGHT) if a else (HEIGHT, WIDTH)
    y, x = np.mgrid[:height, :width]
    across, down = a * x + c * y, b * x + d * y
    recorded = np.ascontiguousarray(upright[down - down.min(), across - across.min()])
    encoding = Encoding(codec_options={"preset": "veryfast", "crf": "4"}, pixels="yuv444p")
    clip = write_clip(tmp_path / "clip.mp4", frames_at(30), encoding, [recorded] * 30)
    set_matrix(clip, *matrix)
    found = probe(clip)
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    for far in (0.0, 30.0):
        with VideoReader(clip, found, far) as reader:
            reader.advance(int(Fraction(1) / found.time_base))
            frame = reader.read()
            assert frame is not None
            assert np.abs(to_rgb(frame.picture, found).astype(int) - upright).mean() < 6


def test_side_data_of_an_unknown_kind_is_no_obstacle() -> None:
    class Frame:
        @property
        def side_data(self) -> object:
            raise ValueError("36 is not a valid Type")

    assert not _is_mirrored(cast("av.VideoFrame", Frame()))


@pytest.mark.parametrize(
    ("width", "height", "aspect", "shape"),
    [
        (8192, 4352, Fraction(1), (8192, 4352)),
        (8192, 4352, Fraction(4), (16384, 2176)),
        (8192, 4352, Fraction(1, 4), (4096, 8704)),
        (4096, 2176, Fraction(4), (16384, 2176)),
    ],
)
def test_a_stretched_picture_is_no_larger_than_any_that_is_decoded(
    width: int, height: int, aspect: Fraction, shape: tuple[int, int]
) -> None:
    assert upright_shape(av.VideoFrame(width, height, "gray"), aspect) == (*shape, 0)


@given(st.integers(1, 8192), st.integers(1, 4352), st.fractions(Fraction(1, 4), Fraction(4), max_denominator=255))
@settings(max_examples=30)
def test_the_area_of_an_upright_picture_is_bounded_and_its_shape_kept(
    width: int, height: int, aspect: Fraction
) -> None:
    across, down, _ = upright_shape(av.VideoFrame(width, height, "gray"), aspect)
    assert across * down <= 8192 * 4352
    wanted = float(aspect * width / height)
    assert abs(across - down * wanted) <= 1 + max(1.0, wanted)


@pytest.mark.parametrize("tag", [0, 3, 8, 11, 14, 15, 200])
def test_a_matrix_that_cannot_be_converted_is_guessed(tag: int) -> None:
    frame = yuv_frame(ORANGE, BT709, 720, full=False)
    frame.colorspace = tag
    assert np.abs(to_rgb(frame, facts(720, 720))[5, 5].astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        (None, (720, 576)),
        (Fraction(1), (720, 576)),
        (Fraction(16, 15), (768, 576)),
        (Fraction(8, 9), (720, 648)),
        (Fraction(1, 2), (720, 1152)),
        (Fraction(0), (720, 576)),
        (Fraction(100), (720, 576)),
        (Fraction(1, 100), (720, 576)),
    ],
)
def test_pixels_are_stretched_to_squares_and_mistakes_ignored(aspect: Fraction | None, shape: tuple[int, int]) -> None:
    frame = av.VideoFrame(720, 576, "yuv420p")
    assert upright_shape(frame, aspect) == (*shape, 0)


def first_image(path: Path) -> RgbImage:
    found = probe(path)
    with VideoReader(path, found) as reader:
        frame = reader.read()
        assert frame is not None
        return to_rgb(frame.picture, found)


def likeness(one: RgbImage, other: RgbImage) -> float:
    """Mean absolute difference of grey levels at a common small size."""
    small = [cv2.resize(image, (180, 144), interpolation=cv2.INTER_AREA).astype(int) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        ("h264_aac.mp4", 0),
        ("phone_rot90_upright_when_applied.mp4", 0),
        ("phone_rot180_upright_when_applied.mp4", 0),
        ("phone_upside_down_when_applied.mp4", 2),
        ("rot90_metadata.mp4", 1),
        ("rot180_metadata.mp4", 2),
        ("rot270_metadata.mp4", 3),
        ("rot90_pixels.mp4", 3),
        ("anamorphic_sar.mp4", 0),
        ("hevc_10bit.mp4", 0),
        ("odd_dims_444.mp4", 0),
        ("interlaced_mpeg2.mpg", 0),
        ("vp9.webm", 0),
        ("upscaled_1080p.mp4", 0),
        ("tiny_120x96.mp4", 0),
        ("start_pts_12s.ts", 0),
    ],
)
def test_every_variant_of_a_real_clip_shows_the_same_face(corpus: Path, name: str, turns: int) -> None:
    edge = corpus / "videos" / "edge"
    # np.rot90 turns counter-clockwise.
    original = np.ascontiguousarray(np.rot90(first_image(edge / "h264_noaudio.mp4"), turns))
    # Another matrix (the enlarged one is untagged) costs 6 levels, a wrong turn 40 and more.
    assert likeness(first_image(edge / name), original) < 8
