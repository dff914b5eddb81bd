"""What people are called."""

from hypothesis import given
from hypothesis import strategies as st

from report.names import initials, labels


def test_unknown_people_are_counted_in_order() -> None:
    assert labels([None, "Joe Biden", None], [None] * 3, [None] * 3, [False] * 3) == [
        "Unknown 1",
        "Joe Biden",
        "Unknown 2",
    ]


def test_whom_a_reviewer_is_asked_about_stands_beside_the_number() -> None:
    made = labels([None, None, "Joe Biden"], [None, "Joe Biden", None], [None] * 3, [False] * 3)
    assert made == ["Unknown 1", "Unknown 2, perhaps Joe Biden", "Joe Biden"]


def test_who_is_not_recognisable_has_a_number_of_their_own() -> None:
    made = labels([None, None, "Joe Biden", None], [None] * 4, [None] * 4, [True, False, False, True])
    assert made == ["Not recognisable 1", "Unknown 1", "Joe Biden", "Not recognisable 2"]
    assert labels(["not recognisable 1", None], [None] * 2, [None] * 2, [False, True])[1] == "Not recognisable 2"


def test_a_number_that_is_a_name_is_passed_over() -> None:
    assert labels([None, "unknown 1", None], [None] * 3, [None] * 3, [False] * 3) == [
        "Unknown 2",
        "unknown 1",
        "Unknown 3",
    ]


def test_whoever_is_known_from_other_videos_is_called_by_the_code_unless_that_is_a_name() -> None:
    assert labels([None, None, None], [None] * 3, [None, "U-7", None], [False] * 3) == ["Unknown 1", "U-7", "Unknown 2"]
    assert labels([None, "u-7"], [None] * 2, ["U-7", None], [False] * 2) == ["Unknown 1", "u-7"]


@given(st.lists(st.none() | st.sampled_from(["Unknown 1", "Unknown 2", "UNKNOWN 3", "x"]), unique_by=id).map(list))
def test_labels_are_unique_as_long_as_names_are(names: list[str | None]) -> None:
    known = list(dict.fromkeys(name for name in names if name))
    people: list[str | None] = [*known, *(None for name in names if name is None)]
    made = labels(people, [None] * len(people), [None] * len(people), [False] * len(people))
    assert len({label.casefold() for label in made}) == len(people)
    assert [label for label, name in zip(made, people, strict=True) if name] == known


def test_letters_instead_of_a_picture() -> None:
    assert initials("Barack Obama") == "BO"
    assert initials("George H. W. Bush") == "GB"
    assert initials("Pelé") == "P"
    assert initials(None) == "?"
