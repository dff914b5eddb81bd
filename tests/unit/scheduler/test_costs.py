"""What is learnt from past costs, of ledgers whose truth is known."""

import math
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support.nights import EVENING, FORMATS, Truth, cost_of

from db.costs import VideoCost
from scheduler.costs import PRIOR_SECONDS, Band, Estimate, WorkClass, learn

UTC = ZoneInfo("UTC")
FULL_HD = WorkClass.of("h264", 1920, 1080)


def learnt(costs: list[VideoCost], pauses: list[float] | None = None) -> Estimate:
    return learn(costs, pauses or [], now=EVENING, zone=UTC)


def test_bands_go_by_pixels_whichever_side_is_longer() -> None:
    sizes = [(720, 576), (576, 720), (1280, 720), (1920, 1080), (1080, 1920), (3840, 2160), (0, 0)]
    assert [Band.of(*size) for size in sizes] == ["SD", "SD", "720p", "1080p", "1080p", "UHD", "1080p"]


def test_an_empty_ledger_gives_the_prior_with_a_wide_spread() -> None:
    rate = learnt([]).rate(FULL_HD, 3000)
    assert rate.median == pytest.approx(PRIOR_SECONDS / 3, rel=0.05)
    assert rate.common > 0.7
    assert learnt([]).rate(WorkClass.of("h264", 640, 360), 3000).median < rate.median / 3


def test_the_truth_is_found_again() -> None:
    truth = Truth(3)
    found = learnt(truth.past(28, 100, intervals_ms=(3000, 6000)))
    assert found.waste == pytest.approx(truth.waste, abs=0.005)
    assert found.found.video == pytest.approx(truth.video, rel=0.05)
    assert found.found.night == pytest.approx(truth.night, rel=0.4)
    assert found.found.mean[1] == pytest.approx(truth.interval, abs=0.04)
    for codec, width, height in FORMATS:
        rate = found.rate(WorkClass.of(codec, width, height), 3000)
        real = math.exp(truth.rates[f"{width}{codec}"]) * (1 + truth.waste) / 3
        assert abs(math.log(rate.median / real)) < 3 * rate.common
        assert rate.common < 0.25


def test_what_a_video_costs_whatever_its_length_is_told_by_short_and_long_ones() -> None:
    generator = np.random.default_rng(1)
    at = EVENING - timedelta(days=1)
    past = [
        cost_of(number, FORMATS[0], 3000, samples, 0.3 * (samples + 16) * float(generator.lognormal(0, 0.3)), 0.0, at)
        for number, samples in enumerate(generator.integers(2, 200, 300).tolist())
    ]
    assert learnt(past).fixed == 16
    assert learnt([replace(cost, samples=100) for cost in past]).fixed == learnt([]).fixed


def test_another_interval_is_foretold_by_what_a_sample_costs() -> None:
    truth = Truth(4)
    found = learnt(truth.past(28, 60, intervals_ms=(3000, 12000)))
    ratio = found.rate(FULL_HD, 6000).median / found.rate(FULL_HD, 3000).median
    assert ratio == pytest.approx(2 ** (truth.interval - 1), rel=0.05)


def test_with_one_interval_only_the_share_of_looking_for_borders_tells() -> None:
    truth = Truth(5)
    few_borders = [replace(cost, scan=cost.scan + cost.refine, refine=0.0) for cost in truth.past(20, 60)]
    found = learnt(few_borders)
    assert found.shares.refine < 0.01
    ratio = found.rate(FULL_HD, 6000).median / found.rate(FULL_HD, 3000).median
    assert ratio == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_videos_that_hung_do_not_spoil_their_class(share: float) -> None:
    clean, hung = learnt(Truth(6).past(14, 60)), learnt(Truth(6, hung=share).past(14, 60))
    assert hung.rate(FULL_HD, 3000).median == pytest.approx(clean.rate(FULL_HD, 3000).median, rel=0.15)


def test_one_try_that_hung_before_it_failed_wastes_no_more_than_its_video() -> None:
    past = Truth(7).past(14, 60)
    without = learnt(past).waste
    past[5] = replace(past[5], wasted=1e7)
    assert learnt(past).waste < without + 0.01


def test_a_class_with_few_videos_is_drawn_towards_the_whole() -> None:
    truth = Truth(8)
    past = truth.past(14, 60, forms=(0,))
    whole = learnt(past).rate(FULL_HD, 3000).median
    strange = ("vp9", 1920, 1080)
    at = EVENING - timedelta(days=1)
    tens = {
        count: learnt(
            [*past, *(cost_of(10_000 + k, strange, 3000, 400, 404 * 10 * 3 * whole, 0.0, at) for k in range(count))]
        )
        .rate(WorkClass.of(*strange), 3000)
        .median
        / whole
        for count in (0, 1, 3, 50)
    }
    assert tens[0] == pytest.approx(1, rel=0.1)
    assert tens[0] < tens[1] < tens[3] < tens[50]
    assert tens[50] == pytest.approx(10, rel=0.2)


def test_late_nights_count_more() -> None:
    past = Truth(9, night=0.01).past(28, 40)
    slower = [
        replace(cost, scan=2 * cost.scan, refine=2 * cost.refine, finish=2 * cost.finish)
        if EVENING - cost.at < timedelta(days=7)
        else cost
        for cost in past
    ]
    rate = learnt(slower).rate(FULL_HD, 3000).median / learnt(past).rate(FULL_HD, 3000).median
    # A quarter of the nights, with most of the weight: the mean of all nights would be 2 ** 0.25.
    assert 1.4 < rate < 2


def test_tonight_tells_of_tonight() -> None:
    past = Truth(10).past(14, 40)
    tonight = [
        replace(cost, video_id=10_000 + cost.video_id, at=EVENING + timedelta(minutes=5), scan=2 * cost.scan,
                refine=2 * cost.refine, finish=2 * cost.finish)
        for cost in past[-40:]
    ]  # fmt: skip
    before, after = learnt(past).rate(FULL_HD, 3000), learnt([*past, *tonight]).rate(FULL_HD, 3000)
    assert after.median > 1.5 * before.median
    assert after.common < before.common


def test_a_video_that_is_worked_on_tells_of_itself() -> None:
    past = Truth(11).past(14, 40)
    begun = replace(cost_of(77_777, FORMATS[0], 3000, 400, 0.0, 0.0, EVENING), scan=500.0, ended=False)
    off, samples = learnt([*past, begun]).known[77_777]
    assert samples == 400
    assert off > 0.5


def test_pauses_without_work_are_no_pauses() -> None:
    assert learnt([], [0.4, 0.5, 0.6, 3600.0, 7200.0]).pause == 0.5
    assert learnt([], [5.0, 50.0]).pause == 2.0
    assert learnt([], [-1.0]).pause == 0.0


def test_unknown_lengths_are_those_of_the_class() -> None:
    past = Truth(12).past(5, 40, forms=(0,))
    found = learnt(past)
    middle = float(np.median([3.0 * cost.samples for cost in past]))
    assert found.length(FULL_HD) == pytest.approx(middle)
    assert found.length(WorkClass.of("av1", 640, 360)) == pytest.approx(middle)
    assert found.length_spread == pytest.approx(0.7, rel=0.25)
