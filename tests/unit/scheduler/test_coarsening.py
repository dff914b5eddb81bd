"""How much is left out of a night that is too short, and when that is looked at."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from support.nights import EVENING, Truth, open_video

from config.settings import Settings
from db.open_work import OpenWork
from db.schema import Priority
from db.states import VideoState
from scheduler.coarsening import fewest
from scheduler.costs import learn
from scheduler.experience import Experience, Source
from scheduler.forecast import thinned

UTC = ZoneInfo("UTC")
KNOWN = Experience(learn(Truth(1).past(14, 40), [], now=EVENING, zone=UTC), 4, Source.TOLD)
STEPS = [
    {"priority": "low", "stride": 2},
    {"priority": "low", "stride": 4},
    {"priority": "normal", "stride": 2},
]


def settings(tmp_path: Path, steps: Sequence[dict[str, object]] = STEPS) -> Settings:
    return Settings.model_validate({"home": tmp_path, "schedule": {"coarsen": list(steps)}})


def queue(deadline: timedelta) -> list[OpenWork]:
    """40 videos, half of them of low priority."""
    return [
        open_video(number, deadline=EVENING + deadline, priority=Priority.LOW if number % 2 else Priority.NORMAL)
        for number in range(1, 41)
    ]


def test_the_shorter_the_night_the_more_is_left_out_and_never_more_than_it_takes(tmp_path: Path) -> None:
    levels = [
        fewest(queue(timedelta(minutes=minutes)), KNOWN, settings(tmp_path), EVENING) for minutes in range(600, 10, -10)
    ]
    steps: list[dict[Priority, int]] = [
        {}, {Priority.LOW: 2}, {Priority.LOW: 4}, {Priority.LOW: 4, Priority.NORMAL: 2}
    ]  # fmt: skip
    taken = [steps.index(level) for level in levels]
    assert set(taken) == {0, 1, 2, 3}
    assert taken[0] == 0
    hard = taken.index(3)
    assert taken[: hard + 1] == sorted(taken[: hard + 1])


def test_nothing_is_left_out_where_it_is_not_allowed_or_would_not_help(tmp_path: Path) -> None:
    short = queue(timedelta(minutes=70))
    assert fewest(short, KNOWN, settings(tmp_path), EVENING)
    assert fewest(short, KNOWN, settings(tmp_path, []), EVENING) == {}
    # What is late whatever is done is no reason.
    assert fewest(queue(timedelta(hours=-1)), KNOWN, settings(tmp_path), EVENING) == {}
    assert fewest([replace(video, deadline=None) for video in short], KNOWN, settings(tmp_path), EVENING) == {}
    assert fewest([], KNOWN, settings(tmp_path), EVENING) == {}


def test_what_is_left_out_now_is_not_what_decides(tmp_path: Path) -> None:
    short = queue(timedelta(minutes=70))
    asked = settings(tmp_path)
    assert fewest([replace(each, density=0.25) for each in short], KNOWN, asked, EVENING) == fewest(
        short, KNOWN, asked, EVENING
    )


def test_only_videos_whose_end_is_known_are_thinned() -> None:
    known, endless = open_video(1, priority=Priority.LOW), replace(open_video(2, priority=Priority.LOW), length=None)
    begun = replace(known, state=VideoState.RUNNING, begun=True)
    assert [each.density for each in thinned([known, endless, begun], {Priority.LOW: 4})] == [0.25, 1.0, 0.25]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([{"priority": "low", "stride": 1}], "greater than or equal to 2"),
        ([{"priority": "lowest", "stride": 2}], "'low', 'normal', 'high' or 'urgent'"),
        ([{"priority": "low", "stride": 4}, {"priority": "low", "stride": 2}], "each step must leave out more"),
    ],
)
def test_steps_that_make_no_sense_are_refused(tmp_path: Path, steps: list[dict[str, object]], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(tmp_path, steps)
