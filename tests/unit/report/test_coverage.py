"""Every planned sample is accounted for, once."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from db.schema import SampleOutcome, SampleRun, Segment
from db.states import SegmentState
from report.coarse import coarse_parts
from report.coverage import UNACCOUNTED, coverage
from report.model import Coverage, Refill

INTERVAL = Fraction(3)


def segment(
    number: int, first: int, end: int | None, state: str = "done", cause: str | None = None, stride: int = 1
) -> Segment:
    return Segment(
        id=number, number=number, first_sample=first, end_sample=end, state=state, cause=cause, stride=stride
    )


def run(first: int, end: int, outcome: str = "analysed", stride: int = 1) -> SampleRun:
    ticks = (None, None) if outcome == "undecodable" else (first * 300, (end - 1) * 300)
    return SampleRun(
        first_sample=first, end_sample=end, outcome=outcome, first_pts=ticks[0], last_pts=ticks[1], stride=stride
    )


def shape(account: Coverage) -> list[tuple[str, int, int]]:
    return [(stretch.outcome.value, stretch.first_sample, stretch.end_sample) for stretch in account.stretches]


def test_runs_that_end_alike_are_joined_across_segments() -> None:
    account = coverage(
        [segment(1, 0, 4), segment(2, 4, 8)],
        {1: [run(0, 1, "flat"), run(1, 4)], 2: [run(4, 6), run(6, 8, "carried")]},
        INTERVAL,
        Fraction(24),
    )
    assert shape(account) == [("flat", 0, 1), ("analysed", 1, 6), ("carried", 6, 8)]
    joined = account.stretches[1]
    assert (joined.start, joined.end) == (Fraction(3), Fraction(18))
    assert (joined.first_pts, joined.last_pts) == (300, 1500)
    assert account.planned == 8
    assert account.looked_at == 8


def test_a_stretch_ends_where_the_video_does() -> None:
    account = coverage([segment(1, 0, 3)], {1: [run(0, 3)]}, INTERVAL, Fraction(13, 2))
    assert account.stretches[0].end == Fraction(13, 2)


def test_a_failed_segment_says_why_nobody_looked() -> None:
    lost = segment(2, 2, 5, "failed", "worker-died")
    lost.detail = "killed"
    account = coverage(
        [segment(1, 0, 2), lost], {1: [run(0, 2)], 2: [run(2, 5, "undecodable")]}, INTERVAL, Fraction(15)
    )
    assert shape(account) == [("analysed", 0, 2), ("undecodable", 2, 5)]
    assert (account.stretches[1].cause, account.stretches[1].detail) == ("worker-died", "killed")
    assert account.looked_at == 2


def test_what_an_earlier_try_left_behind_is_not_told() -> None:
    done = segment(1, 0, 2, "done")
    done.detail = "the first try was killed"
    account = coverage([done], {1: [run(0, 1), run(1, 2, "undecodable")]}, INTERVAL, Fraction(6))
    assert account.stretches[1].detail is None


def test_lost_samples_of_different_causes_are_kept_apart() -> None:
    account = coverage(
        [segment(1, 0, 2), segment(2, 2, 4, "failed", "worker-died")],
        {1: [run(0, 2, "undecodable")], 2: [run(2, 4, "undecodable")]},
        INTERVAL,
        Fraction(12),
    )
    assert [stretch.cause for stretch in account.stretches] == [None, "worker-died"]


def test_planned_samples_of_which_nothing_is_told_were_not_looked_at() -> None:
    account = coverage([segment(1, 0, 6)], {1: [run(1, 2), run(4, 5)]}, INTERVAL, Fraction(18))
    assert shape(account) == [
        ("undecodable", 0, 1), ("analysed", 1, 2), ("undecodable", 2, 4), ("analysed", 4, 5), ("undecodable", 5, 6)
    ]  # fmt: skip
    assert account.stretches[0].cause == UNACCOUNTED


def test_a_failed_segment_of_a_video_of_unknown_length_lost_at_least_a_sample() -> None:
    account = coverage([segment(1, 0, None, "failed", "worker-died")], {}, INTERVAL, Fraction(0))
    assert shape(account) == [("undecodable", 0, 1)]
    assert account.looked_at == 0
    # An open end of one that is done is no plan.
    assert coverage([segment(1, 0, None)], {1: [run(0, 2)]}, INTERVAL, Fraction(6)).planned == 2


Planned = tuple[list[Segment], dict[int, Sequence[SampleRun]], int]


@st.composite
def accounts(draw: st.DrawFn) -> Planned:
    """Segments without gaps between them, each told of completely, in part, or not at all."""
    segments: list[Segment] = []
    runs: dict[int, Sequence[SampleRun]] = {}
    at = 0
    for number in range(1, draw(st.integers(1, 5)) + 1):
        pieces = draw(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([*SampleOutcome, None])), min_size=1))
        first, told = at, []
        for length, outcome in pieces:
            if outcome is not None:
                told.append(run(at, at + length, outcome))
            at += length
        state = draw(st.sampled_from([SegmentState.DONE, SegmentState.FAILED, SegmentState.QUARANTINED]))
        segments.append(segment(number, first, at, state, None if state == SegmentState.DONE else "why"))
        runs[number] = told
    return segments, runs, at


@given(accounts())
def test_the_four_outcomes_add_up_to_the_plan(planned: Planned) -> None:
    segments, runs, samples = planned
    account = coverage(segments, runs, INTERVAL, samples * INTERVAL)
    assert account.planned == samples == sum(account.count(outcome) for outcome in SampleOutcome)
    at = 0
    for stretch in account.stretches:
        assert stretch.first_sample == at < stretch.end_sample
        at = stretch.end_sample
    for told in runs.values():
        for one in told:
            covering = [s for s in account.stretches if s.first_sample <= one.first_sample < s.end_sample]
            assert [s.outcome for s in covering] == [one.outcome]


def test_samples_that_were_left_out_are_accounted_for() -> None:
    account = coverage(
        [segment(1, 0, 8, stride=4), segment(2, 8, 13, stride=2), segment(3, 13, 15)],
        {1: [run(0, 8, stride=4)], 2: [run(8, 12, "flat", 2), run(12, 13, "undecodable", 2)], 3: [run(13, 15)]},
        INTERVAL,
        Fraction(45),
    )
    assert [stretch.count for stretch in account.stretches] == [2, 2, 1, 2]
    assert account.planned == 15
    assert account.left_out == 6 + 2
    assert account.looked_at == 2 + 2 + 2
    assert account.refill == Refill.TO_COME
    assert [account.stride_at(Fraction(second)) for second in (0, 23, 24, 39, 44)] == [4, 4, 2, 1, 1]


def test_parts_of_one_stride_are_joined_where_their_samples_go_on() -> None:
    segments = [segment(1, 0, 4, stride=2), segment(2, 4, 9, stride=2), segment(3, 9, 12, stride=2)]
    account = coverage(
        segments,
        {1: [run(0, 4, stride=2)], 2: [run(4, 9, stride=2)], 3: [run(9, 12, stride=2)]},
        INTERVAL,
        Fraction(36),
    )
    assert shape(account) == [("analysed", 0, 9), ("analysed", 9, 12)]
    assert [stretch.count for stretch in account.stretches] == [5, 2]
    (part,) = coarse_parts(account)
    assert (part.start, part.end, part.left_out) == (Fraction(0), Fraction(36), 5)


def test_what_could_not_be_looked_at_later_says_why() -> None:
    kept = segment(1, 0, 4, cause="file-missing")
    account = coverage([kept], {1: [run(0, 4, stride=2)]}, INTERVAL, Fraction(12))
    assert account.refill == Refill.GIVEN_UP
    assert account.stretches[0].cause == "file-missing"
    assert coarse_parts(account)[0].why == "file-missing"
    assert coverage([kept], {1: [run(0, 4)]}, INTERVAL, Fraction(12)).refill is None
