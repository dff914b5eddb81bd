"""How many worker processes the queue needs."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.nights import EVENING, FORMATS, Truth, open_video

from config.settings import Settings
from db.open_work import OpenWork
from scheduler.agenda import draw_up
from scheduler.costs import learn
from scheduler.experience import Experience, Source
from scheduler.scaling import needed

SETTINGS = Settings()
KNOWN = Experience(learn(Truth(1).past(14, 40), [], now=EVENING, zone=SETTINGS.schedule.time_zone), 4, Source.TOLD)


def need(videos: list[OpenWork]) -> int:
    return needed(draw_up(videos, KNOWN, SETTINGS, EVENING).entries, KNOWN.estimate, EVENING)


def hours_of(number: int, hours: float, due: float | None) -> OpenWork:
    deadline = None if due is None else EVENING + timedelta(hours=due)
    return open_video(number, FORMATS[0], round(hours * 3600), deadline=deadline)


def work_of(videos: list[OpenWork]) -> float:
    return sum(entry.work for entry in draw_up(videos, KNOWN, SETTINGS, EVENING).entries) / 3600


def test_an_empty_queue_needs_nobody_and_one_without_deadlines_needs_one() -> None:
    assert need([]) == 0
    assert need([hours_of(1, 24, None)]) == 1


def test_enough_for_each_deadline_and_not_many_more() -> None:
    videos = [hours_of(number, 24, 8) for number in range(1, 9)]
    found, least = need(videos), work_of(videos) / 8
    assert least < found <= 2 * least + 1


def test_a_near_deadline_counts_more_than_much_work_that_is_due_later() -> None:
    later = [hours_of(number, 24, 200) for number in range(1, 9)]
    assert need([*later, hours_of(20, 24, 1)]) > need(later)


def test_what_is_late_already_is_wanted_within_a_quarter_of_an_hour() -> None:
    assert need([hours_of(1, 24, -5)]) == need([hours_of(1, 24, 0.25)])


@given(
    st.lists(st.tuples(st.floats(0.1, 24), st.none() | st.floats(-5, 48)), min_size=1, max_size=8), st.floats(0.1, 24)
)
def test_more_to_do_never_needs_fewer(videos: list[tuple[float, float | None]], more: float) -> None:
    queue = [hours_of(number, *video) for number, video in enumerate(videos, start=1)]
    assert need([*queue, hours_of(99, more, 6)]) >= need(queue) >= 1
