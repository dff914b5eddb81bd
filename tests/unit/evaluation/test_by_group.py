"""False names by group of people."""

import json
from pathlib import Path

import numpy as np
import pytest

from config.errors import BadTruth
from evaluation.by_group import FPIR, GroupRates, by_group, read_groups
from evaluation.searches import Searches


def searches(strangers: list[float], who: list[int]) -> Searches:
    """Two of person 1 and one of person 2 are mated, of which one of person 1 gets another's name."""
    return Searches(
        mated=np.array([-9.0, -9.0, -9.0]), right=np.array([True, False, True]), mated_people=np.array([1, 1, 2]),
        strangers=np.array(strangers), strange_people=np.array(who),
    )  # fmt: skip


def test_each_group_is_judged_at_the_limit_of_all() -> None:
    # Of 200 strangers two are below the limit for 1 %, both of person 7.
    scores = [-1.0, -0.9, 0.5, *np.linspace(0, 1, 197)]
    draw = searches(scores, [7, 7, 7, *range(100, 297)])
    whole, others, twins = by_group([draw, draw], {1: "others", 7: "twins", 8: "twins"})
    assert whole == GroupRates(None, 400, FPIR, 6, 2 / 6)
    assert twins == GroupRates("twins", 6, 4 / 6, 0, None)
    assert others == GroupRates("others", 0, None, 4, 0.5)
    assert by_group([draw], {}) == []


def test_groups_are_read(tmp_path: Path) -> None:
    file = tmp_path / "groups.json"
    file.write_text(json.dumps({"twins": ["Ann", "Bea"], "others": []}))
    assert read_groups(file, ["Bea", "Carl", "Ann"]) == {0: "twins", 2: "twins"}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "no JSON object"),
        ("[1]", "no JSON object"),
        ('{"twins": "Ann"}', "no JSON object"),
        ('{"twins": ["Dora"]}', "Dora of twins has no folder"),
        ('{"twins": ["Ann"], "others": ["Ann"]}', "Ann is named twice"),
    ],
)
def test_files_that_say_something_else_are_refused(tmp_path: Path, written: str, told: str) -> None:
    file = tmp_path / "groups.json"
    file.write_text(written)
    with pytest.raises(BadTruth, match=told):
        read_groups(file, ["Ann", "Bea"])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadTruth, match="cannot be read"):
        read_groups(tmp_path / "none.json", [])
