"""Broken and lying files, made by code, and how each must end."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from support.clips import MPEG2, X264, Encoding, frames_at, write_clip, write_pictures
from support.surgery import (
    CLUSTER,
    STBL,
    box,
    elements,
    flat_jpeg,
    with_avi_header,
    with_duration,
    with_fields,
    with_h264_size,
    with_times,
    without_box,
)

INTERVAL = 0.4
"""Seconds between two samples, where a row says nothing else."""
FRAMES = 100
"""Of every clip, 25 a second: ten samples."""
WEEK = 7 * 24
"""Hours."""
MOST = 2**32 - 1

MPEG4 = Encoding("mpeg4", b_frames=0, tick=MPEG2.tick)
VP8 = Encoding("libvpx", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"})
VP9 = Encoding("libvpx-vp9", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"})
IN_FRONT = {"movflags": "faststart"}
FRONT = Encoding(codec_options=X264.codec_options, container_options=IN_FRONT)
HEVC = Encoding(
    "libx265",
    codec_options={"preset": "ultrafast", "x265-params": "log-level=none"},
    container_options=IN_FRONT,
)
FRAGMENTS = Encoding(
    b_frames=0,
    codec_options=X264.codec_options,
    container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
)
BASELINE = Encoding(b_frames=0, codec_options={"preset": "ultrafast", "profile": "baseline"})
CLIPS: dict[str, tuple[str, Encoding]] = {
    "index in front": ("clip.mp4", FRONT),
    "index at the end": ("clip.mp4", X264),
    "fragments": ("clip.mp4", FRAGMENTS),
    "HEVC": ("clip.mp4", HEVC),
    "Matroska": ("clip.mkv", X264),
    "VP8": ("clip.webm", VP8),
    "VP9": ("clip.webm", VP9),
    "AVI": ("clip.avi", MPEG4),
    "Flash": ("clip.flv", X264),
    "transport stream": ("clip.ts", MPEG2),
    "program stream": ("clip.mpg", MPEG2),
    "raw H.264": ("clip.h264", BASELINE),
}
Clip = Callable[[str], bytes]
"""Gives the content of an undamaged clip."""


@dataclass(frozen=True)
class Row:
    """A broken file and its end. `told`: what the report's detail must say."""

    suffix: str
    make: Callable[[Clip, Path], bytes]
    state: str
    samples: str = ""
    cause: str | None = None
    told: str = ""
    interval: float | None = None


def rejected(suffix: str, make: Callable[[Clip, Path], bytes], cause: str, told: str = "") -> Row:
    return Row(suffix, make, "rejected", cause=cause, told=told)


def done(suffix: str, make: Callable[[Clip, Path], bytes], samples: str, interval: float | None = None) -> Row:
    return Row(suffix, make, "done", samples, interval=interval)


def partial(suffix: str, make: Callable[[Clip, Path], bytes], samples: str, interval: float | None = None) -> Row:
    return Row(suffix, make, "partial", samples, "undecodable", "samples could not be decoded", interval)


def mp4(*edits: tuple[str, int, str, Sequence[int]], edited: bool = True) -> Callable[[Clip, Path], bytes]:
    """The MP4 with other numbers in its index. `edited`: with its list of edits, which limits what is shown."""

    def make(clip: Clip, _folder: Path) -> bytes:
        content = clip("index in front")
        return with_fields(content if edited else without_box(content, "moov/trak/edts"), *edits)

    return make


def declared(number: int) -> Callable[[Clip, Path], bytes]:
    """The MP4 with another duration wherever it declares one."""
    places = ("moov/mvhd", 16), ("moov/trak/tkhd", 20), ("moov/trak/mdia/mdhd", 16)
    return mp4(*((path, offset, "I", [number]) for path, offset in places), edited=False)


def counted(number: int, per_chunk: int = 100) -> Callable[[Clip, Path], bytes]:
    """The MP4 with so many samples, of one byte each."""
    return mp4(
        (f"{STBL}/stsz", 4, "II", [1, number]),
        (f"{STBL}/stts", 8, "I", [number]),
        (f"{STBL}/stsc", 12, "I", [per_chunk]),
    )


def matroska(milliseconds: float) -> Callable[[Clip, Path], bytes]:
    """The Matroska file with another duration."""
    return lambda clip, _folder: with_duration(clip("Matroska"), milliseconds)


def timed(change: Callable[[int, int], int]) -> Callable[[Clip, Path], bytes]:
    """The Matroska file with other times of its packets: `change` of their number and their time in its cluster."""

    def make(clip: Clip, _folder: Path) -> bytes:
        content = clip("Matroska")
        times = [struct.unpack_from(">h", content, begin + 1)[0] for _, begin, _ in elements(content, 0xA3)]
        return with_times(content, [change(number, time) for number, time in enumerate(times)])

    return make


def avi(*edits: tuple[str, int, Sequence[int]]) -> Callable[[Clip, Path], bytes]:
    """The AVI with other numbers in its header."""

    def make(clip: Clip, _folder: Path) -> bytes:
        content = clip("AVI")
        for chunk, offset, numbers in edits:
            content = with_avi_header(content, chunk, offset, *numbers)
        return content

    return make


def avi_of(frames: int) -> Callable[[Clip, Path], bytes]:
    """The AVI with another number of frames wherever it declares one."""
    return avi(("avih", 16, [frames]), ("strh", 32, [frames]))


def pictures(*sizes: tuple[int, int]) -> Callable[[Clip, Path], bytes]:
    """Grey pictures of these sizes, one a second."""

    def make(_clip: Clip, folder: Path) -> bytes:
        return write_pictures(folder / "pictures.mkv", [flat_jpeg(*size) for size in sizes]).read_bytes()

    return make


def sized(width: int, height: int) -> Callable[[Clip, Path], bytes]:
    """A raw H.264 stream with another size in its parameters, multiples of 16; there is data for the first rows."""
    return lambda clip, _folder: with_h264_size(clip("raw H.264"), width, height)


def frames_of(name: str, times: Sequence[int], encoding: Encoding = X264) -> Callable[[Clip, Path], bytes]:
    return lambda _clip, folder: write_clip(folder / name, times, encoding).read_bytes()


def black(name: str, gap: int) -> Callable[[Clip, Path], bytes]:
    """24 h of black, a frame every `gap` seconds."""

    def make(_clip: Clip, folder: Path) -> bytes:
        times = [1000 * second for second in range(0, 24 * 3600, gap)]
        picture = np.zeros((64, 64, 3), np.uint8)
        encoding = Encoding(gop=6, codec_options={"preset": "ultrafast"})
        return write_clip(folder / name, times, encoding, [picture] * len(times)).read_bytes()

    return make


def before(kind: str, sign: Callable[[bytes], int]) -> Callable[[Clip, Path], bytes]:
    """The clip up to a place."""
    return lambda clip, _folder: clip(kind)[: sign(clip(kind))]


AT_ONCE = Encoding(b_frames=0, codec_options=X264.codec_options)
ALL = "A" * 10

TABLE: dict[str, Row] = {
    # Nothing, or something else.
    "no bytes": rejected("mp4", lambda _clip, _folder: b"", "empty-file"),
    "noise": rejected("mkv", lambda _clip, _folder: Random(1).randbytes(5000), "not-a-video"),
    "no index": rejected("mp4", before("index at the end", lambda content: box(content, "moov")[0] - 8), "not-a-video"),
    # How many frames.
    "no frames after the index": rejected(
        "mp4", before("index in front", lambda content: box(content, "mdat")[0]), "undecodable"
    ),
    "no frames in the index": rejected("mp4", mp4((f"{STBL}/stsz", 8, "I", [0])), "undecodable"),
    "no frames after the header of a Matroska file": rejected(
        "mkv", before("Matroska", lambda content: next(elements(content, CLUSTER))[0]), "not-a-video"
    ),
    "no frames after the header of an AVI": rejected(
        "avi", before("AVI", lambda content: content.index(b"movi") + 4), "undecodable"
    ),
    "one frame": done("mp4", frames_of("one.mp4", [0]), "A"),
    "one frame in Matroska": done("mkv", frames_of("one.mkv", [0]), "A"),
    "10⁹ frames of one byte": rejected("mp4", counted(10**9), "undecodable"),
    "10⁹ frames of one byte in one piece": rejected("mp4", counted(10**9, 10**9), "undecodable"),
    "30 million frames of one byte in one piece": rejected("mp4", counted(3 * 10**7, 3 * 10**7), "undecodable"),
    "10⁹ sizes of frames": rejected("mp4", mp4((f"{STBL}/stsz", 8, "I", [10**9])), "not-a-video"),
    "10⁹ times of frames": done("mp4", mp4((f"{STBL}/stts", 8, "I", [10**9])), ALL),
    "10⁹ frames in the duration of a Matroska file": done("mkv", matroska(1e12 / 25), ALL),
    "10⁹ frames in the header of an AVI": done("avi", avi_of(10**9), ALL),
    # How long. FFmpeg takes the length of an MP4 from its table of times, which here ends with the last B-frames.
    "MP4, ten times as long": done("mp4", declared(640_000), ALL + "A"),
    "MP4, longest": done("mp4", declared(MOST), ALL + "A"),
    "MP4, of no length": done("mp4", declared(0), ALL + "A"),
    # The key frame at 3.84 s lies within the tolerance of 4.0 s.
    "Matroska, ten times as long": partial("mkv", matroska(40_000.0), "A" * 11 + "U" * 89),
    "Matroska, a quarter as long": done("mkv", matroska(1000.0), ALL),
    "Matroska, less than nothing long": done("mkv", matroska(-4000.0), ALL),
    "Matroska, long as no number": done("mkv", matroska(float("nan")), ALL),
    "Matroska, endless": done("mkv", matroska(float("inf")), ALL),
    "AVI, ten times as long": partial("avi", avi_of(1000), "A" * 11 + "U" * 89),
    "AVI, a fifth as long": done("avi", avi_of(20), ALL),
    "AVI, of no length": done("avi", avi_of(0), ALL),
    # Years: the plan ends after a week.
    "MP4, 68 years a frame": done(
        "mp4",
        mp4((f"{STBL}/stts", 12, "I", [2**31 - 1]), ("moov/trak/mdia/mdhd", 12, "I", [1]), edited=False),
        "A" + "C" * (WEEK - 1),
        interval=3600,
    ),
    "AVI, ten hours a frame": done("avi", avi(("strh", 20, [36_000, 1])), "A" * 16, interval=36_000),
    "Matroska, a second half after 31 years": partial(
        "mkv", frames_of("far.mkv", [0, 40, 10**12, 10**12 + 40], AT_ONCE), "A" + "U" * (WEEK - 1), interval=3600
    ),
    "24 h of black": done("mp4", black("black.mp4", 10), "F" * 1440, interval=60),
    "24 h of black in Matroska": done("mkv", black("black.mkv", 25), "F" * 1440, interval=60),
    # When.
    "times of an AVI that are no numbers": done("avi", avi(("strh", 20, [0, 0])), ALL),
    "all frames of an MP4 at once": partial(
        "mp4", mp4((f"{STBL}/stts", 12, "I", [0]), edited=False), "A" + "U" * 10
    ),
    "times that are negative": partial("mkv", timed(lambda _number, time: time - 2000), "A" * 6 + "U" * 4),
    "times that repeat": done("mkv", timed(lambda _number, time: time // 80 * 80), ALL),
    "times that begin again": done("mkv", timed(lambda _number, time: time % 200), ALL),
    # Clusters come in order, the frames inside them do not: what goes back is dropped, and lost where it would be due.
    "times that run backwards": partial("mkv", timed(lambda _number, time: 4000 - time), "ACCCCCCCCCAAAUAAAAAU"),
    "a recording twice in a transport stream": done("ts", lambda clip, _folder: clip("transport stream") * 2, ALL * 2),
    "a transport stream behind one that began a day later": done(
        "ts",
        lambda clip, folder: frames_of("day.ts", frames_at(FRAMES, start=24 * 3_600_000), MPEG2)(clip, folder)
        + clip("transport stream"),
        ALL * 2,
    ),
    "offsets behind the end": rejected("mp4", mp4((f"{STBL}/stco", 8, "I", [MOST])), "undecodable"),
    # What size.
    "1×1 pixels": done("mkv", pictures(*[(1, 1)] * 4), "FFFF", interval=1),
    "65,536×16 pixels": done("h264", sized(65_536, 16), "F" * 10),
    "8192×4352 pixels, the largest": done("mkv", pictures((8192, 4352), (8192, 4352)), "FF", interval=1),
    "8193×4352 pixels": rejected("mkv", pictures((8193, 4352), (8193, 4352)), "undecodable"),
    "16384×16384 pixels": rejected("mkv", pictures((16384, 16384), (16384, 16384)), "undecodable"),
    "8208×4352 pixels of H.264": rejected("h264", sized(8208, 4352), "undecodable", "8208 × 4352 pixels are larger"),
    "16384×16384 pixels of H.264": rejected("h264", sized(16384, 16384), "undecodable"),
    "16384×16384 pixels, says the index": done("mp4", mp4((f"{STBL}/stsd/avc1", 24, "HH", [16384, 16384])), ALL),
    "16384×16384 pixels, says the header of an AVI": done("avi", avi(("strf", 4, [16384, 16384])), ALL),
    "no pixels, says the header of an AVI": done("avi", avi(("strf", 4, [0, 0])), ALL),
    "a size that changes beyond what can be shown": partial(
        "mkv", pictures((8192, 64), (1, 1), (8192, 64)), "FUF", interval=1
    ),
    "one picture that is too large": done("mkv", pictures((64, 48), (16384, 16384), (64, 48)), "FFF", interval=1),
    "turned to nowhere": done("mp4", mp4(("moov/trak/tkhd", 40, "9I", [0] * 9)), ALL),
}  # fmt: skip
