"""Frames with their exact times, from any instant on, past damage."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from support.clips import HEIGHT, MPEG2, WIDTH, X264, Encoding, frames_at, number_of, numbered, remux, write_clip

from config.errors import FileMissing
from db.facts import VideoFacts
from worker.video import DecodedFrame, VideoReader, probe, to_rgb

COUNT = 60
OPEN_GOPS = {"preset": "veryfast", "x264-params": "open-gop=1:keyint=12:min-keyint=12:bframes=3:b-adapt=0:scenecut=0"}
OPEN_GOPS_265 = {"preset": "ultrafast", "x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none:pools=none"}

# Name, encoding, milliseconds by which the container delays the first frame.
CLIPS: dict[str, tuple[str, Encoding, int]] = {
    "H.264 with B-frames in MP4": ("clip.mp4", X264, 0),
    "open GOP H.264 in Matroska": ("clip.mkv", Encoding(b_frames=3, codec_options=OPEN_GOPS), 0),
    "open GOP HEVC in Matroska": ("clip.mkv", Encoding("libx265", b_frames=3, codec_options=OPEN_GOPS_265), 0),
    "eight-second GOP": ("clip.mp4", Encoding(gop=200, codec_options={"preset": "veryfast"}), 0),
    "transport stream": ("clip.ts", X264, 0),
    "open GOP MPEG-2 in a transport stream": ("clip.ts", MPEG2, 0),
    "open GOP MPEG-1 in a program stream": ("clip.mpg", Encoding("mpeg1video", tick=MPEG2.tick), 0),
    "VP8": ("clip.webm", Encoding("libvpx", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"}), 0),
    "VP9": (
        "clip.webm",
        Encoding("libvpx-vp9", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"}),
        0,
    ),
    "MPEG-4 in AVI": ("clip.avi", Encoding("mpeg4", b_frames=0, tick=MPEG2.tick), 0),
    "intra frames only": ("clip.avi", Encoding("mjpeg", b_frames=0, tick=MPEG2.tick, pixels="yuvj420p"), 0),
    "Flash video": ("clip.flv", X264, 80),
    "raw H.264": ("clip.h264", X264, 0),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    paths = {}
    for number, (kind, (name, encoding, _)) in enumerate(CLIPS.items()):
        (folder / str(number)).mkdir()
        paths[kind] = write_clip(folder / str(number) / name, frames_at(COUNT), encoding)
    return paths


def read_all(reader: VideoReader) -> list[DecodedFrame]:
    frames = []
    while (frame := reader.read()) is not None:
        frames.append(frame)
    return frames


def numbers(frames: list[DecodedFrame], facts: VideoFacts) -> list[int]:
    return [number_of(to_rgb(frame.picture, facts)) for frame in frames]


@pytest.mark.parametrize("kind", CLIPS)
def test_every_frame_comes_once_in_order_with_its_exact_time(kind: str, clips: dict[str, Path]) -> None:
    facts = probe(clips[kind])
    with VideoReader(clips[kind], facts) as reader:
        frames = read_all(reader)
        assert numbers(frames, facts) == list(range(COUNT))
        times = [frame.pts * facts.time_base * 1000 for frame in frames]
        assert times == [40 * number + CLIPS[kind][2] for number in range(COUNT)]
        assert not any(frame.after_loss for frame in frames)
        assert (reader.errors, reader.tail_lost) == (0, False)
        assert reader.read() is None


@pytest.mark.parametrize("far", [0.0, 30.0])
@pytest.mark.parametrize("kind", CLIPS)
def test_skipping_changes_nothing_of_what_is_shown_later(kind: str, far: float, clips: dict[str, Path]) -> None:
    facts = probe(clips[kind])
    delay = CLIPS[kind][2]
    for wanted in (0, 5, 11, 12, 13, 25, 47, 59, 80):
        with VideoReader(clips[kind], facts, far) as reader:
            reader.advance(int((40 * wanted + 1 + delay) / facts.time_base / 1000))
            seen = numbers(read_all(reader), facts)
        assert seen == list(range(seen[0], COUNT))
        assert seen[0] <= wanted


@pytest.mark.parametrize("far", [0.0, 30.0])
@pytest.mark.parametrize("kind", CLIPS)
def test_skipping_in_the_middle_of_reading(kind: str, far: float, clips: dict[str, Path]) -> None:
    facts = probe(clips[kind])
    with VideoReader(clips[kind], facts, far) as reader:
        for wanted in (3, 4, 20, 41, 42):
            reader.advance(int((40 * wanted + 1 + CLIPS[kind][2]) / facts.time_base / 1000))
            seen: list[int] = []
            while not seen or seen[-1] < wanted:
                frame = reader.read()
                assert frame is not None
                seen += numbers([frame], facts)
            assert seen[-1] == wanted


def test_less_is_decoded_where_key_frames_allow_it(clips: dict[str, Path]) -> None:
    clip = clips["H.264 with B-frames in MP4"]
    facts = probe(clip)
    for far in (0.0, 30.0):
        with VideoReader(clip, facts, far) as reader:
            reader.advance(int(2 / facts.time_base))
            # Key frames are 12 apart, so frame 50 is reached from frame 48.
            assert numbers(read_all(reader), facts)[0] == 48


def call_it_a_key_frame(packet: "Packet[VideoStream]") -> "Packet[VideoStream]":
    packet.is_keyframe = True
    return packet


@pytest.mark.parametrize("far", [0.0, 30.0])
def test_flags_that_call_every_packet_a_key_frame_are_not_believed(
    far: float, clips: dict[str, Path], tmp_path: Path
) -> None:
    clip = remux(clips["H.264 with B-frames in MP4"], tmp_path / "lies.mkv", call_it_a_key_frame)
    facts = probe(clip)
    for wanted in (5, 20, 50):
        with VideoReader(clip, facts, far) as reader:
            reader.advance(40 * wanted)
            seen = numbers(read_all(reader), facts)
            assert seen == list(range(seen[0], COUNT))
            assert seen[0] <= wanted


def far_ahead(numbers: set[int]) -> Callable[["Packet[VideoStream]"], "Packet[VideoStream]"]:
    """Packets, in the order of the file, that get a time an hour later."""
    counter = iter(range(10**6))

    def change(packet: "Packet[VideoStream]") -> "Packet[VideoStream]":
        if next(counter) in numbers and packet.pts is not None:
            packet.pts += 3600 * 1000
        return packet

    return change


@pytest.mark.parametrize("far", [0.0, 30.0])
def test_a_single_wrong_time_costs_one_frame_and_not_the_rest(far: float, tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mkv", frames_at(COUNT), Encoding(b_frames=0))
    clip = remux(plain, tmp_path / "wrong.mkv", far_ahead({20, 43}))
    facts = probe(clip)
    rest = [number for number in range(COUNT) if number not in (20, 43)]
    with VideoReader(clip, facts, far) as reader:
        assert numbers(read_all(reader), facts) == rest
        assert reader.end_of_sent == 40 * COUNT
    with VideoReader(clip, facts, far) as reader:
        reader.advance(40 * 30)
        assert numbers(read_all(reader), facts)[-29:] == [*range(30, 43), *range(44, COUNT)]
    with VideoReader(clip, facts, far) as reader:
        assert reader.last_packet_end(None) == 40 * COUNT


def test_frames_far_apart_are_all_there(tmp_path: Path) -> None:
    times = [0, 20_000, 40_000, 40_040, 90_000]
    for suffix in ("mp4", "mkv"):
        clip = write_clip(tmp_path / f"clip.{suffix}", times)
        facts = probe(clip)
        with VideoReader(clip, facts) as reader:
            assert [frame.pts * facts.time_base * 1000 for frame in read_all(reader)] == times


def spoil(clip: Path, spoilt: Path, first: int, last: int) -> Path:
    """The clip with the packets from `first` to `last`, in the order of the file, overwritten."""
    content = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        for number, packet in enumerate(container.demux(container.streams.video[0])):
            if first <= number <= last and packet.pos is not None:
                # The length of the unit stays, so that only this packet is damaged and not the file.
                content[packet.pos + 4 : packet.pos + packet.size] = b"\xff" * (packet.size - 4)
    spoilt.write_bytes(content)
    return spoilt


@pytest.mark.parametrize(("first", "last"), [(24, 24), (23, 25), (13, 35), (40, 59)])
def test_damaged_packets_are_skipped_counted_and_known_as_a_loss(
    first: int, last: int, clips: dict[str, Path], tmp_path: Path
) -> None:
    clip = spoil(clips["H.264 with B-frames in MP4"], tmp_path / "spoilt.mp4", first, last)
    facts = probe(clip)
    with VideoReader(clip, facts) as reader:
        frames = read_all(reader)
        assert reader.errors > 0
        lost_at_the_end = frames[-1].pts * facts.time_base < Fraction(40 * (COUNT - 1), 1000)
        assert reader.tail_lost == lost_at_the_end == (last == COUNT - 1)
        gaps = [
            after.after_loss
            for before, after in pairwise(frames)
            if (after.pts - before.pts) * facts.time_base > Fraction(40, 1000)
        ]
        assert all(gaps)
        assert gaps or lost_at_the_end
        whole = [frame.pts for frame in frames]
    for far in (0.0, 30.0):
        for wanted in range(0, COUNT, 7):
            tick = int(Fraction(40 * wanted + 1, 1000) / facts.time_base)
            with VideoReader(clip, facts, far) as reader:
                reader.advance(tick)
                times = [frame.pts for frame in read_all(reader)]
            assert times == whole[len(whole) - len(times) :]
            assert times[0] <= tick


def test_a_transport_stream_with_a_piece_cut_out_says_where(clips: dict[str, Path], tmp_path: Path) -> None:
    content = clips["transport stream"].read_bytes()
    third = len(content) // 188 // 3 * 188
    cut = tmp_path / "cut.ts"
    # Not a multiple of sixteen packets: their counter has four bits.
    cut.write_bytes(content[:third] + content[third + 161 * 188 :])
    facts = probe(cut)
    with VideoReader(cut, facts) as reader:
        frames = read_all(reader)
        gaps = [
            after.after_loss
            for before, after in pairwise(frames)
            if (after.pts - before.pts) * facts.time_base > Fraction(2, 25)
        ]
        assert gaps == [True]


def test_pictures_whose_size_changes_midway_come_out_at_the_first_size(tmp_path: Path) -> None:
    large = write_clip(tmp_path / "large.h264", frames_at(10))
    small_images = [cv2.resize(numbered(100 + number), (96, 64)).astype(np.uint8) for number in range(10)]
    small = write_clip(tmp_path / "small.h264", frames_at(10), X264, small_images)
    both = tmp_path / "both.h264"
    both.write_bytes(large.read_bytes() + small.read_bytes())
    facts = probe(both)
    with VideoReader(both, facts) as reader:
        frames = read_all(reader)
        assert {(frame.picture.width, frame.picture.height) for frame in frames} == {(WIDTH, HEIGHT), (96, 64)}
        assert {to_rgb(frame.picture, facts).shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
        assert numbers(frames, facts) == [*range(10), *range(100, 110)]


def test_the_last_packet_tells_the_end(clips: dict[str, Path]) -> None:
    for kind, clip in clips.items():
        facts = probe(clip)
        for near in (None, 0, int(2 / facts.time_base)):
            with VideoReader(clip, facts) as reader:
                end = reader.last_packet_end(near, near=near is not None)
            assert end is not None
            # Containers round; none by a whole frame.
            late = abs(end * facts.time_base * 1000 - 40 * COUNT - CLIPS[kind][2])
            assert late < 40, (kind, near)


def test_a_file_that_went_away_is_a_temporary_error(tmp_path: Path, clips: dict[str, Path]) -> None:
    facts = probe(clips["VP8"])
    with pytest.raises(FileMissing), VideoReader(tmp_path / "gone.webm", facts):
        pass
