"""Times the questions to a large gallery: by distance, by normalised score, and its calibration.

    python -m bench.identification [--identities 100000] [--cohort 4000]

Made-up people whose distances spread as those of Labelled Faces in the Wild do, one photograph each; probes are other
photographs of some of them, and strangers. One thread. The numbers stand in docs/decisions, 14 and 15.
"""

from bench import threads

# Before any library that would start threads of its own is loaded.
threads.limit()

import argparse
import time
from collections.abc import Callable

import numpy as np

from models import normalised
from models.cohort import UNLABELLED, Cohort
from models.decision import CalibratedRule, NearestRule
from models.faces import Embeddings
from models.gallery import Calibrated, Gallery
from models.leave_one_out import Enrolled, search_left_out
from models.normalised import NormalisedIndex
from worker.calibrating import MOST_PEOPLE, MOST_PHOTOGRAPHS

_ROUNDS = 200
_TOGETHER = 30
"""Groups of faces in a video, about."""

_INNER = 24
"""Directions in which faces of LFW differ much; in the others they hardly do."""


def people(count: int, seed: int) -> Embeddings:
    """People between whom distances have a mean of about 0.8 and a deviation of 0.09."""
    generator = np.random.default_rng(seed)
    spread = np.concatenate([np.full(_INNER, 0.105), np.full(128 - _INNER, 0.022)])
    return (spread * generator.normal(size=(count, 128))).astype(np.float32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=100_000)
    parser.add_argument("--cohort", type=int, default=4000, help="unknown people in it; the gallery fills it up")
    given = parser.parse_args()
    enrolled, unknown = people(given.identities, 1), people(given.cohort, 2)
    ids = np.arange(given.identities)
    began = time.perf_counter()
    known = normalised.people(ids, enrolled, unknown)
    assert known is not None
    print(f"terms of {len(ids)} identities, cohort of {len(known.cohort)}: {time.perf_counter() - began:.1f} s")
    rule = CalibratedRule(1, -0.1, -0.05, -50, -4)
    by_distance = Gallery(1, "made-up", ids, enrolled)
    by_score = Gallery(1, "made-up", ids, enrolled, Calibrated(NormalisedIndex(known), rule))
    noise = np.random.default_rng(3).normal(0, 0.03, (_ROUNDS, 128))
    probes = np.concatenate([enrolled[:_ROUNDS] + noise, people(_ROUNDS, 4)])[::2].astype(np.float32)
    tell("one probe, by distance", lambda probe: by_distance.verdicts(probe, _NEVER), probes, 1)
    tell("one probe, by score", lambda probe: by_score.verdicts(probe, _NEVER), probes, 1)
    tell(f"{_TOGETHER} probes, by distance", lambda some: by_distance.verdicts(some, _NEVER), probes, _TOGETHER)
    tell(f"{_TOGETHER} probes, by score", lambda some: by_score.verdicts(some, _NEVER), probes, _TOGETHER)
    began = time.perf_counter()
    cohort = Cohort(known.cohort, known.cohort_people)
    assert (known.cohort_people == UNLABELLED).sum() == given.cohort
    found = search_left_out(
        Enrolled(ids, enrolled, np.ones(len(ids))),
        cohort,
        most_people=MOST_PEOPLE,
        most_photographs=MOST_PHOTOGRAPHS,
        seed=0,
    )
    print(f"{len(found.strangers)} people left out and searched for: {time.perf_counter() - began:.1f} s")


_NEVER = NearestRule(0, 0)


def tell(what: str, ask: Callable[[Embeddings], object], probes: Embeddings, together: int) -> None:
    """Median, least and 95th percentile of a question, per probe."""
    ask(probes[:together])
    times = []
    for start in range(0, len(probes) - together + 1, together):
        began = time.perf_counter()
        ask(probes[start : start + together])
        times.append(1000 * (time.perf_counter() - began) / together)
    low, middle, high = np.min(times), np.median(times), np.quantile(times, 0.95)
    print(f"{what:24} {middle:6.2f} ms per probe (least {low:.2f}, 95th percentile {high:.2f})")


if __name__ == "__main__":
    main()
