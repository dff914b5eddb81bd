"""Broken and lying files, made by code: each ends in its named state, and what can be seen of it is kept and reported.

Every file goes the whole way: intake with the real prober, plan, scan, finish, report; one decoder in its cage serves
them all. `samples` has a letter for each planned sample: A analysed, C carried, F flat, U undecodable.
"""

import re
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from support.clips import MPEG2, X264, Encoding, frames_at, write_clip, write_pictures
from support.night import End, Night, night
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

from config.settings import DecodeSettings, FaceSettings, SamplingSettings, Settings, WorkSettings
from db.schema import SampleOutcome
from worker.cage.keeper import Keeper

INTERVAL = 0.4
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


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The content of an undamaged clip, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def content(kind: str) -> bytes:
        name, encoding = CLIPS[kind]
        return write_clip(folder / name, frames_at(FRAMES), encoding).read_bytes()

    return content


def settings_in(home: Path) -> Settings:
    return Settings(
        home=home,
        sampling=SamplingSettings(interval=INTERVAL),
        faces=FaceSettings(detector="hog"),
        work=WorkSettings(retry_delay=0),
    )


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with night(settings_in(tmp_path_factory.mktemp("night"))) as opened:
        yield opened


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
    # Clusters come in order, the frames inside them do not: what goes back is dropped, and the frame before it held.
    "times that run backwards": done("mkv", timed(lambda _number, time: 4000 - time), "ACCCCCCCCCAAACAAAAAC"),
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


def assert_accounted(end: End) -> None:
    """Every planned sample is in the ledger, once."""
    assert end.planned == sum(end.account.values()) == len(end.samples)
    assert {letter: end.samples.count(letter) for letter in end.account} == end.account


@pytest.mark.parametrize("name", TABLE)
def test_what_is_broken_ends_in_its_state(name: str, one_night: Night, clip: Clip, tmp_path: Path) -> None:
    row = TABLE[name]
    path = tmp_path / f"upload.{row.suffix}"
    path.write_bytes(row.make(clip, tmp_path))
    end = one_night.end_of(path, row.interval)
    assert (end.state, end.cause, end.samples) == (row.state, row.cause, row.samples)
    assert row.told in end.detail
    assert not end.tries, "nothing of this is a fault, or needs a second try"
    assert_accounted(end)


# Whether a file declares how long it was before it was cut off.
TRUNCATED = {
    "index in front": True,
    "index at the end": None,
    "fragments": False,
    "HEVC": True,
    "Matroska": True,
    "VP8": True,
    "VP9": True,
    "AVI": True,
    "Flash": True,
    "transport stream": False,
    "program stream": False,
    "raw H.264": False,
}


@pytest.mark.parametrize("kind", TRUNCATED)
def test_of_what_is_truncated_the_rest_is_seen(kind: str, one_night: Night, clip: Clip, tmp_path: Path) -> None:
    content, knows_its_length = clip(kind), TRUNCATED[kind]
    path = tmp_path / CLIPS[kind][0]
    path.write_bytes(content)
    whole = one_night.end_of(path)
    assert (whole.state, set(whole.samples)) == ("done", {"A"})
    for tenth in range(1, 10):
        path.write_bytes(content[: len(content) * tenth // 10])
        end = one_night.end_of(path)
        assert_accounted(end)
        if knows_its_length is None:
            assert (end.state, end.cause) == ("rejected", "not-a-video")
            continue
        assert re.fullmatch("A+U*", end.samples), (tenth, end.samples)
        seen, missing = end.samples.count("A"), end.samples.count("U")
        # Frames are not all of one size, and a key frame is two or three of the others.
        assert abs(seen - tenth) <= 1, (tenth, end.samples)
        assert (end.state, end.cause) == (("partial", "undecodable") if missing else ("done", None))
        if knows_its_length:
            assert len(end.samples) == len(whole.samples)
            last = end.report.coverage.stretches[-1]
            assert last.outcome is (SampleOutcome.UNDECODABLE if missing else SampleOutcome.ANALYSED)
            assert not missing or last.start == seen * Fraction(2, 5)


@pytest.mark.parametrize("kind", ["index in front", "Matroska", "VP8", "VP9", "AVI", "transport stream", "HEVC"])
def test_of_flipped_bytes_the_rest_is_seen(kind: str, one_night: Night, clip: Clip, tmp_path: Path) -> None:
    """One byte in 5,000 of the pictures."""
    content = bytearray(clip(kind))
    begin = 20_000
    for place in Random(kind).sample(range(begin, len(content) - 5000), len(content) // 5000):
        content[place] ^= 0xFF
    path = tmp_path / CLIPS[kind][0]
    path.write_bytes(content)
    end = one_night.end_of(path)
    assert_accounted(end)
    assert end.state in {"done", "partial"}
    assert end.cause in {None, "undecodable"}
    assert end.samples.count("A") >= 7
    assert not end.tries


def test_of_a_hole_the_pictures_around_it_are_seen(one_night: Night, clip: Clip, tmp_path: Path) -> None:
    content = clip("index in front")
    begin, end = box(content, "mdat")
    first, last = begin + (end - begin) * 3 // 10, begin + (end - begin) * 6 // 10
    path = tmp_path / "hole.mp4"
    path.write_bytes(content[:first] + bytes(last - first) + content[last:])
    found = one_night.end_of(path)
    assert (found.state, found.cause) == ("partial", "undecodable")
    assert re.fullmatch("A{3,4}U{2,3}A{3,5}", found.samples)
    assert_accounted(found)


def test_the_decoder_outlives_all_that_and_takes_little_memory(one_night: Night, clip: Clip, tmp_path: Path) -> None:
    def process_and_peak() -> tuple[int, int]:
        inmate = one_night.process.decoder._inmate
        assert inmate is not None
        pid = inmate._process.pid
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
        assert peak is not None
        return pid, int(peak[1]) // 1024

    if sys.platform != "linux":
        pytest.skip("only Linux tells how much memory a process took")
    good = tmp_path / "good.mp4"
    good.write_bytes(clip("index in front"))
    # Begins anew, whatever was done before.
    one_night.process.decoder.close()
    one_night.process.decoder.probe(good)
    pid, before = process_and_peak()
    large = ("16384×16384 pixels", "16384×16384 pixels of H.264", "10⁹ frames of one byte in one piece")
    for number, name in enumerate(large):
        path = tmp_path / f"{number}.{TABLE[name].suffix}"
        # Other content than in the table: the same would be known already.
        path.write_bytes(TABLE[name].make(clip, tmp_path) + b"again")
        assert one_night.end_of(path).state == "rejected"
    told, peak = process_and_peak()
    assert told == pid
    # One picture of that size takes 256 MiB at least.
    assert peak - before < 128


STRICT = DecodeSettings(memory=256, silence=2, longest=2)


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        ("crash", "decoder-crashed"),
        ("leave", "decoder-crashed"),
        ("toil", "decoder-hung"),
        ("gorge", "decoder-memory"),
    ],
)
def test_what_breaks_the_decoder_ends_after_its_tries_and_the_next_file_is_done(
    way: str, cause: str, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    poison, good = tmp_path / "poison.mp4", tmp_path / "good.mkv"
    poison.write_bytes(clip("index in front"))
    good.write_bytes(clip("Matroska"))
    with night(settings_in(tmp_path / "home")) as own:
        with Keeper(STRICT) as harmless:
            own.process.decoder = harmless
            video = own.submit(poison)
        own.process.decoder = Keeper(STRICT, [sys.executable, "-m", "support.hostile", way])
        end = own.work(video)
        assert (end.state, end.cause, end.samples) == ("failed", cause, "U" * 10)
        assert end.tries == [cause] * own.process.settings.work.attempts
        assert_accounted(end)
        after = own.end_of(good)
        assert (after.state, after.samples) == ("done", ALL)
        # At intake such a file is tried twice, and refused.
        poison.write_bytes(clip("index in front") + b"again")
        end = own.end_of(poison)
        assert (end.state, end.cause) == ("rejected", cause)
