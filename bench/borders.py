"""Measures what looking between samples costs, and how much nearer to the truth borders come by it.

    python -m bench.borders VIDEO… [--interval 3] [--tolerance 0.5 0.2]

Real clips, each of a person or two, are strung together to one film of 1280 × 720 and 25 frames a second, H.264 with a
key frame each 2 s. So the cuts are the truth: who is on camera comes and leaves there. The film is worked on as any
upload is, once without looking between samples and once for each tolerance. A border is believed to be at a cut if the
cut lies where the report says the border does; borders elsewhere (somebody turns away) have no truth and are counted.
"""

import argparse
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from sqlalchemy import func, select

from config.face_settings import BorderSettings
from config.sampling_settings import SamplingSettings
from config.settings import Settings
from db import videos
from db.migrate import ensure_schema
from db.schema import Border, TaskRun
from models.faces import RgbImage
from report.build import build
from report.model import VideoReport
from scheduler.experience import Memory
from scheduler.sweep import prepare
from storage.places import LocalPlace
from worker.process import WorkerProcess
from worker.work import finish_video, scan_segment

_WIDTH, _HEIGHT, _RATE, _KEY_FRAMES = 1280, 720, 25, 50


@dataclass(frozen=True, slots=True)
class Result:
    """What working on the film has given: its report, seconds of processor time by kind of work, frames looked at."""

    report: VideoReport
    spent: Counter[str]
    looks: int


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO")
    parser.add_argument("--interval", type=float, default=3.0)
    parser.add_argument("--tolerance", type=float, nargs="+", default=[0.5])
    parser.add_argument("--most", type=float, default=60.0, help="seconds of each clip")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        film = Path(scratch) / "film.mp4"
        cuts = _string(chosen.videos, film, round(chosen.most * _RATE))
        print(f"{len(cuts) - 1} clips, {float(cuts[-1]):.0f} s; load {os.getloadavg()[0]:.1f}")
        for tolerance in (0.0, *chosen.tolerance):
            settings = Settings(
                home=Path(scratch) / f"home-{tolerance}",
                sampling=SamplingSettings(interval=chosen.interval),
                borders=BorderSettings(tolerance=tolerance),
            )
            print(f"tolerance {tolerance:g} s: {_told(_work(film, settings), cuts)}; load {os.getloadavg()[0]:.1f}")


def _string(paths: Sequence[Path], target: Path, most: int) -> list[Fraction]:
    """Write the film; the seconds at which clips begin, and at which the last one ends."""
    cuts, count = [Fraction(0)], 0
    options = {"preset": "veryfast", "crf": "22", "threads": "1"}
    with av.open(str(target), "w") as film:
        stream = film.add_stream("libx264", rate=_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = _WIDTH, _HEIGHT, "yuv420p", _KEY_FRAMES
        for path in paths:
            for number, image in enumerate(_frames(path)):
                if number == most:
                    break
                film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                count += 1
            cuts.append(Fraction(count, _RATE))
        film.mux(stream.encode())
    return cuts


def _frames(path: Path) -> Iterator[RgbImage]:
    """A clip's frames at the film's rate, as large as they fit, on black."""
    with av.open(str(path)) as clip:
        rate = clip.streams.video[0].average_rate or Fraction(_RATE)
        shown = 0
        for number, frame in enumerate(clip.decode(video=0), start=1):
            # Left out or shown twice, so that the clip keeps its pace.
            times, shown = int(number * _RATE / rate) - shown, int(number * _RATE / rate)
            if not times:
                continue
            image = frame.to_ndarray(format="rgb24")
            scale = min(_WIDTH / image.shape[1], _HEIGHT / image.shape[0])
            fitted = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[:_HEIGHT, :_WIDTH]
            canvas = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
            top, left = (_HEIGHT - fitted.shape[0]) // 2, (_WIDTH - fitted.shape[1]) // 2
            canvas[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
            yield from [canvas] * times


def _work(film: Path, settings: Settings) -> Result:
    settings.home.mkdir(parents=True)
    process = WorkerProcess(settings)
    ensure_schema(process.database)
    video_id = process.desk.admit(LocalPlace(film.absolute())).video_id
    assert video_id is not None
    # Networks load once per process: that is no cost of a video.
    process.engine.analyse(np.zeros((_HEIGHT, _WIDTH, 3), np.uint8))
    while (due := prepare(process.database, settings, Memory())).segments or due.videos:
        for segment_id, _ in due.segments:
            scan_segment(process, segment_id)
        for finished_id in due.videos:
            finish_video(process, finished_id)
    with process.database.reading() as session:
        runs = session.execute(select(TaskRun.kind, func.sum(TaskRun.cpu_seconds)).group_by(TaskRun.kind)).all()
        looks = session.scalar(select(func.sum(Border.looks))) or 0
        report = build(session, videos.get(session, video_id))
    process.decoder.close()
    process.database.close()
    return Result(report, Counter(dict(runs)), looks)


def _told(result: Result, cuts: Sequence[Fraction]) -> str:
    report = result.report
    inside = [cut for cut in cuts if 0 < cut < report.length - Fraction(1, 10)]
    errors, widths, elsewhere = [], [], 0
    for seen in (seen for person in report.people for seen in person.appearances):
        for known, other in ((seen.start, seen.earliest_start), (seen.end, seen.latest_end)):
            if {known, other} & {Fraction(0), report.length}:
                continue
            widths.append(float(abs(known - other)))
            between = [cut for cut in inside if min(known, other) <= cut <= max(known, other)]
            errors += [float(min(abs(cut - known) for cut in between))] if between else []
            elsewhere += not between
    hours = float(report.length) / 3600
    scan, refine = result.spent["scan"], result.spent["refine"]
    return (
        f"{len(errors)} borders at cuts off by {statistics.mean(errors):.2f} s on average, {max(errors):.2f} at most "
        f"({elsewhere} elsewhere); stated to {statistics.mean(widths):.2f} s; processor time: scan {scan:.1f} s "
        f"({scan / hours:.0f} per hour), refine {refine:.1f} s ({refine / scan:.2f} of it, "
        f"{refine / max(1, len(widths)):.2f} per border), finish {result.spent['finish']:.2f} s; {result.looks} looks"
    )


if __name__ == "__main__":
    main()
