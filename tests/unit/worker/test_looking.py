"""Single frames: those of the window, the same whatever was asked before, in every kind of container."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support.clips import MPEG2, X264, Encoding, frames_at, number_of, write_clip

from config.errors import FileMissing
from worker.looking import Looker
from worker.video import probe

COUNT = 120
STEP = 40
LONG_GOP = Encoding(gop=200, codec_options={"preset": "veryfast"})
CLIPS = {
    "MP4": ("clip.mp4", Encoding(gop=25, codec_options=X264.codec_options)),
    "Matroska": ("clip.mkv", Encoding(gop=25, codec_options=X264.codec_options)),
    "one key frame": ("clip.mp4", LONG_GOP),
    "transport stream": ("clip.ts", MPEG2),
}


@pytest.fixture(scope="module", params=CLIPS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, encoding = CLIPS[request.param]
    return write_clip(tmp_path_factory.mktemp("clip") / name, frames_at(COUNT, STEP), encoding)


_TIMES = (
    st.tuples(*[st.integers(-200, COUNT * STEP + 200)] * 4).map(sorted).filter(lambda t: t[0] < t[1] and t[2] < t[3])
)


@given(st.lists(_TIMES, min_size=1, max_size=4))
@limits(max_examples=12)
def test_what_is_asked_for_is_given_whatever_was_asked_before(clip: Path, questions: list[list[int]]) -> None:
    facts = probe(clip)
    per_ms = 1 / (1000 * facts.time_base)
    with Looker(clip, facts) as used:
        for times in questions:
            low, earliest, latest, high = (int(time * per_ms) for time in times)
            found = used.frame((low, high), (earliest, latest))
            with Looker(clip, facts) as fresh:
                same = fresh.frame((low, high), (earliest, latest))
            inside = [number for number in range(COUNT) if low < int(number * STEP * per_ms) < high]
            wanted = [number for number in inside if earliest <= int(number * STEP * per_ms) <= latest]
            if found is None or found.image is None:
                assert same is None
                assert not inside
                continue
            assert same is not None
            assert same.image is not None
            np.testing.assert_array_equal(found.image, same.image)
            number = number_of(found.image)
            assert found.pts == int(number * STEP * per_ms)
            assert number in (wanted or inside)


def test_a_key_frame_in_the_window_is_taken(tmp_path: Path) -> None:
    name, encoding = CLIPS["MP4"]
    clip = write_clip(tmp_path / name, frames_at(COUNT, STEP), encoding)
    facts = probe(clip)
    with Looker(clip, facts) as looker:
        per_second = int(1 / facts.time_base)
        for earliest, latest, number, key in ((0.5, 1.4, 25, True), (1.6, 3.3, 50, True), (1.1, 1.9, 28, False)):
            found = looker.frame((0, 4 * per_second), (int(earliest * per_second), int(latest * per_second)))
            assert found is not None
            assert found.image is not None
            assert (number_of(found.image), found.key) == (number, key)


def test_a_still_picture_has_no_frames_in_between(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", [0, 40, 3000, 3040, 6000])
    facts = probe(clip)
    with Looker(clip, facts) as looker:
        assert looker.frame((40, 3000), (1000, 2000)) is None
        # Outside the window, but inside the gap: first what follows, then what comes before.
        (after, before) = (looker.frame((40, 3040), (1000, 2000)), looker.frame((0, 3000), (1000, 2000)))
        assert after is not None
        assert before is not None
        assert (after.pts, before.pts) == (3000, 40)


def test_frames_without_times_are_not_looked_at(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.h264", frames_at(50))
    facts = probe(clip)
    with Looker(clip, facts) as looker:
        assert looker.frame((0, int(2 / facts.time_base)), (1, 2)) is None


def test_a_file_that_has_gone_is_told(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames_at(10))
    facts = probe(clip)
    clip.unlink()
    with pytest.raises(FileMissing), Looker(clip, facts):
        pass
