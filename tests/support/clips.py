"""Synthetic videos in which every frame carries its number, so that a frame is known without trusting any time."""

# PyAV's Packet is generic for type checkers only: annotations must not be evaluated.
from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from models.faces import RgbImage

WIDTH, HEIGHT = 192, 128
_COLUMNS, _ROWS = 6, 2
_NOISE_ROWS = 32
_DARK, _LIGHT = 48, 208


@dataclass(frozen=True)
class Encoding:
    """How a clip is written. `tick`: time base that the encoder works in; MPEG-1 and -2 want a television's rate."""

    codec: str = "libx264"
    gop: int = 12
    b_frames: int = 2
    codec_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    tick: Fraction = Fraction(1, 1000)
    rotation: int = 0
    """Degrees clockwise by which a player must turn the frames."""
    aspect: Fraction | None = None
    """Width of a pixel over its height."""


X264 = Encoding(codec_options={"preset": "veryfast", "sc_threshold": "0"})
MPEG2 = Encoding(codec="mpeg2video", tick=Fraction(1, 25))
INTERLACED = Encoding(codec_options={**X264.codec_options, "crf": "10", "x264-params": "tff=1"})


def numbered(number: int) -> RgbImage:
    """A frame of 192×128 with its number as twelve dark or light blocks, above a strip of noise."""
    bits = np.array([number >> place & 1 for place in range(_COLUMNS * _ROWS)]).reshape(_ROWS, _COLUMNS)
    edge = WIDTH // _COLUMNS
    blocks = np.where(bits, _LIGHT, _DARK).repeat(HEIGHT * 3 // 8, axis=0).repeat(edge, axis=1)
    noise = np.random.default_rng(number).integers(0, 256, (_NOISE_ROWS, WIDTH))
    grey = np.concatenate([blocks, noise]).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def small(number: int) -> RgbImage:
    """A frame of 64×48 with colours and a light block that move: hardly more bytes than headers take."""
    rows, columns = np.mgrid[:48, :64]
    level = (3 * columns + 9 * number) % 256
    image = np.stack([level, (level // 2 + rows) % 256, 255 - level], axis=-1).astype(np.uint8)
    image[10:20, number * 2 % 40 : number * 2 % 40 + 10] = 200
    return image


def number_of(image: RgbImage) -> int:
    """The number that a frame carries, at whatever size it was decoded."""
    height, width = image.shape[:2]
    middles = [(row + 0.5) * 3 / 8 for row in range(_ROWS)], [(column + 0.5) / _COLUMNS for column in range(_COLUMNS)]
    bits = [
        image[int(y * height), int(x * width)].mean() > (_DARK + _LIGHT) / 2 for y in middles[0] for x in middles[1]
    ]
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def frames_at(count: int, step: int = 40, start: int = 0) -> list[int]:
    """Times of a constant frame rate, milliseconds."""
    return [start + step * number for number in range(count)]


def write_clip(
    path: Path,
    times: Sequence[int],
    encoding: Encoding = X264,
    images: Iterable[RgbImage | av.VideoFrame] | None = None,
) -> Path:
    """A video with one frame per time (milliseconds), numbered in order unless `images` are given."""
    given = images if images is not None else map(numbered, range(len(times)))
    pictures = [
        image if isinstance(image, av.VideoFrame) else av.VideoFrame.from_ndarray(image, format="rgb24")
        for image in given
    ]
    with av.open(str(path), "w", options=dict(encoding.container_options)) as container:
        stream = container.add_stream(encoding.codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pictures[0].height, pictures[0].width
        stream.pix_fmt = encoding.pixels
        stream.gop_size = encoding.gop
        stream.max_b_frames = encoding.b_frames
        stream.time_base = stream.codec_context.time_base = encoding.tick
        stream.codec_context.thread_count = 1
        stream.options = dict(encoding.codec_options)
        if encoding.rotation:
            stream.set_display_rotation(-encoding.rotation)
        if encoding.aspect is not None:
            stream.codec_context.sample_aspect_ratio = encoding.aspect
        for time, picture in zip(times, pictures, strict=True):
            picture.pts, picture.time_base = int(Fraction(time, 1000) / encoding.tick), encoding.tick
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_pictures(path: Path, pictures: Iterable[bytes], step: int = 1000) -> Path:
    """A video whose packets are JPEG files, one every `step` milliseconds. The container says that they are 64×64."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        stream.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            packet = Packet(picture)
            packet.pts = packet.dts = number * step
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), stream, True
            container.mux(packet)
    return path


def remux(source: Path, target: Path, change: Callable[[Packet[VideoStream]], Packet[VideoStream] | None]) -> Path:
    """The same packets in another container, each as `change` gives it back, or left out where it gives none."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.size and (kept := change(packet)) is not None:
                kept.stream = copy
                new.mux(kept)
    return target


def woven(upper: RgbImage, lower: RgbImage) -> RgbImage:
    """An interlaced frame: the upper field of one picture and the lower field of another."""
    frame = upper.copy()
    frame[1::2] = lower[1::2]
    return frame


def set_matrix(clip: Path, a: int, b: int, c: int, d: int) -> None:
    """Let an MP4 be displayed with x′ = a·x + c·y and y′ = b·x + d·y."""
    content = bytearray(clip.read_bytes())
    header = boxes(content, b"moov", b"trak", b"tkhd")[-1]
    for place, value in ((0, a), (1, b), (3, c), (4, d)):
        struct.pack_into(">i", content, header + 48 + 4 * place, value << 16)
    clip.write_bytes(content)


def set_edits(clip: Path, edits: Sequence[tuple[int, int]]) -> None:
    """Give an MP4, whose headers come last, another edit list: for each edit how long it is and where it begins, ms."""
    content = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        tick = container.streams.video[0].time_base
    assert tick is not None
    *around, place = boxes(content, b"moov", b"trak", b"edts", b"elst")
    movie = struct.unpack_from(">I", content, boxes(content, b"moov", b"mvhd")[-1] + 20)[0]
    entries = [(length * movie // 1000, int(Fraction(start, 1000) / tick), 1, 0) for length, start in edits]
    old = struct.unpack_from(">I", content, place)[0]
    new = struct.pack(">I4sII", 16 + 12 * len(entries), b"elst", 0, len(entries))
    new += b"".join(struct.pack(">Iihh", *entry) for entry in entries)
    content[place : place + old] = new
    for box in around:
        struct.pack_into(">I", content, box, struct.unpack_from(">I", content, box)[0] + len(new) - old)
    clip.write_bytes(content)


def boxes(content: bytes | bytearray, *path: bytes) -> list[int]:
    """Where the boxes of an MP4 begin, each of which is the first of its name in the one before."""
    found = []
    begin, end = 0, len(content)
    for name in path:
        while (box := struct.unpack_from(">I4s", content, begin))[1] != name:
            begin += box[0]
            assert begin < end, name
        found.append(begin)
        begin, end = begin + 8, begin + box[0]
    return found
