import json
from typing import Any

import pytest
from support.truths import labelled, seen

from db.identities import name_key
from evaluation.comparison import compare
from evaluation.videos import SCHEMA, Evaluation, as_json

ENROLLED = {"ann", "bob", "cy"}

Spans = list[tuple[str, float, float]]


def evaluation(*videos: tuple[Spans, Spans], groups: dict[str, str] | None = None) -> Evaluation:
    """Each video of 60 s: who is on camera, and who is named."""
    names = {name_key(name): name for people, named in videos for name, _, _ in (*people, *named)}
    compared = [compare(labelled(people), seen(named), ENROLLED) for people, named in videos]
    return Evaluation(compared, names, ENROLLED, groups or {})


def document(*videos: tuple[Spans, Spans], groups: dict[str, str] | None = None) -> dict[str, Any]:
    made = as_json(evaluation(*videos, groups=groups), [("lost.mp4", "is not in the ledger")])
    read: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return read


RIGHT: tuple[Spans, Spans] = ([("Ann", 0, 30)], [("Ann", 0, 27)])
MISSED: tuple[Spans, Spans] = ([("Ann", 0, 30)], [])
FALSE: tuple[Spans, Spans] = ([("Zoe", 0, 30)], [("Bob", 0, 27)])


def test_shares_are_of_all_videos_together() -> None:
    found = document(RIGHT, MISSED, FALSE)
    assert found["schema"] == SCHEMA == "rollcall.evaluate.videos/1"
    assert found["left_out"] == [{"video": "lost.mp4", "why": "is not in the ledger"}]
    assert found["per_frame"]["precision"]["value"] == 0.5
    assert found["per_frame"]["recall"]["value"] == 0.5
    assert found["per_frame"]["seconds"] == {"on_camera": 60, "named": 60, "right": 30, "not_looked_at": 0}
    appearances = found["per_appearance"]
    assert (appearances["on_camera"], appearances["found"]) == (2, 1)
    assert (appearances["named"], appearances["right"]) == (2, 1)
    assert appearances["strict"]["recall"]["value"] == 0.5


def test_false_names_are_told_by_the_hour_and_one_by_one() -> None:
    false = document(RIGHT, FALSE)["false_names"]
    assert false["count"] == 1
    assert false["per_hour"]["value"] == 30
    assert false["whose"] == {"stranger": 1, "enrolled": 0, "either": 0, "nobody": 0}
    assert false["list"] == [
        {"video": "film.mp4", "name": "Bob", "start": 0, "end": 27, "whose": "stranger", "people": ["Zoe"]}
    ]
    assert false["by_group"] == []


def test_groups_are_of_whose_face_it_was_and_by_their_time_on_camera() -> None:
    false = document(RIGHT, FALSE, groups={"zoe": "sisters", "ann": "others", "bob": "others"})["false_names"]
    whole, others, sisters = false["by_group"]
    assert whole["group"] is None
    assert (whole["hours_on_camera"], whole["false_names"]) == (pytest.approx(1 / 60), 1)
    assert (others["false_names"], others["times_the_whole"]) == (0, 0)
    assert (sisters["people"], sisters["per_hour_on_camera"]) == (1, pytest.approx(120))
    assert sisters["times_the_whole"] == pytest.approx(2)


def test_every_person_has_a_row() -> None:
    people = {row["name"]: row for row in document(RIGHT, MISSED, FALSE)["people"]}
    assert list(people) == ["Ann", "Bob", "Zoe"]
    ann, bob, zoe = people.values()
    assert (ann["seconds_on_camera"], ann["recall_per_frame"]) == (60, 0.5)
    assert (ann["videos"], ann["videos_found_in"], ann["appearances_found"]) == (2, 1, 1)
    assert (bob["enrolled"], bob["videos"], bob["named_falsely"], bob["recall_per_frame"]) == (True, 0, 1, None)
    assert (zoe["enrolled"], zoe["videos"], zoe["face_named_falsely"]) == (False, 1, 1)


def test_where_nothing_is_named_there_is_no_precision() -> None:
    found = document(MISSED)
    assert found["per_frame"]["precision"] == {"value": None, "low": None, "high": None}
    assert found["per_frame"]["recall"]["value"] == 0
    assert found["borders"] == {"all": None, "start": None, "end": None}
    assert found["grouping"] is None


def test_few_videos_of_few_people_have_no_interval_and_say_so() -> None:
    found = document(*[RIGHT, MISSED] * 4)
    assert found["interval"] == {"method": None, "why": "fewer than 10 videos (8) and people (1)"}
    assert found["per_frame"]["recall"] == {"value": 0.5, "low": None, "high": None}


def test_many_videos_are_drawn_whole() -> None:
    found = document(*[RIGHT, MISSED] * 10, FALSE)
    assert found["interval"]["method"] == "bootstrap over videos"
    recall, precision = found["per_frame"]["recall"], found["per_frame"]["precision"]
    # Of 20 videos half are missed; by the normal approximation the interval is 0.5 ± 0.22.
    assert recall["low"] == pytest.approx(0.28, abs=0.06)
    assert recall["high"] == pytest.approx(0.72, abs=0.06)
    assert precision["low"] < precision["value"] == 10 / 11 < precision["high"]
    assert found["false_names"]["per_hour"]["low"] == 0


def test_people_are_drawn_where_videos_are_few() -> None:
    names = [f"Person {number}" for number in range(12)]
    people: Spans = [(name, 0, 30) for name in names]
    found = as_json(
        Evaluation(
            [compare(labelled(people), seen(people[:6]), {name_key(name) for name in names})],
            {name_key(name): name for name in names},
            {name_key(name) for name in names},
            {},
        ),
        [],
    )
    assert found["interval"]["method"] == "bootstrap over people"
    assert found["per_appearance"]["recall"]["low"] < 0.5 < found["per_appearance"]["recall"]["high"]
    # Six of six were right: the exact interval of six people.
    assert found["per_appearance"]["precision"]["low"] == pytest.approx(0.541, abs=0.001)
    # No false name in a minute of video: at most −ln 0.025 in as long.
    assert found["false_names"]["per_hour"] == {"value": 0, "low": 0, "high": pytest.approx(3.689 * 60, rel=0.001)}
