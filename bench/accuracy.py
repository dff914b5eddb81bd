"""Misses and false names on labelled photographs: the nearest rule, the normalised score, and calibrated decisions.

The faces are those of Labelled Faces in the Wild and of two people who look alike, in the corpus beside the repository.
They are looked for once and kept in `.cache/bench`: embeddings of published research material.

Of each draw, some people are enrolled, a thousand are strangers, and the others are the unknown people of an archive.
The calibration sees the gallery and the unknown people only, as `rollcall calibrate` does.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.lookalikes import read, together
from bench.material import CACHE
from cli.collecting import collect
from config.errors import MaterialUnavailable
from config.face_settings import FaceSettings
from curation.photographs import find_photographs
from evaluation.labelled import LabelledFaces
from evaluation.open_set import Split, draw
from evaluation.rules import NearestRule, search
from models.calibration import Estimate
from models.decision import Decision, Verdict
from models.faces import Embeddings
from models.gallery import Calibrated, UnknownPeople, rivals_of
from models.leave_one_out import Enrolled
from models.normalised import NormalisedIndex
from models.rivals import Rivals
from models.templates import template, templates_by_identity, variance
from worker.calibrating import Targets
from worker.calibrating import measure as measure_limits

NAME = "accuracy"
FPIR = 0.01
TARGETS = Targets(FPIR, 0.05)
STRANGERS = 1000
SEEDS = range(3)
GALLERIES = ((400, 1), (150, 3))
"""People enrolled, and photographs of each."""
SEEN_BEFORE = 3
"""Photographs of a double that were unknown."""
SEVERAL = 3
"""Photographs of a stranger who is searched for by all of them together, as a video shows people."""

_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
_PROCESSES = 0


@dataclass(frozen=True, slots=True)
class Draw:
    """What one draw of people gave: shares, but for the interval and the limits' scores."""

    nearest_plain: float
    nearest: float
    normalised: float
    calibrated_fpir: float
    interval: Estimate
    calibrated_fnir: float
    wrongly_named: float
    strangers_reviewed: float
    enrolled_reviewed: float
    double_named: float
    known_double_named: float
    several_fpir: float
    fnir_with_rivals: float
    fnir_without_rivals: float


def measure() -> dict[str, Any]:
    """All galleries, all draws."""
    whole, plain, group = _faces("lfw"), _faces("lfw", mirror=False), _faces("blackpink")
    draws = {
        f"{people} × {photographs}": [_draw(whole, plain, group, people, photographs, seed) for seed in SEEDS]
        for people, photographs in GALLERIES
    }
    return {
        name: {
            field: [getattr(one, field) for one in found] for field in Draw.__slots__ if field != "interval"
        } | {"interval": [(one.interval.low, one.interval.high) for one in found]}
        for name, found in draws.items()
    }  # fmt: skip


def table(measured: Mapping[str, Any]) -> str:
    """Means over the draws, least and largest in brackets."""
    lines = [f"\n{NAME}: {len(SEEDS)} draws of LFW, {STRANGERS} strangers, wanted FPIR {FPIR:.0%}"]
    for name, found in measured.items():
        ratio = np.array(found["normalised"]) / np.array(found["nearest_plain"])
        mirrored = np.array(found["normalised"]) / np.array(found["nearest"])
        within = sum(
            low <= fpir <= high for fpir, (low, high) in zip(found["calibrated_fpir"], found["interval"], strict=True)
        )
        lines += [
            f"{name} photographs",
            (
                f"  FNIR at FPIR {FPIR:.0%}   nearest, plain {_mean(found['nearest_plain'])}"
                f"   nearest, mirrored {_mean(found['nearest'])}   normalised {_mean(found['normalised'])}"
            ),
            (
                f"  of the nearest rule's misses: {ratio.mean():.2f} ({ratio.min():.2f}–{ratio.max():.2f}) of plain,"
                f" {mirrored.mean():.2f} ({mirrored.min():.2f}–{mirrored.max():.2f}) of mirrored"
            ),
            (
                f"  calibrated: strangers named {_mean(found['calibrated_fpir'])}, within the interval in {within} of"
                f" {len(SEEDS)}; reviewed {_mean(found['strangers_reviewed'])};"
                f" by {SEVERAL} photographs together named {_mean(found['several_fpir'])}"
            ),
            (
                f"  enrolled not named {_mean(found['calibrated_fnir'])}, of these reviewed"
                f" {_mean(found['enrolled_reviewed'])}; another's name {_mean(found['wrongly_named'])}"
            ),
            (
                f"  the double of somebody enrolled gets the name: {_mean(found['double_named'])};"
                f" seen before, and unknown then: {_mean(found['known_double_named'])}"
            ),
            (
                f"  enrolled not named where unknown people contest names: {_mean(found['fnir_with_rivals'])},"
                f" where they do not: {_mean(found['fnir_without_rivals'])}"
            ),
        ]
    return "\n".join(lines)


def _mean(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.1%} ({min(shares):.1%}–{max(shares):.1%})"


def _faces(name: str, *, mirror: bool = True) -> LabelledFaces:
    folder = Path(os.environ.get("ROLLCALL_CORPUS", _CORPUS)) / "faces" / name
    if not folder.is_dir():
        raise MaterialUnavailable(str(folder), "the labelled photographs are not there", "set ROLLCALL_CORPUS")
    file = CACHE / f"{name}{'' if mirror else '-plain'}.npz"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        collect(find_photographs([folder]).photographs, FaceSettings(mirror=mirror), _PROCESSES).collection.write(file)
    return read(folder, file)


def _draw(
    whole: LabelledFaces, plain: LabelledFaces, group: LabelledFaces, people: int, photographs: int, seed: int
) -> Draw:
    split = draw(whole.people, people, photographs, seed, strangers=STRANGERS)
    by_distance = search(NearestRule(), whole, split)
    # Detection does not depend on the mirror: the same faces, in the same order.
    by_plain = search(NearestRule(), plain, split)
    calibrated, interval = _calibrated(whole, split)
    mated = calibrated.verdicts(whole.embeddings[split.mated])
    strangers = calibrated.verdicts(whole.embeddings[split.strangers])
    truth = whole.people[split.mated].tolist()
    right = np.array([one.identity_id == person for one, person in zip(mated, truth, strict=True)])
    first_right = np.array(
        [one.first is not None and one.first.identity_id == person for one, person in zip(mated, truth, strict=True)]
    )
    several = _several(whole, split, seed)
    doubles = _doubles(whole, group, split, photographs, seed)
    with_rivals, without = _contested(calibrated, whole, split, mated)
    limit = np.sort(_scores(strangers))[int(FPIR * len(strangers) + 1e-9)]
    return Draw(
        nearest_plain=by_plain.fnir(by_plain.limit(FPIR)),
        nearest=by_distance.fnir(by_distance.limit(FPIR)),
        normalised=float(1 - (first_right & (_scores(mated) < limit)).mean()),
        calibrated_fpir=_share(strangers, Decision.NAMED),
        interval=interval,
        calibrated_fnir=float(1 - right.mean()),
        wrongly_named=_share(mated, Decision.NAMED) - float(right.mean()),
        strangers_reviewed=_share(strangers, Decision.REVIEW),
        enrolled_reviewed=_share(mated, Decision.REVIEW),
        double_named=doubles[0],
        known_double_named=doubles[1],
        several_fpir=_share(calibrated.verdicts(*several), Decision.NAMED),
        fnir_with_rivals=with_rivals,
        fnir_without_rivals=without,
    )


def _calibrated(faces: LabelledFaces, split: Split) -> tuple[Calibrated, Estimate]:
    """What `rollcall calibrate` would leave, and the share of strangers that it tells."""
    rows = split.enrolled.ravel()
    ids = np.repeat(split.identities, split.enrolled.shape[1])
    enrolled = Enrolled(ids, faces.embeddings[rows], faces.qualities[rows])
    templates = templates_by_identity(ids, enrolled.embeddings, enrolled.weights)
    measured = measure_limits(enrolled, templates, faces.embeddings[split.cohort], TARGETS)
    assert measured is not None
    calibration, people = measured
    return Calibrated(NormalisedIndex(people), calibration.rule), calibration.named


def _doubles(
    whole: LabelledFaces, group: LabelledFaces, split: Split, photographs: int, seed: int
) -> tuple[float, float]:
    """How often the double of somebody who is enrolled gets the name, each of the group being the double in turn.

    At first, and after some photographs that were unknown have made an unknown person of the double.
    """
    faces = together(whole, group)
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(faces.people == person + len(whole.names)) for person in range(len(group.names))]
    shares, known = [], []
    for out, probes in enumerate(members):
        inside = [generator.permutation(rows)[:photographs] for other, rows in enumerate(members) if other != out]
        joined = Split(
            identities=np.append(split.identities, [int(faces.people[rows[0]]) for rows in inside]),
            enrolled=np.concatenate([split.enrolled, inside]),
            mated=split.mated,
            strangers=probes,
            cohort=split.cohort,
        )
        calibrated, _ = _calibrated(faces, joined)
        mixed = generator.permutation(probes)
        verdicts = calibrated.verdicts(faces.embeddings[mixed])
        shares.append(_share(verdicts, Decision.NAMED))
        unknown = [row for row, one in enumerate(verdicts) if one.decision == Decision.UNKNOWN][:SEEN_BEFORE]
        rest = np.setdiff1d(np.arange(len(mixed)), unknown).tolist()
        if unknown:
            seen = template(faces.embeddings[mixed[unknown]], faces.qualities[mixed[unknown]])[np.newaxis]
            found = _rivals(calibrated, seen).contest(
                faces.embeddings[mixed[rest]], [verdicts[row] for row in rest], calibrated.index.term_of
            )
            known.append(_share(found, Decision.NAMED))
    return float(np.mean(shares)), float(np.mean(known))


def _several(faces: LabelledFaces, split: Split, seed: int) -> tuple[Embeddings, NDArray[np.float64]]:
    """Templates of several photographs of strangers who have as many, and the variances of these."""
    generator = np.random.default_rng(seed)
    found, variances = [], []
    for person in np.unique(faces.people[split.strangers]).tolist():
        rows = split.strangers[faces.people[split.strangers] == person]
        for _ in range(SEVERAL if len(rows) > SEVERAL else len(rows) // SEVERAL):
            some = generator.choice(rows, SEVERAL, replace=False)
            found.append(template(faces.embeddings[some], faces.qualities[some]))
            variances.append(variance(faces.embeddings[some], faces.qualities[some], found[-1]))
    return np.stack(found), np.array(variances)


def _contested(
    calibrated: Calibrated, faces: LabelledFaces, split: Split, verdicts: Sequence[Verdict]
) -> tuple[float, float]:
    """Misses where unknown people contest names, and where not, of the second half of each person's searches.

    Those unknown people are the strangers' first photographs, and whoever of the first half was unknown: people who are
    enrolled, and were missed.
    """
    people = faces.people[split.mated]
    place = np.array([int((people[:row] == person).sum()) for row, person in enumerate(people.tolist())])
    early = place < np.bincount(people)[people] // 2
    missed = np.array([one.decision == Decision.UNKNOWN for one in verdicts]) & early
    rows = [split.mated[missed & (people == person)] for person in np.unique(people[missed]).tolist()]
    strangers = [split.strangers[faces.people[split.strangers] == person][:1] for person in
                 np.unique(faces.people[split.strangers]).tolist()]  # fmt: skip
    seen = np.stack([template(faces.embeddings[some], faces.qualities[some]) for some in [*rows, *strangers]])
    later = np.flatnonzero(~early)
    found = _rivals(calibrated, seen).contest(
        faces.embeddings[split.mated[later]], [verdicts[row] for row in later.tolist()], calibrated.index.term_of
    )
    before = np.array([verdicts[row].identity_id == people[row] for row in later.tolist()])
    after = np.array([one.identity_id == person for one, person in zip(found, people[later].tolist(), strict=True)])
    return float(1 - after.mean()), float(1 - before.mean())


def _rivals(calibrated: Calibrated, templates: Embeddings) -> Rivals:
    return rivals_of(UnknownPeople(np.arange(len(templates)), templates), calibrated)


def _share(verdicts: Sequence[Verdict], decision: Decision) -> float:
    return float(np.mean([one.decision == decision for one in verdicts]))


def _scores(verdicts: Sequence[Verdict]) -> NDArray[np.float64]:
    return np.array([one.first.score if one.first else np.inf for one in verdicts])
