"""`rollcall evaluate folders`: open-set identification, over gallery sizes, photographs enrolled and seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from evaluation.by_group import GroupRates, by_group
from evaluation.intervals import REPLICATES, Interval
from evaluation.labelled import LabelledFaces
from evaluation.limits import CURVE, finite
from evaluation.open_set import Split, draw
from evaluation.rules import NearestRule, NormalisedRule, Rule, search
from evaluation.searches import Searches
from models.cohort import NEAREST

SCHEMA = "rollcall.evaluate.folders/1"

FPIRS = (0.001, 0.003, 0.01, 0.1)
"""The shares of strangers that may get a name, for which misses are told."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is measured.

    Args:
        galleries: numbers of enrolled people.
        photographs: numbers of photographs enrolled of each.
        seeds: how many draws, of the seeds 0, 1, ….
        strangers: people; see `open_set.draw`.
        cohorts: numbers of people in the cohort, each measured with the same strangers; see `open_set.draw` for none.
    """

    galleries: Sequence[int]
    photographs: Sequence[int]
    seeds: int
    strangers: int | None = None
    cohorts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """The searches of one rule on one draw."""

    gallery: int
    photographs: int
    rule: str
    cohort: int | None
    seed: int
    searches: Searches


def measure(faces: LabelledFaces, protocol: Protocol, told: Callable[[int], None]) -> list[Measured]:
    """All rules on all draws.

    Args:
        faces: labelled.
        protocol: what to measure.
        told: called with the number of draws that are done.

    Raises:
        NotEnoughPeople: there are too few for a gallery, its strangers or its cohort.
    """
    measured: list[Measured] = []
    grid = product(protocol.galleries, protocol.photographs, range(protocol.seeds))
    for done, (gallery, photographs, seed) in enumerate(grid, start=1):
        split = draw(
            faces.people,
            gallery,
            photographs,
            seed,
            strangers=protocol.strangers,
            cohort=max(protocol.cohorts, default=None),
        )
        for rule, cohort in _rules(split, protocol.cohorts):
            searches = search(rule, faces, split)
            measured.append(Measured(gallery, photographs, rule.name, cohort, seed, searches))
        told(done)
    return measured


def _rules(split: Split, cohorts: Sequence[int]) -> Iterator[tuple[Rule, int | None]]:
    yield NearestRule(), None
    for cohort in cohorts or (len(split.cohort),):
        # The gallery joins the cohort, less the one who is compared.
        if cohort + len(split.identities) > NEAREST:
            yield NormalisedRule(cohort), cohort


@dataclass(frozen=True, slots=True)
class Row:
    """One rule on all draws of one gallery size and one number of photographs."""

    gallery: int
    photographs: int
    rule: str
    cohort: int | None
    measured: Sequence[Measured]

    @property
    def label(self) -> str:
        """E.g. `normalised, cohort 900`."""
        return self.rule if self.cohort is None else f"{self.rule}, cohort {self.cohort}"

    def fnir(self, fpir: float) -> list[float]:
        """The FNIR of each seed."""
        return [one.searches.fnir(one.searches.limit(fpir)) for one in self.measured]

    def by_group(self, groups: Mapping[int, str]) -> list[GroupRates]:
        """False names by group of people, all seeds together."""
        return by_group([one.searches for one in self.measured], groups)

    def rank_1(self) -> list[float]:
        """The rank-1 rate of each seed."""
        return [one.searches.rank_1 for one in self.measured]


def rows(measured: Sequence[Measured]) -> list[Row]:
    """Draws of one kind together, in the order in which they were measured."""
    kinds: dict[tuple[int, int, str, int | None], list[Measured]] = {}
    for one in measured:
        kinds.setdefault((one.gallery, one.photographs, one.rule, one.cohort), []).append(one)
    ordered = sorted(kinds.items(), key=lambda item: item[0][:2])
    return [Row(*kind, found) for kind, found in ordered]


def as_json(
    faces: LabelledFaces, protocol: Protocol, found: Sequence[Row], groups: Mapping[int, str]
) -> dict[str, Any]:
    """The document that docs/evaluate.md describes; `groups` of people, see `by_group.read_groups`."""
    counts = np.bincount(faces.people)
    return {
        "schema": SCHEMA,
        "space": faces.space,
        "detector": faces.detector,
        "material": {
            "people": len(faces.names),
            "people_with_several": int((counts > 1).sum()),
            "photographs": len(faces) + faces.faceless,
            "without_a_face": faces.faceless,
        },
        "seeds": list(range(protocol.seeds)),
        "interval": {"confidence": 0.95, "method": "bootstrap over people", "replicates": REPLICATES},
        "results": [_row_as_json(row, groups) for row in found],
    }


def _row_as_json(row: Row, groups: Mapping[int, str]) -> dict[str, Any]:
    return {
        "gallery": row.gallery,
        "photographs": row.photographs,
        "rule": row.rule,
        "cohort": row.cohort,
        "rank_1": _spread(row.rank_1()),
        "fnir_at_fpir": [{"fpir": fpir, "fnir": _spread(row.fnir(fpir))} for fpir in FPIRS],
        "seeds": [_seed_as_json(one) for one in row.measured],
        "by_group": [asdict(one) for one in row.by_group(groups)],
        "det": _curve(row),
    }


def _seed_as_json(one: Measured) -> dict[str, Any]:
    searches = one.searches
    return {
        "seed": one.seed,
        "mated": {"searches": len(searches.mated), "people": len(np.unique(searches.mated_people))},
        "non_mated": {"searches": len(searches.strangers), "people": len(np.unique(searches.strange_people))},
        "rank_1": {"value": searches.rank_1, **_interval(searches.rank_1_interval(one.seed))},
        "at": [
            _at(searches, fpir, interval)
            for fpir, interval in zip(FPIRS, searches.fnir_intervals(FPIRS, one.seed), strict=True)
        ],
    }


def _at(searches: Searches, fpir: float, interval: Interval) -> dict[str, Any]:
    limit = searches.limit(fpir)
    return {
        "fpir": fpir,
        "fpir_measured": searches.fpir(limit),
        "limit": finite(limit),
        "fnir": {"value": searches.fnir(limit), **_interval(interval)},
        "wrongly_named": searches.wrongly_named(limit),
    }


def _curve(row: Row) -> list[dict[str, float]]:
    return [{"fpir": fpir, "fnir": float(np.mean(row.fnir(fpir)))} for fpir in CURVE]


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Mean over the seeds, and the least and the largest."""
    return {"mean": float(np.mean(values)), "least": min(values), "largest": max(values)}


def _interval(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}
