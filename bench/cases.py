"""What is measured against what. Contender number one is always what people would use otherwise."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from bench import agreement, codecs, material, operations, reference
from bench.measure import Case, Contender, Elsewhere, R
from bench.openblas import MISSING, ROW, OpenBlasDlib
from config.face_settings import FaceSettings
from config.sampling_settings import DecodeSettings, GateSettings, SamplingSettings
from db.schema import SampleOutcome
from models.dlib_engines import CnnDetector, DlibEmbedder, HogDetector
from models.engine import build_engine
from models.faces import Detection, Embeddings, RgbImage
from models.onnx_engines import MmodDetector, OnnxEmbedder
from worker import video
from worker.cage.keeper import Keeper
from worker.gate import Gate
from worker.samples import Sample
from worker.scan import Scan, scan

SMALLEST = 80
"""Pixels: what dlib's network finds in a frame that is not enlarged, and so what face_recognition finds."""

_CHIPS_REPEATED = 4
"""A round that lasts a few hundredths of a second would measure the machine's moods."""

_CNN_SECONDS = 30
"""How much of the film the network of dlib's wheel is given: it takes minutes for each minute of video."""


def embedding(built: OpenBlasDlib | None) -> Case[Embeddings]:
    """Chips to embeddings."""
    chips = np.concatenate([material.chips()] * _CHIPS_REPEATED)
    contenders: dict[str, Contender[Embeddings]] = {"dlib": lambda: DlibEmbedder(mirror=False).embed(chips)}
    if built:
        taken = built.take("chips", chips)
        contenders[ROW] = lambda: built.embed(taken)
    contenders["Rollcall"] = lambda: OnnxEmbedder(mirror=False).embed(chips)
    return Case(
        "embedding",
        f"{len(chips)} chips of 150 × 150, not averaged with their mirror images",
        "face",
        len(chips),
        contenders,
        agreement.embeddings,
        operations=operations.of_embedder(),
        missing="" if built else MISSING,
    )


def detection(built: OpenBlasDlib | None) -> Case[list[list[Detection]]]:
    """Frames of 720p to boxes, not enlarged: all find faces of 80 px and more."""
    frames = material.frames()[:2]
    cnn, hog = CnnDetector(SMALLEST), HogDetector(SMALLEST)
    whole, mmod = MmodDetector(SMALLEST, first_look=False), MmodDetector(SMALLEST)
    contenders: dict[str, Contender[list[list[Detection]]]] = {
        "dlib CNN": lambda: [cnn.detect(frame) for frame in frames]
    }
    if built:
        taken = built.take("frames", np.stack(frames))
        contenders[f"dlib CNN, {ROW}"] = lambda: built.detect(taken, SMALLEST)
    contenders["dlib HOG"] = lambda: [hog.detect(frame) for frame in frames]
    contenders["Rollcall mmod without first look"] = lambda: [whole.detect(frame) for frame in frames]
    contenders["Rollcall mmod"] = lambda: [mmod.detect(frame) for frame in frames]
    return Case(
        "detection",
        f"{len(frames)} frames of 1280 × 720, faces from {SMALLEST} px",
        "frame",
        len(frames),
        contenders,
        agreement.boxes,
        others={"dlib HOG": "another detector"},
        operations=operations.of_detector(*frames[0].shape[:2]),
        missing="" if built else MISSING,
    )


def sampling(_built: OpenBlasDlib | None) -> Case[list[RgbImage]]:
    """A video file to one frame per six seconds."""
    path = material.film_1080p()
    return Case(
        "sampling",
        _film_in_words(None),
        "hour of 1080p30",
        _seconds(None) / 3600,
        {
            "OpenCV, every frame": lambda: list(reference.every_nth_frame(path)),
            "Rollcall": lambda: _with_decoder(lambda decoder: list(_pictures(_samples(decoder, None)))),
        },
        agreement.pictures,
        hours=True,
    )


def pipeline(built: OpenBlasDlib | None) -> Case[int]:
    """A video file to embeddings of its faces, one frame per six seconds."""
    rivals = {
        f"Rollcall, hog, faces from {SMALLEST} px": FaceSettings(detector="hog", smallest=SMALLEST),
        "Rollcall, mmod, faces from 120 px": FaceSettings(detector="mmod", smallest=120),
        # In 1080p the defaults' `most_pixels` allow faces from 80 px, as the other rows have.
        "Rollcall, mmod, at the defaults": FaceSettings(),
    }
    return _pipeline("pipeline", "hog", built, rivals, None, rounds=5)


def pipeline_cnn(built: OpenBlasDlib | None) -> Case[int]:
    """As `pipeline`, against face_recognition with its network detector: minutes for each minute of video."""
    rivals = {f"Rollcall, mmod, faces from {SMALLEST} px": FaceSettings(detector="mmod", smallest=SMALLEST)}
    return _pipeline("pipeline-cnn", "cnn", built, rivals, _CNN_SECONDS, rounds=2)


CASES: Mapping[str, Callable[[OpenBlasDlib | None], Case[Any]]] = {
    "embedding": embedding,
    "detection": detection,
    "sampling": sampling,
    "pipeline": pipeline,
    "pipeline-cnn": pipeline_cnn,
    **codecs.cases(),
}

SLOW = frozenset({"pipeline-cnn", *codecs.cases()})
"""Cases that are measured only when they are asked for."""

GROUPS = {"codecs": tuple(codecs.cases())}
"""Names for several cases together."""


def _pipeline(
    name: str,
    model: str,
    built: OpenBlasDlib | None,
    rivals: Mapping[str, FaceSettings],
    seconds: int | None,
    *,
    rounds: int,
) -> Case[int]:
    """face_recognition with one of its detectors against this program, on the film's first `seconds` or all of it."""
    path = material.film_1080p()
    known = f"face_recognition, {model.upper()}"
    contenders: dict[str, Contender[int]] = {known: lambda: reference.count_faces(path, model, seconds)}
    if built:
        contenders[f"{known}, {ROW}"] = lambda: built.count_faces(path, model, seconds)
    contenders |= {label: _scanning(faces, seconds) for label, faces in rivals.items()}
    return Case(
        name,
        _film_in_words(seconds),
        "hour of 1080p30",
        _seconds(seconds) / 3600,
        contenders,
        agreement.faces,
        hours=True,
        missing="" if built else MISSING,
        rounds=rounds,
    )


def _scanning(faces: FaceSettings, seconds: int | None) -> Contender[int]:
    """What a worker does with a segment, and how many faces it found; a fresh gate each time, as for each segment."""
    settings, engine = GateSettings(), build_engine(faces)

    def work(decoder: Keeper) -> int:
        gate = Gate(settings.flat_deviation, settings.unchanged_difference)
        return count_faces(scan(_samples(decoder, seconds), gate, engine))

    return lambda: _with_decoder(work)


@cache
def _decoder() -> Keeper:
    return Keeper(DecodeSettings())


def _with_decoder(work: Callable[[Keeper], R]) -> Elsewhere[R]:
    """Work with a worker's decoder, which runs already, as it does for all segments but the first; its time counts."""
    decoder = _decoder()
    before = time.process_time() + decoder.spent
    done = work(decoder)
    return Elsewhere(done, time.process_time() + decoder.spent - before)


def _pictures(samples: Iterable[Sample]) -> Iterator[RgbImage]:
    return (sample.image for sample in samples if sample.image is not None)


def count_faces(done: Scan) -> int:
    """The faces of all samples: an unchanged one shows those of the last sample that was analysed."""
    found = Counter(record.sample for record in done.faces)
    total = shown = 0
    for run in done.runs:
        for number in range(run.first_sample, run.end_sample):
            if run.outcome is SampleOutcome.ANALYSED:
                shown = found[number]
            if run.outcome in {SampleOutcome.ANALYSED, SampleOutcome.CARRIED}:
                total += shown
    return total


def _samples(decoder: Keeper, seconds: int | None) -> Iterator[Sample]:
    path = material.film_1080p()
    interval_ms, end = reference.INTERVAL_MS, None if seconds is None else len(instants(seconds))
    return decoder.samples(path, decoder.probe(path), 0, end, interval_ms, _tolerance_ms())


def _tolerance_ms() -> int:
    return int(reference.INTERVAL_MS * SamplingSettings().tolerance)


def instants(seconds: float) -> list[Fraction]:
    """The instants before `seconds` for which a frame is looked at."""
    interval = Fraction(reference.INTERVAL_MS, 1000)
    return [number * interval for number in range(-(-Fraction(seconds) // interval))]


def _seconds(seconds: int | None) -> float:
    return float(video.probe(material.film_1080p()).duration or 0) if seconds is None else seconds


def _film_in_words(seconds: int | None) -> str:
    whole, looked_at = _seconds(None), instants(_seconds(seconds))
    part = "" if seconds is None else f"the first {seconds} s of "
    return (
        f"{part}{whole:.0f} s of H.264, 1920 × 1080, 30 frames a second; "
        f"{len(looked_at)} frames looked at, people in {material.showing_people(looked_at)} of them"
    )
