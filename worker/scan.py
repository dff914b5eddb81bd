"""The pipeline of one segment: sample → gate → detect, align, embed → records. Knows neither ledger nor messages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import cv2

from db.schema import SampleOutcome
from db.segments import FaceRecord, RunRecord
from models.engine import FaceEngine
from models.faces import Box, RgbImage
from worker.gate import Gate
from worker.samples import Sample

_CROP_MARGIN = 0.35
_CROP_EDGE = 160
_CROP_JPEG_QUALITY = 85


@dataclass(slots=True)
class Scan:
    """What a segment has given so far: faces, and the account of its samples in runs."""

    faces: list[FaceRecord] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    key_samples: int = 0

    def account(self, sample: Sample, outcome: SampleOutcome) -> None:
        """Add a sample to the last run, or begin a new run with it."""
        self.key_samples += sample.key
        last = self.runs[-1] if self.runs else None
        if last is None or last.outcome != outcome:
            self.runs.append(RunRecord(sample.number, sample.number + 1, outcome, sample.pts, sample.pts))
            return
        self.runs[-1] = RunRecord(last.first_sample, sample.number + 1, outcome, last.first_pts, sample.pts)


def scan(
    samples: Iterable[Sample], gate: Gate, engine: FaceEngine, on_sample: Callable[[], None] = lambda: None
) -> Scan:
    """Look at a segment's samples.

    Args:
        samples: one per sample number, ascending.
        gate: fresh for this segment, so that the outcome does not depend on what the process did before.
        engine: finds and embeds faces.
        on_sample: called after each sample; the place to renew a lease, and to stop by raising.
    """
    result = Scan()
    outcome = SampleOutcome.UNDECODABLE
    for sample in samples:
        outcome = _outcome(sample, gate, outcome)
        result.account(sample, outcome)
        if outcome is SampleOutcome.ANALYSED and sample.image is not None and sample.pts is not None:
            result.faces += [
                FaceRecord(sample.number, sample.pts, face, crop(sample.image, face.box))
                for face in engine.analyse(sample.image)
            ]
        on_sample()
    return result


def _outcome(sample: Sample, gate: Gate, before: SampleOutcome) -> SampleOutcome:
    if sample.held:
        # The very frame of the sample before: nothing new to see, whatever that one was.
        return SampleOutcome.CARRIED if before is SampleOutcome.ANALYSED else before
    if sample.image is None:
        return SampleOutcome.UNDECODABLE
    return gate.judge(sample.image)


def crop(image: RgbImage, box: Box) -> bytes:
    """A JPEG of a face with some of its surroundings, longer edge at most 160 px."""
    height, width = image.shape[:2]
    dx, dy = round(box.width * _CROP_MARGIN), round(box.height * _CROP_MARGIN)
    left, right = max(0, box.left - dx), min(width, box.right + dx)
    top, bottom = max(0, box.top - dy), min(height, box.bottom + dy)
    cut = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2BGR)
    scale = _CROP_EDGE / max(cut.shape[:2])
    if scale < 1:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _CROP_JPEG_QUALITY])
    return jpeg.tobytes()
