"""The pipeline of one segment: sample → gate → recall, or detect, align, embed → records.

Knows neither ledger nor messages: what is known of frames from elsewhere comes by a call.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from db.frames import FrameRecord
from db.schema import SampleOutcome
from db.segments import FaceRecord, RunRecord
from models.crops import crop
from models.engine import FaceEngine
from models.faces import Box, Face, RgbImage
from worker.gate import Gate
from worker.samples import Frame, Sample

_RECALLED_AT_ONCE = 16
_BYTES_AT_ONCE = 32 << 20
"""Frames that wait to be recalled together are held in memory: of 1080p six, of 4K two."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A frame of an earlier video that shows the same.

    `faces` are its faces in pixels of the new frame, each with its crop. `changed` is the part of the new frame that
    differs, if one does: nothing is known of that.
    """

    frame_id: int
    faces: Sequence[tuple[Face, bytes]]
    changed: Box | None


@dataclass(frozen=True, slots=True, eq=False)
class Recollection:
    """By what a frame will be found again (see `FrameRecord`), and what is known of it."""

    hash: int
    picture: bytes
    known: Known | None


Recall = Callable[[Sequence[Frame]], Sequence[Recollection]]
"""Looks some frames up; an answer for each."""


@dataclass(slots=True)
class Scan:
    """What a segment has given so far: faces, and the account of its samples in runs."""

    faces: list[FaceRecord] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    frames: list[FrameRecord] = field(default_factory=list)
    key_samples: int = 0
    stride: int = 1
    end_sample: int | None = None

    def account(self, sample: Sample, outcome: SampleOutcome) -> None:
        """Add a sample, and those that are left out after it, to the last run, or begin a new run with it."""
        self.key_samples += sample.key
        last = self.runs[-1] if self.runs else None
        if last is None or last.outcome != outcome:
            self.runs.append(self._run(sample.number, sample, outcome, sample.pts))
            return
        self.runs[-1] = self._run(last.first_sample, sample, outcome, last.first_pts)

    def _run(self, first_sample: int, last: Sample, outcome: SampleOutcome, first_pts: int | None) -> RunRecord:
        end = last.number + self.stride
        if self.end_sample is not None:
            end = min(end, self.end_sample)
        return RunRecord(first_sample, end, outcome, first_pts, last.pts, self.stride)


def scan(
    samples: Iterable[Sample],
    gate: Gate,
    engine: FaceEngine,
    on_sample: Callable[[], None] = lambda: None,
    recall: Recall | None = None,
    *,
    stride: int = 1,
    end_sample: int | None = None,
) -> Scan:
    """Look at a segment's samples.

    Args:
        samples: one per sample number, ascending.
        gate: fresh for this segment, so that the outcome does not depend on what the process did before.
        engine: finds and embeds faces.
        on_sample: called after each sample; the place to renew a lease, and to stop by raising.
        recall: looks frames up before they are analysed; None where nothing is known and nothing is to be.
        stride: from one sample's number to the next.
        end_sample: first number that is not the segment's, as far as it is known.
    """
    result = Scan(stride=stride, end_sample=end_sample)
    outcome = SampleOutcome.UNDECODABLE
    waiting: list[Frame] = []
    for sample in samples:
        outcome = _outcome(sample, gate, outcome)
        result.account(sample, outcome)
        if outcome is SampleOutcome.ANALYSED and sample.image is not None and sample.pts is not None:
            waiting.append(Frame(sample.number, sample.pts, sample.image))
            if recall is None or _is_enough(waiting):
                _look(waiting, engine, recall, result, on_sample)
        else:
            on_sample()
    _look(waiting, engine, recall, result, on_sample)
    return result


def _is_enough(waiting: Sequence[Frame]) -> bool:
    return len(waiting) >= _RECALLED_AT_ONCE or sum(frame.image.nbytes for frame in waiting) >= _BYTES_AT_ONCE


def _look(
    waiting: list[Frame], engine: FaceEngine, recall: Recall | None, result: Scan, on_sample: Callable[[], None]
) -> None:
    """Find the faces of the frames that wait, and let none wait any more."""
    recollections = recall(waiting) if recall and waiting else [None] * len(waiting)
    for frame, recollection in zip(waiting, recollections, strict=True):
        known = recollection.known if recollection else None
        if known is not None and known.changed is not None and engine.analyse(_part(frame.image, known.changed)):
            known = None
        result.faces += [
            FaceRecord(frame.number, frame.pts, face, jpeg)
            for face, jpeg in (_analysed(frame.image, engine) if known is None else known.faces)
        ]
        if recollection is not None:
            reused_from = known.frame_id if known else None
            found_by = recollection.hash, recollection.picture
            result.frames.append(FrameRecord(frame.number, frame.pts, *found_by, reused_from))
        on_sample()
    waiting.clear()


def _analysed(image: RgbImage, engine: FaceEngine) -> list[tuple[Face, bytes]]:
    return [(face, crop(image, face.box)) for face in engine.analyse(image)]


def _outcome(sample: Sample, gate: Gate, before: SampleOutcome) -> SampleOutcome:
    if sample.held:
        # The very frame of the sample before: nothing new to see, whatever that one was.
        return SampleOutcome.CARRIED if before is SampleOutcome.ANALYSED else before
    if sample.image is None:
        return SampleOutcome.UNDECODABLE
    return gate.judge(sample.image)


def _part(image: RgbImage, area: Box) -> RgbImage:
    return np.ascontiguousarray(image[area.top : area.bottom, area.left : area.right])
