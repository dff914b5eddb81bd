import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BadTruth
from evaluation.truth import SCHEMA, Presence, Stretch, joined, read_truth

ANN = {"name": "Ann", "start": 4.4, "end": "68/5"}
VIDEO = {"video": "film.mp4", "people": [ANN]}


def written(folder: Path, **changes: Any) -> Path:
    document = {"schema": SCHEMA, "videos": [VIDEO]} | changes
    return text(folder, json.dumps({name: value for name, value in document.items() if value is not None}))


def text(folder: Path, content: str) -> Path:
    file = folder / "truth.json"
    file.write_text(content)
    return file


def video(**changes: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in (VIDEO | changes).items() if value is not None}]


def test_times_are_exact_however_they_are_written(tmp_path: Path) -> None:
    people = [
        {"name": "Ann", "start": 0.1, "end": "1001/30000"},
        {"name": "Bob", "start": "7", "end": 8},
    ]
    people[0] |= {"start": "1001/30000", "end": 0.1}
    (found,) = read_truth(written(tmp_path, videos=video(people=people))).videos
    assert [(one.start, one.end) for one in found.people] == [
        (Fraction(1001, 30000), Fraction(1, 10)),
        (Fraction(7), Fraction(8)),
    ]


def test_stretches_of_one_person_that_overlap_or_touch_are_one_presence(tmp_path: Path) -> None:
    people = [
        {"name": "ann", "start": 20, "end": 30},
        {"name": "Ann", "start": 4, "end": 10},
        {"name": " Ann ", "start": 10, "end": 12},
        {"name": "Ann", "start": 11, "end": 12},
        {"name": "Bob", "start": 11, "end": 12},
    ]
    (found,) = read_truth(written(tmp_path, videos=video(people=people))).videos
    assert [(one.key, int(one.start), int(one.end)) for one in found.presences()] == [
        ("ann", 4, 12),
        ("bob", 11, 12),
        ("ann", 20, 30),
    ]


def test_people_are_in_groups_however_they_are_spelled(tmp_path: Path) -> None:
    truth = read_truth(written(tmp_path, groups={"sisters": ["ANN", "Bea"]}))
    assert truth.group_of() == {"ann": "sisters", "bea": "sisters"}


@pytest.mark.parametrize(
    ("changes", "place", "told"),
    [
        ({"schema": "rollcall.truth/2"}, "schema", "rollcall.truth/1"),
        ({"schema": None}, "schema", "required"),
        ({"videos": []}, "videos", "at least 1"),
        ({"vidoes": []}, "vidoes", "not permitted"),
        ({"videos": video(people=None)}, "videos[0].people", "required"),
        ({"videos": video(video=None)}, "videos[0]", "which video is it?"),
        ({"videos": video(sha256="0" * 64)}, "videos[0]", "which video is it?"),
        ({"videos": video(video=None, sha256="0" * 63)}, "videos[0].sha256", "pattern"),
        ({"videos": video(people=[ANN, ANN | {"end": 4.4}])}, "videos[0].people[1]", "ends at 4.4 s, not later"),
        ({"videos": video(people=[ANN | {"start": -1}])}, "videos[0].people[0].start", "-1 is no time"),
        ({"videos": video(people=[ANN | {"end": True}])}, "videos[0].people[0].end", "True is no time"),
        ({"videos": video(people=[ANN | {"end": "1:30"}])}, "videos[0].people[0].end", "1:30 is no time; give seconds"),
        ({"videos": video(people=[ANN | {"end": "1/0"}])}, "videos[0].people[0].end", "1/0 is no time"),
        ({"videos": video(people=[ANN | {"end": 1e300}])}, "videos[0].people[0].end", "is no time"),
        ({"videos": video(people=[ANN | {"end": None}])}, "videos[0].people[0].end", "is no time"),
        ({"videos": video(people=[ANN | {"name": "\x07"}])}, "videos[0].people[0].name", "characters"),
        ({"videos": video(people=[ANN | {"name": 7}])}, "videos[0].people[0].name", "string"),
        (
            {"videos": video(unlabelled=[{"start": 1, "end": 4}, {"start": 13, "end": 14}])},
            "videos[0]",
            "people[0], Ann, is on camera in a stretch that is unlabelled; end the one",
        ),
        ({"groups": {"one": ["Ann"], "two": ["ann"]}}, "the whole", "ann stands in them twice"),
    ],
)
def test_an_entry_that_is_off_is_named(tmp_path: Path, changes: dict[str, Any], place: str, told: str) -> None:
    file = written(tmp_path, **changes)
    with pytest.raises(BadTruth) as caught:
        read_truth(file)
    assert caught.value.subject == f"{file}, {place}"
    assert told in caught.value.what


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 100_000,
        '{"schema": "rollcall.truth/1", "videos": [], "videos": []}',
        '{"schema": "rollcall.truth/1", "videos": [{"video": "a", "people": [{"name": "A", "start": NaN, "end": 1}]}]}',
        '{"schema": "rollcall.truth/1", "videos": [{"video": "a", "people": [{"name":"A","start":1e-99999,"end":1}]}]}',
        "[]",
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadTruth):
        read_truth(text(tmp_path, content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadTruth, match="cannot be read"):
        read_truth(tmp_path / "truth.json")


stretches = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=8)


@given(stretches)
def test_the_union_covers_the_same_seconds_and_nothing_in_it_touches(drawn: list[tuple[int, int]]) -> None:
    labelled = [Stretch(start=Fraction(start), end=Fraction(start + length)) for start, length in drawn]
    union = joined(labelled)

    def covered(second: int, by: list[Stretch]) -> bool:
        return any(one.start <= second < one.end for one in by)

    assert all(covered(second, labelled) == covered(second, union) for second in range(40))
    assert all(one.end < other.start for one, other in pairwise(union))


def test_a_presence_is_of_a_person_however_the_name_is_spelled() -> None:
    one = Presence(name="ANN  Lee", start=Fraction(0), end=Fraction(1))
    assert (one.name, one.key) == ("ANN Lee", "ann lee")
