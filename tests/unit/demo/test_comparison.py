"""The demo's verdict: what counts as found, shifted, missing, false, split and mixed up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.comparison import Expected, Found, Verdict, compare, found_in

INTERVAL = Fraction(3)


def expected(person: str, start: str, end: str, *, enrolled: bool = True) -> Expected:
    return Expected(person, person if enrolled else None, Fraction(start), Fraction(end))


def found(label: str, start: str, end: str, *, named: bool = True) -> Found:
    return Found(label, label if named else None, Fraction(start), Fraction(end))


def verdicts(truth: list[Expected], answer: list[Found]) -> list[Verdict]:
    return [row.verdict for row in compare(truth, answer, INTERVAL).rows]


def test_an_appearance_seen_at_the_samples_inside_it_is_right() -> None:
    comparison = compare([expected("Ada", "4.4", "13.6")], [found("Ada", "6", "12")], INTERVAL)
    (row,) = comparison.rows
    assert row.verdict == Verdict.RIGHT
    assert (row.start_deviation, row.end_deviation) == (Fraction("1.6"), Fraction("-1.6"))
    assert comparison.differences == []


@pytest.mark.parametrize(
    ("start", "end", "verdict"),
    [
        ("7.4", "13.6", Verdict.RIGHT),
        ("7.5", "13.6", Verdict.SHIFTED),
        ("4.4", "10.6", Verdict.RIGHT),
        ("4.4", "10.5", Verdict.SHIFTED),
        ("1.3", "13.6", Verdict.SHIFTED),
        ("4.4", "16.7", Verdict.SHIFTED),
    ],
)
def test_an_end_may_be_off_by_one_interval_and_no_more(start: str, end: str, verdict: Verdict) -> None:
    assert verdicts([expected("Ada", "4.4", "13.6")], [found("Ada", start, end)]) == [verdict]


def test_a_shift_is_told_with_both_stretches() -> None:
    comparison = compare([expected("Ada", "4.4", "13.6")], [found("Ada", "9", "18")], INTERVAL)
    assert comparison.differences == ["4.4–13.6 s: Ada was found at 9.0–18.0 s"]


def test_an_appearance_that_nobody_found_is_missing() -> None:
    comparison = compare([expected("Ada", "4.4", "13.6")], [], INTERVAL)
    assert [row.verdict for row in comparison.rows] == [Verdict.MISSING]
    assert comparison.differences == ["4.4–13.6 s: Ada was not found"]


def test_an_appearance_apart_from_the_true_one_is_no_match() -> None:
    truth, answer = [expected("Ada", "4", "13")], [found("Ada", "15", "18")]
    assert verdicts(truth, answer) == [Verdict.MISSING, Verdict.UNEXPECTED]


def test_a_name_for_somebody_who_is_not_there_is_told() -> None:
    comparison = compare([], [found("Ada", "3", "9")], INTERVAL)
    assert comparison.differences == ["3.0–9.0 s: Ada was found, and is not there"]


def test_the_wrong_name_is_both_missing_and_false() -> None:
    truth, answer = [expected("Ada", "4", "13")], [found("Grace", "6", "12")]
    assert sorted(verdicts(truth, answer)) == sorted([Verdict.MISSING, Verdict.UNEXPECTED])


def test_a_name_for_a_stranger_is_wrong() -> None:
    truth, answer = [expected("Ada", "4", "13", enrolled=False)], [found("Ada", "6", "12")]
    assert sorted(verdicts(truth, answer)) == sorted([Verdict.MISSING, Verdict.UNEXPECTED])


def test_a_stranger_found_as_unknown_is_right() -> None:
    truth, answer = [expected("Ada", "4", "13", enrolled=False)], [found("Unknown 1", "6", "12", named=False)]
    assert verdicts(truth, answer) == [Verdict.RIGHT]


def test_a_split_appearance_is_wrong_even_where_its_ends_are_right() -> None:
    truth = [expected("Ada", "4", "31")]
    answer = [found("Ada", "6", "12"), found("Ada", "21", "30")]
    comparison = compare(truth, answer, INTERVAL)
    assert [row.verdict for row in comparison.rows] == [Verdict.SHIFTED, Verdict.UNEXPECTED]
    assert comparison.rows[0].found == answer[1], "the longer part is the appearance"
    assert len(comparison.differences) == 2


def test_two_appearances_merged_into_one_are_wrong() -> None:
    truth = [expected("Ada", "4", "13"), expected("Ada", "28", "38")]
    assert verdicts(truth, [found("Ada", "6", "36")]) == [Verdict.MISSING, Verdict.SHIFTED]


def test_one_sighting_is_enough_for_a_short_appearance() -> None:
    assert verdicts([expected("Ada", "4", "7")], [found("Ada", "6", "6")]) == [Verdict.RIGHT]


def test_two_strangers_under_one_label_are_wrong() -> None:
    truth = [expected("Ada", "4", "13", enrolled=False), expected("Grace", "28", "38", enrolled=False)]
    answer = [found("Unknown 1", "6", "12", named=False), found("Unknown 1", "30", "36", named=False)]
    comparison = compare(truth, answer, INTERVAL)
    assert [row.verdict for row in comparison.rows] == [Verdict.RIGHT, Verdict.RIGHT]
    assert comparison.differences == ["Unknown 1 stands for Ada and Grace"]


def test_strangers_at_one_time_are_paired_by_the_longest_common_stretch() -> None:
    truth = [expected("Ada", "0", "30", enrolled=False), expected("Grace", "0", "10", enrolled=False)]
    answer = [found("Unknown 2", "0", "9", named=False), found("Unknown 1", "0", "30", named=False)]
    assert verdicts(truth, answer) == [Verdict.RIGHT, Verdict.RIGHT]


def test_a_report_gives_its_appearances_with_exact_times() -> None:
    report = {
        "people": [
            {"label": "Ada", "name": "Ada", "appearances": [{"start": 6, "end": Fraction("12.04")}]},
            {"label": "Unknown 1", "name": None, "appearances": [{"start": 30, "end": 36}, {"start": 60, "end": 60}]},
        ]
    }
    assert found_in(report) == [
        found("Ada", "6", "12.04"),
        found("Unknown 1", "30", "36", named=False),
        found("Unknown 1", "60", "60", named=False),
    ]


spans = st.tuples(st.integers(0, 90), st.integers(1, 20)).map(lambda each: (each[0], each[0] + each[1]))
people = st.sampled_from(["Ada", "Grace"])


@given(
    st.lists(st.tuples(people, spans, st.booleans()), max_size=6),
    st.lists(st.tuples(people, spans, st.booleans()), max_size=6),
)
def test_every_appearance_stands_in_exactly_one_row_and_only_right_rows_are_silent(
    truths: list[tuple[str, tuple[int, int], bool]], answers: list[tuple[str, tuple[int, int], bool]]
) -> None:
    truth = [expected(who, str(a), str(b), enrolled=enrolled) for who, (a, b), enrolled in truths]
    answer = [found(who, str(a), str(b), named=named) for who, (a, b), named in answers]
    comparison = compare(truth, answer, INTERVAL)
    shown_truth = [row.expected for row in comparison.rows if row.expected]
    shown_answer = [row.found for row in comparison.rows if row.found]
    assert sorted(map(repr, shown_truth)) == sorted(map(repr, truth))
    assert sorted(map(repr, shown_answer)) == sorted(map(repr, answer))
    assert all(row.expected.name == row.found.name for row in comparison.rows if row.expected and row.found)
    wrong = [row for row in comparison.rows if row.verdict != Verdict.RIGHT]
    assert bool(comparison.differences) >= bool(wrong)


@given(st.lists(st.tuples(people, spans), max_size=5, unique_by=lambda each: each[1][0] // 30))
def test_the_truth_itself_is_right(truths: list[tuple[str, tuple[int, int]]]) -> None:
    truth = [expected(who, str(a), str(b)) for who, (a, b) in truths]
    answer = [found(each.person, str(each.start), str(each.end)) for each in truth]
    assert compare(truth, answer, INTERVAL).differences == []
