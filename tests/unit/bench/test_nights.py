"""The simulator of nights: nothing is lost in it, and what it shows follows from what happens."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.nights import Night, Result, Scenario
from bench.nights_plot import draw

CALM = Scenario("calm", channels=2, hours=12, processes=1)


@pytest.fixture(scope="module")
def calm() -> Result:
    return Night(CALM).play()


def test_a_calm_night_is_done_in_time_and_foreseen(calm: Result) -> None:
    assert (calm.videos, calm.late) == (24, 0)
    assert calm.emptied < calm.deadline
    backlog = [point.backlog for point in calm.points]
    assert backlog[0] == pytest.approx(24)
    assert backlog == sorted(backlog, reverse=True)
    foretold = calm.points[20].foretold
    assert foretold is not None
    emptied = calm.midnight + timedelta(hours=12, seconds=calm.emptied)
    assert foretold.low_95 <= emptied <= foretold.high_95


def test_with_more_to_do_than_can_be_done_some_are_late_and_as_many_as_recommended_help(calm: Result) -> None:
    much = replace(CALM, name="much", hours=44)
    alone = Night(much).play()
    assert alone.late > 0
    helped = Night(replace(much, most=4)).play()
    assert helped.late == 0
    assert max(point.processes for point in helped.points) > 1
    assert calm.points[0].recommended == 1


def test_what_a_dead_worker_held_is_done_by_others() -> None:
    lost = Night(replace(CALM, processes=2, deaths=((0.2, 1),))).play()
    assert lost.emptied < float("inf"), "everything ends"
    assert lost.points[-1].processes == 1
    whole = Night(replace(CALM, processes=2)).play()
    assert lost.emptied > whole.emptied


def test_the_same_seed_gives_the_same_night(calm: Result) -> None:
    assert Night(CALM).play().emptied == calm.emptied
    assert Night(replace(CALM, seed=2)).play().emptied != calm.emptied


def test_nights_are_drawn(calm: Result, tmp_path: Path) -> None:
    draw([calm, calm], tmp_path / "nights.png")
    assert (tmp_path / "nights.png").read_bytes().startswith(b"\x89PNG")
