from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.truths import labelled, seen

from config.errors import BadTruth
from evaluation.comparison import Compared, Tally, Whose, compare
from evaluation.truth import LabelledVideo

ENROLLED = {"ann", "bob", "cy"}


def tally(truth: LabelledVideo, *appearances: tuple[str, float, float], name: str = "ann", **kind: int) -> Tally:
    return compare(truth, seen(appearances, **kind), ENROLLED).tallies[name]  # type: ignore[arg-type]  # ints only


def false_names(
    people: list[tuple[str, float, float]],
    appearances: list[tuple[str, float, float]],
    unlabelled: list[tuple[float, float]] | None = None,
) -> list[tuple[str, Whose, tuple[str, ...]]]:
    found = compare(labelled(people, unlabelled or ()), seen(appearances), ENROLLED)
    return [(one.name, one.whose, one.people) for one in found.false_names]


def errors(found: Compared) -> list[tuple[str, float]]:
    return [(one.border, float(one.error)) for one in found.borders]


def test_samples_weigh_the_seconds_that_they_stand_for() -> None:
    # Samples at 0, 3, …, 57 and 60 of a video of 61 s: Ann is there in those at 51 to 60, named in those at 54 to 60.
    found = tally(labelled([("Ann", 50, 61)]), ("Ann", 54, 60), length=61)
    assert (found.on_camera_seconds, found.named_seconds, found.right_seconds) == (10, 7, 7)
    # Named in those at 42 and 45 too, where she is not.
    found = tally(labelled([("Ann", 50, 61)]), ("Ann", 42, 46), ("Ann", 54, 60), length=61)
    assert (found.on_camera_seconds, found.named_seconds, found.right_seconds) == (10, 13, 7)


def test_the_frame_at_the_end_of_an_appearance_shows_the_person_and_that_at_the_end_of_a_presence_does_not() -> None:
    found = tally(labelled([("Ann", 3, 9)]), ("Ann", 3, 9))
    assert (found.on_camera_seconds, found.named_seconds, found.right_seconds) == (6, 9, 6)


def test_not_seen_differs_from_not_looked_at() -> None:
    found = compare(labelled([("Ann", 0, 12)]), seen([("Ann", 0, 3)], blind=[2]), ENROLLED).tallies["ann"]
    assert (found.on_camera_seconds, found.right_seconds, found.blind_seconds) == (12, 6, 3)


def test_strangers_cannot_be_found_and_are_not_missed() -> None:
    found = compare(labelled([("Zoe", 0, 12), ("Ann", 20, 30)]), seen([]), ENROLLED)
    assert set(found.tallies) == {"ann"}
    assert found.on_camera == {"zoe": 12, "ann": 10}


def test_names_are_compared_however_they_are_spelled() -> None:
    assert tally(labelled([("ANN", 3, 9)]), ("Ann", 3, 6)).right == 1


def test_a_sighting_in_one_frame_finds_a_presence() -> None:
    found = tally(labelled([("Ann", 5, 7)]), ("Ann", 6, 6))
    assert (found.presences, found.found, found.appearances, found.right, found.strict) == (1, 1, 1, 1, 0)


@pytest.mark.parametrize(("start", "right"), [(8, 1), (9, 0)])
def test_a_presence_ends_just_before_its_end(start: float, right: int) -> None:
    assert tally(labelled([("Ann", 3, 9)]), ("Ann", start, 12)).right == right


def test_a_presence_in_pieces_is_found_and_all_pieces_are_right_but_one_partner_only_is_strict() -> None:
    found = tally(labelled([("Ann", 0, 30)]), ("Ann", 0, 6), ("Ann", 12, 30))
    assert (found.presences, found.found, found.appearances, found.right, found.strict) == (1, 1, 2, 2, 1)


def test_an_appearance_that_bridges_presences_finds_both_and_is_one() -> None:
    found = tally(labelled([("Ann", 0, 12), ("Ann", 14, 21)]), ("Ann", 0, 20))
    assert (found.presences, found.found, found.appearances, found.right, found.strict) == (2, 2, 1, 1, 1)


@pytest.mark.parametrize(("end", "strict"), [(24, 1), (24.1, 0)])
def test_the_stricter_rule_wants_half_of_both_together(end: float, strict: int) -> None:
    assert tally(labelled([("Ann", 0, 12)]), ("Ann", 0, end)).strict == strict


def test_borders_are_off_by_how_much_too_late() -> None:
    found = compare(labelled([("Ann", 4.5, 13), ("Bob", 20, 30)]), seen([("Ann", 6, 12), ("Bob", 18, 33)]), ENROLLED)
    assert errors(found) == [("start", 1.5), ("end", -1), ("start", -2), ("end", 3)]
    assert {one.uncertainty for one in found.borders} == {3}


def test_only_the_partner_with_the_longest_common_time_tells_borders() -> None:
    found = compare(labelled([("Ann", 4, 30)]), seen([("Ann", 6, 9), ("Ann", 15, 27)]), ENROLLED)
    assert errors(found) == [("start", 11), ("end", -3)]


def test_borders_of_the_video_and_of_unlabelled_stretches_tell_nothing() -> None:
    truth = labelled([("Ann", 0, 12), ("Bob", 20, 30), ("Cy", 40, 60)], [(12, 20)])
    found = compare(truth, seen([("Ann", 0, 15), ("Bob", 21, 27), ("Cy", 42, 57)]), ENROLLED)
    assert errors(found) == [("end", -3), ("start", 2)]


def test_a_false_name_says_whose_face_it_may_have_been() -> None:
    zoe, bob = ("Zoe", 0, 10), ("Bob", 0, 10)
    ann = ("Ann", 3, 6)
    assert false_names([], [ann]) == [("Ann", Whose.NOBODY, ())]
    assert false_names([zoe], [ann]) == [("Ann", Whose.STRANGER, ("zoe",))]
    assert false_names([bob], [ann]) == [("Ann", Whose.ENROLLED, ("bob",))]
    assert false_names([bob, zoe], [ann]) == [("Ann", Whose.EITHER, ("bob", "zoe"))]
    # Whoever is named at the same time has their own face.
    assert false_names([bob, zoe], [ann, ("Bob", 0, 9)]) == [("Ann", Whose.STRANGER, ("zoe",))]
    # Somebody who comes later is not whose face it was.
    assert false_names([("Zoe", 7, 10)], [ann]) == [("Ann", Whose.NOBODY, ())]
    # Somebody who is there is no false name.
    assert false_names([("Ann", 6, 20)], [ann]) == []


def test_a_second_piece_of_somebody_who_is_there_is_no_false_name() -> None:
    assert false_names([("Ann", 0, 30)], [("Ann", 0, 6), ("Ann", 20, 27)]) == []


def test_in_unlabelled_stretches_nothing_counts() -> None:
    truth = labelled([("Ann", 0, 12)], [(30, 45)])
    found = compare(truth, seen([("Ann", 0, 9), ("Ann", 30, 42), ("Bob", 33, 36)]), ENROLLED)
    assert found.false_names == []
    assert set(found.tallies) == {"ann"}
    assert found.tallies["ann"].appearances == 1
    assert found.tallies["ann"].named_seconds == 12
    assert found.seconds == 45
    # What reaches out of it counts, but for the seconds inside.
    found = compare(truth, seen([("Bob", 27, 36)]), ENROLLED)
    assert [one.name for one in found.false_names] == ["Bob"]
    assert found.tallies["bob"].named_seconds == 3


def test_a_truth_that_reaches_beyond_the_video_ends_with_it_and_one_that_begins_there_is_refused() -> None:
    found = compare(labelled([("Ann", 50, 600)], [(0, 10)]), seen([("Ann", 51, 57)]), ENROLLED)
    assert found.on_camera == {"ann": 10}
    assert found.seconds == 50
    assert found.tallies["ann"].strict == 1
    assert errors(found) == [("start", 1)]
    with pytest.raises(BadTruth, match=r"film.mp4, Ann: starts at 60 s, and the video ends at 60 s"):
        compare(labelled([("Ann", 60, 61)]), seen([]), ENROLLED)
    with pytest.raises(BadTruth, match="an unlabelled stretch"):
        compare(labelled([], [(60, 61)]), seen([]), ENROLLED)


def test_the_only_face_of_a_sample_is_the_only_person_s() -> None:
    # Samples 0 to 3 show Ann alone, sample 4 Ann and Bob, samples 5 and 6 Bob alone, 7 nobody, 8 is not labelled.
    truth = labelled([("Ann", 0, 15), ("Bob", 12, 21)], [(23, 30)])
    faces = [(0, 1), (1, 1), (2, 2), (3, 1), (3, 4), (4, 1), (5, 3), (6, 3), (7, 3), (8, 3)]
    found = compare(truth, seen([], faces=faces), ENROLLED).faces
    # Sample 3 has two faces, so one of them is nobody's.
    assert found.tolist() == [[2, 1, 0], [0, 0, 2]]


stays = st.lists(
    st.tuples(st.sampled_from(["Ann", "Bob", "Zoe"]), st.integers(0, 50), st.integers(1, 20)), max_size=8
).map(lambda drawn: [(name, start, start + length) for name, start, length in drawn])


@given(stays)
def test_whoever_is_seen_exactly_as_labelled_is_right_in_everything(people: list[tuple[str, float, float]]) -> None:
    truth = labelled(people)
    exact = [(one.name, one.start, min(one.end, Fraction(60)) - Fraction(1, 1000)) for one in truth.presences()]
    found = compare(truth, seen(exact), {"ann", "bob", "zoe"})  # type: ignore[arg-type]  # fractions are times too
    total = sum(found.tallies.values(), Tally())
    assert total.right_seconds == total.named_seconds == total.on_camera_seconds
    assert total.presences == total.found == total.appearances == total.right == total.strict == len(exact)
    assert total.false == 0
    assert found.false_names == []
    assert all(one.error in {0, Fraction(-1, 1000)} for one in found.borders)


@given(stays, stays)
def test_tallies_are_those_of_a_look_at_every_sample_and_every_pair(
    people: list[tuple[str, float, float]], named: list[tuple[str, float, float]]
) -> None:
    found = compare(labelled(people), seen(named), {"ann", "bob", "zoe"})
    total = sum(found.tallies.values(), Tally())
    there = {(name, t) for name, start, end in people for t in range(0, 60, 3) if start <= t < end}
    said = {(name, t) for name, start, end in named for t in range(0, 60, 3) if start <= t <= end}
    assert total.on_camera_seconds == 3 * len(there)
    assert total.named_seconds == 3 * len(said)
    assert total.right_seconds == 3 * len(there & said)
    assert total.appearances == len(named)
    assert total.right == sum(
        any(name == other and start <= until and since < end for other, start, end in people)
        for name, since, until in named
    )
    assert total.false == len(found.false_names)
    assert total.strict <= min(total.found, total.right)
