"""Forecasts, held to nights that are played event by event; and what a forecast must never say."""

import math
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.nights import EVENING, FORMATS, SEGMENT, Truth, open_video, played

from db.open_work import OpenWork
from db.schema import Priority
from db.states import VideoState
from scheduler.costs import Estimate, learn
from scheduler.forecast import Forecast, forecast
from scheduler.remaining import Plan

PLAN = Plan(interval_ms=3000, begins=EVENING, pieces={})
UTC = ZoneInfo("UTC")
ESTIMATE = learn(Truth(1).past(14, 40), [], now=EVENING, zone=UTC)


def made(
    videos: list[OpenWork],
    processes: int = 4,
    *,
    estimate: Estimate = ESTIMATE,
    plan: Plan = PLAN,
    risk: float = 0.05,
    measures: bool = False,
) -> Forecast:
    pieces = {video.id: math.ceil(float(video.length or 1) / SEGMENT) for video in videos}
    plan = replace(plan, pieces=pieces)
    found = forecast(videos, estimate, processes=processes, now=EVENING, plan=plan, risk=risk, measures=measures)
    assert found is not None
    return found


def hours(moment: object) -> float:
    return (moment - EVENING).total_seconds() / 3600  # type: ignore[operator, no-any-return]


def test_an_empty_queue_has_no_forecast() -> None:
    assert forecast([], ESTIMATE, processes=1, now=EVENING, plan=PLAN, risk=0.05) is None


@pytest.mark.parametrize(("nights", "spread"), [(1, 0.15), (14, 0.15), (14, 0.3)])
def test_the_interval_holds_the_end_about_as_often_as_it_says(nights: int, spread: float) -> None:
    rounds, held_80, held_95 = 50, 0, 0
    for seed in range(rounds):
        truth = Truth(seed, night=spread)
        past = truth.past(nights, 30)
        videos, works = truth.tonight(30)
        estimate = learn(past, [], now=EVENING, zone=UTC)
        empty = made(videos, estimate=estimate).outlook.empty
        pieces = [math.ceil(float(video.length or 0) / SEGMENT) for video in videos]
        end = EVENING + timedelta(seconds=max(played(works, pieces, 4)))
        held_80 += empty.low_80 <= end <= empty.high_80
        held_95 += empty.low_95 <= end <= empty.high_95
    # Three standard deviations of so many rounds below; above, one night alone may not know how wide it has to be.
    assert 0.8 - 3 * math.sqrt(0.16 / rounds) < held_80 / rounds < (0.96 if nights > 1 else 1.01)
    assert held_95 / rounds > 0.95 - 3 * math.sqrt(0.0475 / rounds)


def test_probabilities_of_being_late_come_true() -> None:
    told, came = 0.0, 0
    for seed in range(30):
        truth = Truth(seed)
        past = truth.past(14, 30)
        videos, works = truth.tonight(30)
        estimate = learn(past, [], now=EVENING, zone=UTC)
        middle = made(videos, estimate=estimate).outlook.empty.median
        deadline = EVENING + 0.7 * (middle - EVENING)
        videos = [replace(video, deadline=deadline) for video in videos]
        found = made(videos, estimate=estimate)
        pieces = [math.ceil(float(video.length or 0) / SEGMENT) for video in videos]
        ends = played(works, pieces, 4)
        told += sum(video.late for video in found.videos)
        came += sum(end > (deadline - EVENING).total_seconds() for end in ends)
    assert came > 100
    assert told == pytest.approx(came, rel=0.15)


@st.composite
def queues(draw: st.DrawFn) -> list[OpenWork]:
    lengths = draw(st.lists(st.integers(10, 5000) | st.none(), min_size=1, max_size=8))
    return [
        open_video(
            number,
            draw(st.sampled_from(FORMATS)),
            length,
            deadline=draw(st.none() | st.integers(-1, 5).map(lambda after: EVENING + timedelta(hours=after))),
            priority=draw(st.sampled_from(Priority)),
        )
        for number, length in enumerate(lengths, start=1)
    ]


@settings(max_examples=30)
@given(queues(), st.integers(1, 6))
def test_one_process_more_makes_nothing_later_or_likelier_late(videos: list[OpenWork], processes: int) -> None:
    fewer, more = made(videos, processes), made(videos, processes + 1)
    assert all(a.end <= b.end for a, b in zip(more.videos, fewer.videos, strict=True))
    assert all(a.late <= b.late for a, b in zip(more.videos, fewer.videos, strict=True))
    assert more.outlook.on_time >= fewer.outlook.on_time
    assert more.outlook.empty.high_95 <= fewer.outlook.empty.high_95


@settings(max_examples=30)
@given(queues(), st.integers(1, 6), st.integers(0, 8))
def test_one_video_more_makes_nothing_earlier(videos: list[OpenWork], processes: int, place: int) -> None:
    added = open_video(99, FORMATS[2], 2000)
    without = made(videos, processes)
    beside = made([*videos[:place], added, *videos[place:]], processes)
    least = timedelta(milliseconds=20)
    ends = {video.id: video.end for video in beside.videos}
    assert all(video.end <= ends[video.id] + least for video in without.videos)
    assert beside.outlook.empty.median >= without.outlook.empty.median - least


@settings(max_examples=30)
@given(queues(), st.integers(1, 6))
def test_a_forecast_is_in_order_and_the_same_each_time(videos: list[OpenWork], processes: int) -> None:
    found = made(videos, processes)
    assert found == made(videos, processes)
    empty = found.outlook.empty
    assert EVENING < empty.low_95 <= empty.low_80 <= empty.median <= empty.high_80 <= empty.high_95
    assert all(0 <= video.late <= 1 for video in found.videos)
    assert 0 <= found.outlook.on_time <= 1 - max(video.late for video in found.videos) + 1e-9


@given(st.permutations([open_video(number, FORMATS[0], 600, deadline=None) for number in range(1, 7)]))
@settings(max_examples=20)
def test_the_order_of_like_videos_does_not_matter(videos: list[OpenWork]) -> None:
    sorted_first = made(sorted(videos, key=lambda video: video.id), 1)
    one, other = sorted_first.outlook.empty, made(videos, 1).outlook.empty
    # The last one's finishing is waited for, and each video has luck of its own.
    assert hours(one.median) == pytest.approx(hours(other.median), rel=0.01)
    assert hours(one.high_95) == pytest.approx(hours(other.high_95), rel=0.01)


def test_the_night_is_not_begun_before_it_begins() -> None:
    videos = [open_video(1, FORMATS[0], 600), open_video(2, FORMATS[0], 600, state=VideoState.FINISHING)]
    found = made(videos, plan=replace(PLAN, begins=EVENING + timedelta(hours=2)))
    waiting, finishing = found.videos
    assert hours(waiting.end) > 2
    assert hours(finishing.end) < 0.2


def test_what_is_done_already_is_not_done_again() -> None:
    whole = open_video(1, FORMATS[0], 36_000)
    begun = replace(whole, state=VideoState.RUNNING, interval_ms=3000, begun=True, pieces=60, to_scan=whole.to_scan / 2)
    borders = replace(begun, to_scan=whole.to_scan * 0, to_refine=whole.to_scan / 2, refined=True)
    finishing = replace(borders, state=VideoState.FINISHING, to_refine=whole.to_scan * 0, pieces=0)
    times = [hours(made([video], 1).outlook.empty.median) for video in (whole, begun, borders, finishing)]
    shares = ESTIMATE.shares
    half = 1 - shares.scan / 2
    assert times[1] / times[0] == pytest.approx(half, rel=0.05)
    assert times[2] / times[0] == pytest.approx(shares.refine / 2 + shares.finish, rel=0.1)
    assert times[3] / times[0] == pytest.approx(shares.finish, rel=0.1)


def test_a_video_that_is_known_to_be_slow_is_foretold_to_be() -> None:
    video = replace(open_video(5), state=VideoState.RUNNING, interval_ms=3000, begun=True, pieces=6)
    plain = made([video], 1)
    known = made([video], 1, estimate=replace(ESTIMATE, known={5: (1.0, 900)}))
    assert hours(known.outlook.empty.median) / hours(plain.outlook.empty.median) == pytest.approx(
        math.exp(0.9), rel=0.1
    )
    assert hours(known.outlook.empty.high_95) / hours(known.outlook.empty.low_95) < hours(
        plain.outlook.empty.high_95
    ) / hours(plain.outlook.empty.low_95)


def test_measures_say_what_they_would_change() -> None:
    deadline = EVENING + timedelta(hours=3)
    videos = [
        open_video(
            number, FORMATS[0], 6000, deadline=deadline, priority=Priority.LOW if number % 3 == 0 else Priority.NORMAL
        )
        for number in range(1, 61)
    ]
    found = made(videos, 3, measures=True)
    assert found.outlook.on_time < 0.5
    outlooks = {measure.name: measure.outlook for measure in found.measures}
    assert list(outlooks) == ["one-more-process", "coarser-low", "coarser-low-normal", "postpone-low"]
    assert all(outlook.empty.median < found.outlook.empty.median for outlook in outlooks.values())
    assert all(outlook.at_risk <= found.outlook.at_risk for outlook in outlooks.values())
    assert outlooks["coarser-low-normal"].empty.median < outlooks["coarser-low"].empty.median
    assert outlooks["postpone-low"].postponed == 20
    assert outlooks["one-more-process"].empty == made(videos, 4).outlook.empty


def test_enough_processes_are_the_least_that_are() -> None:
    videos = [open_video(number, FORMATS[0], 6000) for number in range(1, 201)]
    found = made(videos, 3, measures=True).enough
    assert found is not None
    assert made(videos, found).outlook.on_time >= 0.95 > made(videos, found - 1).outlook.on_time
    assert made(videos, 2 * found, measures=True).enough == found


def test_no_number_of_processes_makes_up_for_a_deadline_that_has_passed() -> None:
    found = made([open_video(1, deadline=EVENING - timedelta(hours=1))], measures=True)
    assert found.enough is None
    assert found.outlook.on_time == 0
    assert [video.late for video in found.at_risk] == [1.0]


def test_more_processes_than_pieces_do_not_help() -> None:
    videos = [open_video(1, seconds=36_000, deadline=EVENING + timedelta(seconds=20), priority=Priority.LOW)]
    for processes in (1, 120, 500):
        found = made(videos, processes, measures=True)
        assert found.enough is None
        assert [measure.name for measure in found.measures] == ["one-more-process", "coarser-low"]


def test_begun_videos_are_not_postponed() -> None:
    begun = replace(
        open_video(1, priority=Priority.LOW), state=VideoState.RUNNING, begun=True, interval_ms=3000, pieces=12
    )
    names = [measure.name for measure in made([begun], measures=True).measures]
    assert names == ["one-more-process", "coarser-low"]
    scanned = replace(begun, to_scan=0 * begun.to_scan)
    assert [measure.name for measure in made([scanned], measures=True).measures] == ["one-more-process"]


def test_the_horizon_is_the_next_deadline() -> None:
    past, soon, later = (EVENING + timedelta(hours=after) for after in (-1, 2, 5))
    videos = [open_video(number, deadline=moment) for number, moment in enumerate((later, past, soon, None), start=1)]
    assert made(videos).horizon == soon
    assert made(videos[1:2]).horizon == past
    assert made(videos[3:]).horizon is None


def test_spreads_that_experience_widened_are_wider() -> None:
    videos = [open_video(number) for number in range(1, 20)]
    plain, wide = (made(videos, estimate=replace(ESTIMATE, stretch=stretch)).outlook.empty for stretch in (1, 2))
    ratio = math.log(hours(wide.high_80) / hours(wide.low_80)) / math.log(hours(plain.high_80) / hours(plain.low_80))
    assert ratio == pytest.approx(2, rel=0.1)
