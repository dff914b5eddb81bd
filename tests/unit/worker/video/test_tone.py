"""Pictures of high dynamic range: mapped there by code from real photographs, and recognised again."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from numpy.typing import NDArray
from support.clips import Encoding, frames_at, write_clip

from config.face_settings import FaceSettings
from db.facts import VideoFacts
from models.engine import build_engine
from models.faces import RgbImage
from worker.video import VideoReader, probe, to_rgb
from worker.video.tone import to_ordinary

WHITE = 203.0  # cd/m², ITU-R BT.2408
TO_BT2020 = np.array(  # ITU-R BT.2087, of light
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)
LUMA_BT2020 = np.array([0.2627, 0.6780, 0.0593])

Signal = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Code of light in BT.2020, (…, 3): the inverse EOTF of SMPTE ST 2084."""
    root = (nits / 10000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375)


def hlg(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Code of light in BT.2020, (…, 3), on a screen of 1,000 cd/m²: ITU-R BT.2100, tables 4 and 5, the other way."""
    luminance = np.maximum(nits @ LUMA_BT2020, 1e-6) / 1000
    scene = nits / 1000 * (luminance ** (1 / 1.2 - 1))[..., None]
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper))


KINDS: dict[str, tuple[Signal, ColorTrc]] = {"PQ": (pq, ColorTrc.SMPTE2084), "HLG": (hlg, ColorTrc.ARIB_STD_B67)}


def light_of(image: RgbImage) -> NDArray[np.float64]:
    """Light in BT.2020, cd/m², of an ordinary picture whose white is that of paper."""
    level = image / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return np.asarray(WHITE * linear @ TO_BT2020.T)


def coded(image: RgbImage, signal: Signal) -> NDArray[np.uint16]:
    return np.asarray(np.round(65535 * np.clip(signal(light_of(image)), 0, 1)), np.uint16)


def frame_of(image: RgbImage, signal: Signal, transfer: ColorTrc, *, full: bool = False) -> av.VideoFrame:
    """4:2:0 in ten bits, BT.2020, of an ordinary picture."""
    code = signal(light_of(image))
    luma = code @ LUMA_BT2020
    chroma = [(code[..., 2] - luma) / 1.8814, (code[..., 0] - luma) / 1.4746]
    height, width = luma.shape
    small = [plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for plane in chroma]
    if full:
        planes = [1023 * luma, *(512 + 1023 * plane for plane in small)]
    else:
        planes = [64 + 876 * luma, *(512 + 896 * plane for plane in small)]
    levels = np.concatenate([plane.ravel() for plane in planes]).round().clip(0, 1023).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(levels.reshape(height * 3 // 2, width), format="yuv420p10le")
    frame.colorspace, frame.color_primaries, frame.color_trc = 9, ColorPrimaries.BT2020, transfer
    frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return frame


def facts(width: int, height: int) -> VideoFacts:
    return VideoFacts("mov", "hevc", width, height, 0, Fraction(1, 25), 0, 25)


@pytest.fixture(scope="module")
def photograph(corpus: Path) -> RgbImage:
    image = np.asarray(cv2.imread(str(sorted((corpus / "groups").glob("**/*.jpg"))[2])), np.uint8)
    return np.asarray(cv2.resize(image, (640, 426), interpolation=cv2.INTER_AREA)[..., ::-1], np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_greys_keep_their_light_up_to_the_knee_and_are_compressed_above(kind: str) -> None:
    signal, transfer = KINDS[kind]
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = to_ordinary(coded(ramp, signal), transfer, wide=True)[0].astype(int)
    assert np.abs(shown - shown[:, 1:2]).max() <= 1
    # 91 cd/m², the knee, is 45 % of white, which sRGB codes as 178.
    assert np.abs(shown[:178, 1] - np.arange(178)).max() <= 1
    assert (np.diff(shown[:, 1]) >= 0).all()
    assert 225 <= shown[255, 1] <= 235


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_brighter_than_paper_is_still_told_apart(kind: str) -> None:
    signal, transfer = KINDS[kind]
    nits = np.array([0, 203, 300, 400, 600, 800, 1000], float)
    codes = np.round(65535 * signal(np.repeat(nits[None, :, None], 3, axis=2))).astype(np.uint16)
    levels = to_ordinary(codes, transfer, wide=True)[0, :, 1]
    assert levels[0] == 0
    assert (np.diff(levels[:5].astype(int)) > 0).all()
    assert levels[5] >= levels[4]
    assert levels[6] == 255


def test_light_beyond_the_peak_is_white() -> None:
    codes = np.round(65535 * pq(np.full((2, 2, 3), 4000.0))).astype(np.uint16)
    assert (to_ordinary(codes, ColorTrc.SMPTE2084, wide=True) == 255).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", [(170, 120, 95), (90, 60, 50), (20, 60, 150), (40, 140, 30), (150, 20, 20)])
def test_colours_come_back(kind: str, colour: tuple[int, int, int]) -> None:
    signal, transfer = KINDS[kind]
    patch = np.full((70, 3, 3), colour, np.uint8)
    shown = to_ordinary(coded(patch, signal), transfer, wide=True)
    assert shown.shape == patch.shape
    assert np.abs(shown.astype(int) - patch).max() <= 3


def test_primaries_of_bt709_are_not_converted() -> None:
    code = np.full((1, 1, 3), 30000, np.uint16)
    code[..., 0] = 34000
    narrow, wide = (to_ordinary(code, ColorTrc.SMPTE2084, wide=wide)[0, 0].astype(int) for wide in (False, True))
    assert wide[0] > narrow[0]
    assert wide[1] < narrow[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("full", [False, True])
def test_a_photograph_is_shown_as_it_was(kind: str, full: bool, photograph: RgbImage) -> None:
    frame = frame_of(photograph, *KINDS[kind], full=full)
    shown = to_rgb(frame, facts(640, 426))
    taken_for_ordinary = frame.reformat(format="rgb24").to_ndarray()
    assert np.abs(shown.astype(int) - photograph).mean() < 12
    assert np.abs(taken_for_ordinary.astype(int) - photograph).mean() > 30


@pytest.mark.parametrize("kind", KINDS)
def test_people_in_a_recording_are_found_and_known(kind: str, photograph: RgbImage, tmp_path: Path) -> None:
    signal, transfer = KINDS[kind]
    tags = f"colorprim=bt2020:transfer={'smpte2084' if kind == 'PQ' else 'arib-std-b67'}:colormatrix=bt2020nc"
    options = {"preset": "ultrafast", "crf": "16", "x265-params": f"{tags}:log-level=none:pools=none"}
    encoding = Encoding("libx265", b_frames=0, pixels="yuv420p10le", codec_options=options)
    clip = write_clip(tmp_path / "bright.mp4", frames_at(2), encoding, [frame_of(photograph, signal, transfer)] * 2)
    found = probe(clip)
    with VideoReader(clip, found) as reader:
        frame = reader.read()
        assert frame is not None
        assert (frame.picture.color_trc, frame.picture.format.name) == (transfer, "yuv420p10le")
        shown = to_rgb(frame.picture, found)
        taken_for_ordinary = np.asarray(frame.picture.reformat(format="rgb24").to_ndarray(), np.uint8)
    engine = build_engine(FaceSettings(smallest=40))
    people, again, dull = (engine.analyse(image) for image in (photograph, shown, taken_for_ordinary))
    assert len(people) == len(again) == 4
    for person in people:
        near = min(again, key=lambda face: float(np.linalg.norm(face.embedding - person.embedding)))
        assert abs(near.score - person.score) < 0.05
        assert float(np.linalg.norm(near.embedding - person.embedding)) < 0.2
    strangeness = [min(float(np.linalg.norm(f.embedding - p.embedding)) for f in dull) for p in people]
    known = [min(float(np.linalg.norm(f.embedding - p.embedding)) for f in again) for p in people]
    assert np.mean(known) < np.mean(strangeness)


def test_ten_bits_of_ordinary_range_stay_as_they_are(photograph: RgbImage) -> None:
    frame = av.VideoFrame.from_ndarray(photograph, format="rgb24").reformat(format="yuv420p10le", dst_colorspace=1)
    for transfer in (ColorTrc.BT709, ColorTrc.UNSPECIFIED, ColorTrc.BT2020_10):
        frame.color_trc = transfer
        assert np.abs(to_rgb(frame, facts(640, 426)).astype(int) - photograph).mean() < 3


def test_a_picture_that_names_its_transfer_only_is_one_of_bt2020(photograph: RgbImage) -> None:
    frame = frame_of(photograph, *KINDS["PQ"])
    whole = to_rgb(frame, facts(640, 426))
    frame.colorspace, frame.color_primaries = 2, ColorPrimaries.UNSPECIFIED
    assert (to_rgb(frame, facts(640, 426)) == whole).all()
