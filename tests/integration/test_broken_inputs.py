"""Broken and lying files, made by code: each ends in its named state, and what can be seen of it is kept and reported.

Every file goes the whole way: intake with the real prober, plan, scan, finish, report; one decoder in its cage serves
them all. `samples` has a letter for each planned sample: A analysed, C carried, F flat, U undecodable.
"""

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import pytest
from support.broken import ALL, CLIPS, FRAMES, INTERVAL, TABLE, Clip
from support.clips import frames_at, write_clip
from support.night import End, Night, night
from support.surgery import box

from config.face_settings import FaceSettings
from config.sampling_settings import DecodeSettings, SamplingSettings
from config.service_settings import WorkSettings
from config.settings import Settings
from db.schema import SampleOutcome
from worker.cage.keeper import Keeper


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
        work=WorkSettings(attempts=2, retry_delay=0),
    )


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with night(settings_in(tmp_path_factory.mktemp("night"))) as opened:
        yield opened


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
        assert (end.state, end.cause, end.samples) == ("quarantined", cause, "U" * 10)
        assert end.tries == [cause] * own.process.settings.work.attempts
        assert_accounted(end)
        after = own.end_of(good)
        assert (after.state, after.samples) == ("done", ALL)
        # At intake such a file is tried twice, and put in quarantine.
        poison.write_bytes(clip("index in front") + b"again")
        end = own.end_of(poison)
        assert (end.state, end.cause) == ("quarantined", cause)
