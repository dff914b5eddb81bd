"""Transport streams whose clock begins again, and those that were joined: one time, and every frame once."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from support.clips import MPEG2, X264, Encoding, frames_at, number_of, numbered, write_clip

from db.facts import VideoFacts
from worker.cage import wire
from worker.sampling import sample_frames
from worker.video import DecodedFrame, VideoReader, probe, to_rgb

HOUR = 3_600_000
TURN = (1 << 33) // 90  # milliseconds after which a clock of MPEG begins again
COUNT = 100
AT_ONCE = Encoding(b_frames=0, codec_options=X264.codec_options)

Part = tuple[int, int, Encoding]  # first frame's time in milliseconds, frames, encoding

JOINED: dict[str, list[Part]] = {
    "the same clock again": [(100_000, 60, X264), (100_000, 40, X264)],
    "a second back": [(100_000, 60, X264), (101_400, 40, X264)],
    "minutes back": [(10 * HOUR, 60, X264), (10 * HOUR - 200_000, 40, X264)],
    "hours back, MPEG-2": [(10 * HOUR, 60, MPEG2), (1000, 40, MPEG2)],
    "hours ahead": [(1000, 60, X264), (20 * HOUR, 40, X264)],
    "there and back": [(1000, 40, X264), (20 * HOUR, 20, X264), (3000, 40, X264)],
    "shorter than the part before": [(5000, 80, X264), (5000, 20, X264)],
    "longer than the part before": [(5000, 20, X264), (5000, 80, X264)],
    "many": [(5000, 20, X264)] * 5,
    "across the end of a clock": [(TURN - 1000, 60, X264), (TURN - 500, 40, X264)],
    "pictures that wait, and then none": [(5000, 60, X264), (5000, 40, AT_ONCE)],
    "another codec's parameters": [
        (5000, 60, X264),
        (5000, 40, Encoding(pixels="yuv422p", codec_options=X264.codec_options)),
    ],
}
ONE_CLOCK: dict[str, Part] = {
    "turns at once": (TURN - 1000, COUNT, X264),
    "turns at once, MPEG-2": (TURN - 1000, COUNT, MPEG2),
    "turns in the last second": (TURN - 3500, COUNT, X264),
    "runs on": (100_000, COUNT, X264),
}


def write(path: Path, parts: Sequence[Part], torn: int = 0) -> Path:
    """Parts of a recording, numbered through, one behind the other; of all but the last, `torn` bytes are missing."""
    contents, first = [], 0
    for start, count, encoding in parts:
        images = [numbered(first + number) for number in range(count)]
        contents.append(write_clip(path, frames_at(count, start=start), encoding, images).read_bytes())
        first += count
    path.write_bytes(b"".join(content[: len(content) - torn] for content in contents[:-1]) + contents[-1])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("joined")
    kinds = JOINED | {kind: [part] for kind, part in ONE_CLOCK.items()}
    return {kind: write(folder / f"{number}.ts", parts) for number, (kind, parts) in enumerate(kinds.items())}


@pytest.fixture(autouse=True)
def close_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are searched as finely as large ones."""
    monkeypatch.setattr("worker.video.clock._NEAR", 2000)


def read_all(reader: VideoReader) -> list[DecodedFrame]:
    frames = []
    while (frame := reader.read()) is not None:
        frames.append(frame)
    return frames


def told(frames: Sequence[DecodedFrame], facts: VideoFacts) -> list[tuple[int, int]]:
    """Each frame's number and its time in milliseconds."""
    return [(number_of(to_rgb(frame.picture, facts)), round(frame.pts * facts.time_base * 1000)) for frame in frames]


WHOLE = [(number, 40 * number) for number in range(COUNT)]


@pytest.mark.parametrize("kind", [*JOINED, *ONE_CLOCK])
def test_every_frame_comes_once_and_time_goes_on(kind: str, files: dict[str, Path]) -> None:
    facts = probe(files[kind])
    assert facts.duration == 4
    assert len(facts.pieces) == (len(JOINED[kind]) if kind in JOINED else 0)
    with VideoReader(files[kind], facts) as reader:
        assert told(read_all(reader), facts) == WHOLE


@pytest.mark.parametrize("far", [0.0, 30.0])
@pytest.mark.parametrize("kind", [*JOINED, *ONE_CLOCK])
def test_skipping_changes_nothing_of_what_is_shown_later(kind: str, far: float, files: dict[str, Path]) -> None:
    facts = probe(files[kind])
    for wanted in (3, 25, 45, 59, 60, 61, 75, 80, 99):
        with VideoReader(files[kind], facts, far) as reader:
            reader.advance(int((40 * wanted + 1) / facts.time_base / 1000))
            seen = told(read_all(reader), facts)
        assert seen == WHOLE[seen[0][0] :]
        assert wanted - 24 < seen[0][0] <= wanted


@pytest.mark.parametrize("tolerance_ms", [0, 150])
@pytest.mark.parametrize("kind", [*JOINED, *ONE_CLOCK])
def test_samples_do_not_depend_on_where_segments_begin(kind: str, tolerance_ms: int, files: dict[str, Path]) -> None:
    facts = probe(files[kind])
    whole = list(sample_frames(files[kind], facts, 0, None, 300, tolerance_ms))
    assert [sample.number for sample in whole] == list(range(14))
    assert all(sample.pts is not None for sample in whole)
    assert all(
        number_of(sample.image) == round((sample.pts or 0) * facts.time_base * 25)
        for sample in whole
        if sample.image is not None
    )
    for far in (0.0, 30.0):
        for number in range(len(whole)):
            (alone,) = sample_frames(files[kind], facts, number, number + 1, 300, tolerance_ms, far=far)
            assert (alone.pts, alone.key) == (whole[number].pts, whole[number].key), (far, number)


@pytest.mark.parametrize("every", [20_000, 45_000])
@pytest.mark.parametrize("kind", ["the same clock again", "hours ahead", "many", "runs on", "turns at once"])
def test_looks_at_the_clock_of_a_large_file_find_the_same(
    kind: str, every: int, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = probe(files[kind])
    monkeypatch.setattr("worker.video.joins._SMALL", 0)
    monkeypatch.setattr("worker.video.joins._LOOK_EVERY", every)
    assert probe(files[kind]) == small


@pytest.mark.parametrize("torn", [1, 100, 5 * 188, 9 * 188 + 50])
def test_a_part_that_is_torn_off_anywhere_does_no_harm_to_the_next(torn: int, tmp_path: Path) -> None:
    clip = write(tmp_path / "torn.ts", [(100_000, 60, X264), (100_000, 40, X264)], torn)
    facts = probe(clip)
    with VideoReader(clip, facts) as reader:
        frames = read_all(reader)
    seen = dict(told(frames, facts))
    assert set(range(50)) | set(range(62, 100)) <= set(seen)
    assert len({time - 40 * number for number, time in seen.items() if number < 50}) == 1
    assert len({time - 40 * number for number, time in seen.items() if number >= 62}) == 1
    assert all(one.pts < other.pts for one, other in pairwise(frames))
    assert len(seen) == COUNT or any(frame.after_loss for frame in frames)
    for tolerance_ms in (0, 150):
        whole = list(sample_frames(clip, facts, 0, None, 300, tolerance_ms))
        for number in range(len(whole)):
            (alone,) = sample_frames(clip, facts, number, number + 1, 300, tolerance_ms, far=0.0)
            assert (alone.pts, alone.key) == (whole[number].pts, whole[number].key), (tolerance_ms, number)


def test_pictures_that_wait_before_they_are_shown_after_those_that_do_not(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.ts", [(5000, 60, AT_ONCE), (5000, 40, X264)])
    facts = probe(clip)
    with VideoReader(clip, facts) as reader:
        seen = told(read_all(reader), facts)
    assert [number for number, _ in seen] == list(range(COUNT))
    # They are decoded no sooner than the last one before, and so are shown a little later than they could be.
    late = {time - 40 * number for number, time in seen[60:]}
    assert len(late) == 1
    assert 0 <= late.pop() < 100
    assert seen[:60] == WHOLE[:60]


def test_a_gap_is_no_jump_and_stays_undecodable(tmp_path: Path) -> None:
    clip = write(tmp_path / "gap.ts", [(100_000, 60, X264), (400_000, 40, X264)])
    facts = probe(clip)
    assert facts.pieces == ()
    assert round((facts.duration or 0) * 10) == 3016
    samples = list(sample_frames(clip, facts, 0, None, 10_000))
    # Up to a minute, a picture may stand still.
    assert [sample.number for sample in samples if sample.pts is None and sample.number > 6] == list(range(7, 30))
    assert samples[30].image is not None


def test_a_clock_that_means_two_times_by_one_number_goes_on(tmp_path: Path) -> None:
    times = [55 * 60_000 * group + 40 * number for group in range(32) for number in range(10)]
    clip = write_clip(tmp_path / "day.ts", times, AT_ONCE)
    facts = probe(clip)
    assert facts.duration == Fraction(times[-1] + 40, 1000)
    assert len(facts.pieces) == 2
    whole = list(enumerate(times))
    with VideoReader(clip, facts) as reader:
        assert told(read_all(reader), facts) == whole
    for wanted in (5, 150, 271, 285, 295, 305, 319):
        with VideoReader(clip, facts) as reader:
            reader.advance(int((times[wanted] + 1) / facts.time_base / 1000))
            seen = told(read_all(reader), facts)
        assert seen == whole[seen[0][0] :]
        assert wanted - 12 < seen[0][0] <= wanted


def with_wrong_time(content: bytes, number: int) -> bytes:
    """The stream with other times of one picture, by one bit: 12 minutes more or less."""
    spoilt = bytearray(content)
    header = [found.start() for found in re.finditer(b"\x00\x00\x01\xe0", content)][number]
    # See ISO/IEC 13818-1, 2.4.3.6: when it is shown, and, if the flag is there, when it is decoded.
    for begin in (header + 9, header + 14)[: 2 if content[header + 7] & 0x40 else 1]:
        spoilt[begin + 1] ^= 0x10
    return bytes(spoilt)


@pytest.mark.parametrize("start", [100_000, 800_000])
@pytest.mark.parametrize("number", [1, 30, 61, 98])
@pytest.mark.parametrize("jumps", [False, True])
def test_a_wrong_time_moves_no_other(start: int, number: int, jumps: bool, tmp_path: Path) -> None:
    parts = [(start, 60, AT_ONCE), (start - 50_000, 40, AT_ONCE)] if jumps else [(start, COUNT, AT_ONCE)]
    clip = write(tmp_path / "wrong.ts", parts)
    right = probe(clip)
    clip.write_bytes(with_wrong_time(clip.read_bytes(), number))
    facts = probe(clip)
    assert facts.pieces == right.pieces
    assert facts.duration == 4
    with VideoReader(clip, facts) as reader:
        assert told(read_all(reader), facts) == [*WHOLE[:number], *WHOLE[number + 1 :]]


def test_facts_with_pieces_pass_through_the_cage(files: dict[str, Path]) -> None:
    for kind in ("many", "runs on"):
        facts = probe(files[kind])
        assert wire.facts_from_message(wire.facts_to_message(facts)) == facts


@pytest.mark.parametrize("pieces", [None, 5, [5], [[1, 2]], [[-1, 0, 0]], [[0, 0, 1 << 64]], [[0, 0.5, 0]]])
def test_pieces_that_cannot_be_are_nonsense(pieces: object, files: dict[str, Path]) -> None:
    message = wire.facts_to_message(probe(files["many"]))
    with pytest.raises(wire.Broken):
        wire.facts_from_message(message | {"pieces": pieces})
