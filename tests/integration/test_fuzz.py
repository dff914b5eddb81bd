"""Small files with random damage: each is refused by name or sampled to the last sample, and one keeper outlives all.

`--fuzz-rounds` and `--fuzz-seed` ask for more, and for others. A failure tells with which number the damage was drawn.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest
from support.clips import MPEG2, X264, Encoding, frames_at, small, write_clip
from support.mutations import mutate

from config.errors import DecoderCrashed, MediaError
from config.sampling_settings import DecodeSettings
from db.facts import VideoFacts
from scheduler.planning import sample_count
from worker.cage.keeper import Keeper
from worker.samples import Sample

FAST = {"cpu-used": "8", "deadline": "realtime"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
HEVC = {"preset": "ultrafast", "x265-params": "log-level=none"}
CLIPS: dict[str, tuple[str, Encoding]] = {
    "H.264 in MP4": ("clip.mp4", X264),
    "H.264 in fragments": ("clip.mp4", Encoding(b_frames=0, container_options=FRAGMENTS)),
    "H.264 in Matroska": ("clip.mkv", X264),
    "H.264 in Flash video": ("clip.flv", X264),
    "HEVC in MP4": ("clip.mp4", Encoding("libx265", codec_options=HEVC)),
    "VP8 in WebM": ("clip.webm", Encoding("libvpx", gop=10, b_frames=0, codec_options=FAST)),
    "VP8 in IVF": ("clip.ivf", Encoding("libvpx", gop=10, b_frames=0, codec_options=FAST)),
    "VP9 in Matroska": ("clip.mkv", Encoding("libvpx-vp9", gop=10, b_frames=0, codec_options=FAST)),
    "MPEG-2 in a transport stream": ("clip.ts", MPEG2),
    "MPEG-1 in a program stream": ("clip.mpg", Encoding("mpeg1video", tick=MPEG2.tick)),
    "MPEG-4 in AVI": ("clip.avi", Encoding("mpeg4", b_frames=0, tick=MPEG2.tick)),
    "raw H.264": ("clip.h264", X264),
}
WAYS = [(100, 0), (100, 50), (333, 166)]
"""Interval and tolerance, milliseconds."""
MOST_SAMPLES = 40
"""Of each end of a file, whatever length it declares."""


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with Keeper(DecodeSettings(memory=512, silence=20, longest=30)) as opened:
        yield opened


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """The content of an undamaged clip of 1.6 s."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def content(kind: str) -> bytes:
        name, encoding = CLIPS[kind]
        return write_clip(folder / name, frames_at(40), encoding, map(small, range(40))).read_bytes()

    return content


def account(keeper: Keeper, path: Path, facts: VideoFacts) -> None:
    """Take samples from both ends of a file; each must be there once: undecodable, held, or with a picture."""
    for interval_ms, tolerance_ms in WAYS:
        count = MOST_SAMPLES if facts.duration is None else sample_count(facts.duration, interval_ms)
        for first in {0, max(0, count - MOST_SAMPLES)}:
            end = min(count, first + MOST_SAMPLES)
            samples = list(keeper.samples(path, facts, first, end, interval_ms, tolerance_ms))
            assert [sample.number for sample in samples] == list(range(first, end))
            check(samples, facts)


def check(samples: list[Sample], facts: VideoFacts) -> None:
    before: int | None = None
    for sample in samples:
        assert (sample.image is None) == (sample.pts is None or sample.held)
        assert sample.image is None or sample.image.shape == (facts.height, facts.width, 3)
        assert not sample.held or sample.pts == before
        assert sample.pts is None or before is None or sample.pts >= before
        before = sample.pts


@pytest.mark.parametrize("kind", CLIPS)
def test_damaged_files_end_by_name_or_with_all_their_samples(
    kind: str, keeper: Keeper, clip: Callable[[str], bytes], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    content = clip(kind)
    path = tmp_path / CLIPS[kind][0]
    path.write_bytes(content)
    account(keeper, path, keeper.probe(path))
    random = Random(f"{request.config.getoption('--fuzz-seed')} {kind}")
    opened = 0
    for _ in range(request.config.getoption("--fuzz-rounds")):
        number = random.getrandbits(48)
        path.write_bytes(mutate(content, Random(number)))
        try:
            facts = keeper.probe(path)
            opened += 1
            account(keeper, path, facts)
        except DecoderCrashed as error:
            # A decoder may die of a signal. Where our own code in its process stumbles, it ends with an exit code.
            if "exit code" in error.what:
                pytest.fail(f"damage {number}: {error}")
        except MediaError:
            continue
        except AssertionError as error:
            error.add_note(f"damage {number}")
            raise
    assert opened, "damage that leaves nothing to decode tests nothing"
    path.write_bytes(content)
    account(keeper, path, keeper.probe(path))
