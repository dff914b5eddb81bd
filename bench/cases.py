"""What is measured against what. Contender number one is always what people would use otherwise."""

import importlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np

from bench.measure import Case
from config.settings import FaceSettings, GateSettings
from demo.film import compose
from demo.material import fetch
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder, HogDetector
from models.engine import build_engine
from models.faces import Chips, RgbImage
from models.onnx_engines import MmodDetector, OnnxEmbedder
from worker import video
from worker.gate import Gate
from worker.sampling import sample_frames
from worker.scan import scan

INTERVAL_MS = 6000
_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "bench"


def embedding() -> Case:
    """Chips to embeddings."""
    chips = _chips()
    return Case(
        "embedding",
        "face",
        len(chips),
        {
            "dlib": lambda: DlibEmbedder(mirror=False).embed(chips),
            "Rollcall": lambda: OnnxEmbedder(mirror=False).embed(chips),
        },
    )


def detection() -> Case:
    """Frames of 720p to boxes, no upsampling: the network finds faces of 80 px and more."""
    frames = _frames()[:2]
    return Case(
        "detection",
        "frame of 720p",
        len(frames),
        {
            "dlib CNN": lambda: [CnnDetector(80).detect(frame) for frame in frames],
            "dlib HOG": lambda: [HogDetector(80).detect(frame) for frame in frames],
            "Rollcall mmod": lambda: [MmodDetector(80).detect(frame) for frame in frames],
        },
    )


def sampling() -> Case:
    """A video file to one frame per six seconds."""
    path = _film_1080p()
    seconds = _seconds(path)
    return Case(
        "sampling",
        "hour of 1080p30",
        seconds / 3600,
        {
            "OpenCV, every frame": lambda: list(_every_nth_frame(path)),
            "Rollcall": lambda: list(_samples(path)),
        },
    )


def pipeline() -> Case:
    """A video file to embeddings of its faces, one frame per six seconds."""
    path = _film_1080p()
    reference = _face_recognition()
    return Case(
        "pipeline",
        "hour of 1080p30",
        _seconds(path) / 3600,
        {
            "face_recognition, HOG": lambda: _by_face_recognition(reference, path, "hog"),
            "Rollcall, hog": _scan(path, FaceSettings(detector="hog", smallest=120)),
            "Rollcall, mmod": _scan(path, FaceSettings(detector="mmod", smallest=120)),
        },
    )


def pipeline_cnn() -> Case:
    """As `pipeline`, against face_recognition with its network detector: minutes for each minute of video."""
    path = _film_1080p()
    reference = _face_recognition()
    return Case(
        "pipeline-cnn",
        "hour of 1080p30",
        _seconds(path) / 3600,
        {
            "face_recognition, CNN": lambda: _by_face_recognition(reference, path, "cnn"),
            "Rollcall, mmod": _scan(path, FaceSettings(detector="mmod", smallest=120)),
        },
    )


CASES: dict[str, Callable[[], Case]] = {
    "embedding": embedding,
    "detection": detection,
    "sampling": sampling,
    "pipeline": pipeline,
    "pipeline-cnn": pipeline_cnn,
}


def _scan(path: Path, faces: FaceSettings) -> Callable[[], object]:
    gate = GateSettings()

    def run() -> object:
        return scan(_samples(path), Gate(gate.flat_deviation, gate.unchanged_difference), build_engine(faces))

    return run


def _samples(path: Path) -> Iterator[Any]:
    return sample_frames(path, video.probe(path), 0, None, INTERVAL_MS)


def _every_nth_frame(path: Path) -> Iterator[RgbImage]:
    """As face_recognition's own example reads videos: every frame is decoded, one in so many is kept."""
    capture = cv2.VideoCapture(str(path))
    step = round(capture.get(cv2.CAP_PROP_FPS) * INTERVAL_MS / 1000)
    number = 0
    while capture.grab():
        if number % step == 0:
            _, picture = capture.retrieve()
            yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        number += 1
    capture.release()


def _by_face_recognition(package: ModuleType, path: Path, model: str) -> list[Any]:
    found = []
    for frame in _every_nth_frame(path):
        # The CNN takes 1 GB per million pixels: its own upsampling of 1080p would need 8 GB.
        boxes = package.face_locations(frame, number_of_times_to_upsample=0, model=model)
        found.append(package.face_encodings(frame, boxes))
    return found


def _face_recognition() -> ModuleType:
    # Only these cases need it; `make install-dev` installs it.
    return importlib.import_module("face_recognition")


@cache
def _frames() -> list[RgbImage]:
    """Frames of the demo's film that show people, 1280 × 720."""
    film = compose(fetch())
    wanted = {round((scene.start + scene.end) / 2 * 25) for scene in film.truth}
    with av.open(str(film.path)) as container:
        frames = enumerate(container.decode(video=0))
        chosen = [frame for number, frame in frames if number in wanted]
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in chosen]


@cache
def _chips() -> Chips:
    detector, aligner = MmodDetector(80), DlibAligner()
    chips = [aligner.align(frame, [found.box for found in detector.detect(frame)])[1] for frame in _frames()]
    return np.concatenate([*chips, *[chip[:, :, ::-1] for chip in chips]])


@cache
def _film_1080p() -> Path:
    """The demo's film at 1920 × 1080 and 30 frames a second, H.264 with a key frame each 2 s, as uploads are."""
    source = compose(fetch()).path
    target = _CACHE / f"{source.parent.name}-1080p30.mp4"
    if target.exists():
        return target
    _CACHE.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part.mp4")
    with av.open(str(source)) as original, av.open(str(part), "w") as copy:
        stream = copy.add_stream("libx264", rate=30, options={"preset": "veryfast", "g": "60", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        number = 0
        for shown, frame in enumerate(original.decode(video=0), start=1):
            picture = frame.reformat(1920, 1080)
            # 25 frames a second become 30: every fifth is shown twice.
            while Fraction(number, 30) < Fraction(shown, 25):
                picture.pts, picture.time_base = number, Fraction(1, 30)
                copy.mux(stream.encode(picture))
                number += 1
        copy.mux(stream.encode())
    part.replace(target)
    return target


def _seconds(path: Path) -> float:
    return float(video.probe(path).duration or 0)
