import json
from itertools import pairwise

import pytest

from config.errors import NotEnoughPeople
from evaluation.folders import FPIRS, SCHEMA, Measured, Protocol, as_json, measure, rows
from evaluation.labelled import LabelledFaces
from evaluation.limits import CURVE

PROTOCOL = Protocol(galleries=(30, 60), photographs=(1, 2), seeds=2, strangers=100, cohorts=(0, 20, 80))


@pytest.fixture(scope="module")
def measured(crowded: LabelledFaces) -> list[Measured]:
    told: list[int] = []
    found = measure(crowded, PROTOCOL, told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7, 8]
    return found


def test_every_rule_sees_the_same_searches(measured: list[Measured]) -> None:
    assert len(measured) == 2 * 2 * 2 * 4
    for gallery in (30, 60):
        for photographs in (1, 2):
            draws = [one for one in measured if (one.gallery, one.photographs, one.seed) == (gallery, photographs, 1)]
            assert [one.cohort for one in draws] == [None, 0, 20, 80]
            assert {len(one.searches.mated) for one in draws} == {gallery * (3 - photographs)}
            assert {tuple(one.searches.strange_people.tolist()) for one in draws} == {
                tuple(draws[0].searches.strange_people.tolist())
            }


def test_draws_of_one_kind_are_one_row(measured: list[Measured]) -> None:
    found = rows(measured)
    assert [row.label for row in found[:4]] == [
        "nearest", "normalised, cohort 0", "normalised, cohort 20", "normalised, cohort 80",
    ]  # fmt: skip
    assert len(found) == 16
    assert all([one.seed for one in row.measured] == [0, 1] for row in found)
    assert [(row.gallery, row.photographs) for row in found[::4]] == [(30, 1), (30, 2), (60, 1), (60, 2)]


def test_the_document_tells_the_numbers_of_the_rows(crowded: LabelledFaces, measured: list[Measured]) -> None:
    found = rows(measured)
    document = json.loads(json.dumps(as_json(crowded, PROTOCOL, found, {}), allow_nan=False))
    assert document["schema"] == SCHEMA == "rollcall.evaluate.folders/1"
    assert document["material"] == {
        "people": 300, "people_with_several": 300, "photographs": 903, "without_a_face": 3,
    }  # fmt: skip
    assert document["seeds"] == [0, 1]
    for row, told in zip(found, document["results"], strict=True):
        assert [one["fpir"] for one in told["fnir_at_fpir"]] == list(FPIRS)
        for fpir, one in zip(FPIRS, told["fnir_at_fpir"], strict=True):
            assert one["fnir"]["mean"] == pytest.approx(sum(row.fnir(fpir)) / 2)
            assert one["fnir"]["least"] == min(row.fnir(fpir))
        for seed in told["seeds"]:
            assert seed["non_mated"] == {"searches": 300, "people": 100}
            for at in seed["at"]:
                assert at["fpir_measured"] <= at["fpir"]
                assert at["fnir"]["low"] <= at["fnir"]["value"] <= at["fnir"]["high"]
        assert [point["fpir"] for point in told["det"]] == list(CURVE)
        assert all(first["fnir"] >= second["fnir"] for first, second in pairwise(told["det"]))
    # Nothing in it is an embedding: no list is as long as one, but for the curve.
    assert len(CURVE) < 128


def test_too_few_people_are_told(crowded: LabelledFaces) -> None:
    with pytest.raises(NotEnoughPeople):
        measure(crowded, Protocol((301,), (1,), 1), print)
