"""One frame per six seconds out of many kinds of files: against decoding everything, and against OpenCV's seeking."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from bench import agreement, material, reference
from bench.measure import Case
from models.faces import RgbImage
from worker import video
from worker.sampling import sample_frames

SECONDS = 60
"""How much of the film a file shows."""

_RATE = 30
_BITS_PER_PIXEL = 0.08


@dataclass(frozen=True, slots=True)
class Encoding:
    """A kind of file that people upload. `key_distance` in seconds."""

    name: str
    codec: str
    suffix: str
    rows: int
    key_distance: int
    options: Mapping[str, str]

    @property
    def columns(self) -> int:
        """Of a frame of 16:9; an even number."""
        return self.rows * 16 // 9 // 2 * 2


_X264 = {"preset": "veryfast", "sc_threshold": "0"}
_X265 = {"preset": "ultrafast", "x265-params": "log-level=error:scenecut=0"}
_VP9 = {"cpu-used": "8", "deadline": "realtime", "row-mt": "1"}
_AV1 = {"preset": "11", "svtav1-params": "scd=0"}

ENCODINGS = (
    Encoding("h264-360p", "libx264", "mp4", 360, 2, _X264),
    Encoding("h264-720p", "libx264", "mp4", 720, 2, _X264),
    Encoding("h264-1080p", "libx264", "mp4", 1080, 2, _X264),
    Encoding("h264-1080p-8s", "libx264", "mp4", 1080, 8, _X264),
    Encoding("h264-1080p-60s", "libx264", "mp4", 1080, 60, _X264),
    Encoding("h264-1080p-ts", "libx264", "ts", 1080, 2, _X264),
    Encoding("h264-2160p", "libx264", "mp4", 2160, 2, _X264),
    Encoding("hevc-1080p", "libx265", "mp4", 1080, 4, _X265),
    Encoding("vp9-1080p", "libvpx-vp9", "webm", 1080, 4, _VP9),
    Encoding("av1-1080p", "libsvtav1", "mkv", 1080, 5, _AV1),
    Encoding("mpeg2-576p-ts", "mpeg2video", "ts", 576, 1, {}),
    Encoding("mpeg2-1080p-ts", "mpeg2video", "ts", 1080, 1, {}),
)


def cases() -> Mapping[str, Callable[[object], Case[list[RgbImage]]]]:
    """A case for each encoding, by name."""
    return {encoding.name: _maker(encoding) for encoding in ENCODINGS}


def _maker(encoding: Encoding) -> Callable[[object], Case[list[RgbImage]]]:
    def make(_built: object) -> Case[list[RgbImage]]:
        return _case(encoding)

    make.__doc__ = f"One frame per six seconds of {encoding.codec}, a key frame each {encoding.key_distance} s."
    return make


def _case(encoding: Encoding) -> Case[list[RgbImage]]:
    path = clip(encoding)
    facts = video.probe(path)
    count = -(-SECONDS * 1000 // reference.INTERVAL_MS)

    def ours(tolerance_ms: int) -> list[RgbImage]:
        samples = sample_frames(path, facts, 0, count, reference.INTERVAL_MS, tolerance_ms)
        return [sample.image for sample in samples if sample.image is not None]

    contenders: dict[str, Callable[[], list[RgbImage]]] = {"every frame decoded": lambda: list(every_frame(path))}
    if seeks(path):
        contenders["OpenCV, seeking"] = lambda: list(opencv_seeking(path))
    contenders["Rollcall, tolerance 0"] = lambda: ours(0)
    contenders["Rollcall"] = lambda: ours(reference.INTERVAL_MS // 2)
    size = path.stat().st_size * 8 / SECONDS / 1e6
    return Case(
        encoding.name,
        f"{SECONDS} s of {facts.codec} in {facts.container.split(',')[0]}, {facts.width} × {facts.height}, {_RATE} "
        f"frames a second, {size:.1f} Mbit/s, a key frame each {encoding.key_distance} s; {count} frames looked at",
        "hour of video",
        SECONDS / 3600,
        contenders,
        agreement.pictures,
        others={"Rollcall": "frames up to 3 s away"},
        hours=True,
        missing="" if seeks(path) else "OpenCV's decoder does not read this file",
        rounds=3,
    )


def every_frame(path: Path) -> Iterator[RgbImage]:
    """Every frame is decoded by one thread, the first one from each instant on is kept."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        origin, due = stream.start_time or 0, 0
        for frame in container.decode(stream):
            if frame.pts is None or stream.time_base is None:
                continue
            if (frame.pts - origin) * stream.time_base * 1000 >= due:
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                due += reference.INTERVAL_MS


def opencv_seeking(path: Path) -> Iterator[RgbImage]:
    """OpenCV is told to go to each instant, and gives a frame."""
    capture = cv2.VideoCapture(str(path))
    try:
        for milliseconds in range(0, SECONDS * 1000, reference.INTERVAL_MS):
            capture.set(cv2.CAP_PROP_POS_MSEC, milliseconds)
            good, picture = capture.read()
            if good:
                yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
    finally:
        capture.release()


@cache
def seeks(path: Path) -> bool:
    """Whether OpenCV gives frames of a file at all."""
    return next(opencv_seeking(path), None) is not None


def clip(encoding: Encoding) -> Path:
    """The beginning of the demo's film in one encoding; made once and kept."""
    source = material.film().path
    target = material.CACHE / f"{source.parent.name}-{encoding.name}-{SECONDS}s.{encoding.suffix}"
    if target.exists():
        return target
    material.CACHE.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".part.{encoding.suffix}")
    with av.open(str(source)) as original, av.open(str(part), "w") as copy:
        stream = copy.add_stream(encoding.codec, rate=_RATE, options=dict(encoding.options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = encoding.columns, encoding.rows, "yuv420p"
        stream.gop_size = encoding.key_distance * _RATE
        stream.bit_rate = round(encoding.columns * encoding.rows * _RATE * _BITS_PER_PIXEL)
        stream.codec_context.thread_count = 0
        for number, frame in enumerate(material.at_rate(original.decode(video=0), _RATE)):
            if number == SECONDS * _RATE:
                break
            copy.mux(stream.encode(material.picture(frame, encoding.columns, encoding.rows, number, _RATE)))
        copy.mux(stream.encode())
    part.replace(target)
    return target
