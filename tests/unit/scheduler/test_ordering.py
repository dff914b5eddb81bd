"""The order of the queue."""

from itertools import combinations
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from scheduler.ordering import Job, order


def job(number: int, work: float, deadline: float = inf, priority: int = 1, waited: float = 0) -> Job:
    return Job(number, work, deadline, priority, waited)


jobs = st.lists(
    st.tuples(st.integers(1, 50), st.integers(-20, 200), st.integers(0, 3), st.integers(0, 5)), max_size=9
).map(lambda rows: [job(number, *row) for number, row in enumerate(rows, start=1)])


def late_in(found: list[int], queue: list[Job], processes: int) -> set[int]:
    """Those that are late if the queue is worked on in this order."""
    by_id = {each.id: each for each in queue}
    ends, late = 0.0, set()
    for number in found:
        ends += by_id[number].work / processes
        if ends > by_id[number].deadline + 1e-9:
            late.add(number)
    return late


def can_all_be_done(queue: list[Job], processes: int) -> bool:
    by_deadline = [each.id for each in sorted(queue, key=lambda each: each.deadline)]
    return not late_in(by_deadline, queue, processes)


def test_earlier_deadlines_come_first_then_priorities_then_whoever_has_waited_longer() -> None:
    queue = [job(1, 1), job(2, 1, 50), job(3, 1, 50, priority=2), job(4, 1, 20), job(5, 1, waited=9)]
    assert list(order(queue, 1).ids) == [4, 3, 2, 5, 1]


def test_what_cannot_be_done_in_time_does_not_make_the_others_late() -> None:
    """In order of deadlines alone, 1 would make 2, 3 and 4 late."""
    queue = [job(1, 100, 90), job(2, 30, 100), job(3, 30, 100), job(4, 30, 101)]
    found = order(queue, 1)
    assert (list(found.ids), found.late) == ([2, 3, 4, 1], frozenset({1}))


def test_of_those_that_cannot_all_be_done_the_lowest_priority_waits() -> None:
    queue = [job(1, 60, 100, priority=0), job(2, 50, 100, priority=3), job(3, 45, 100)]
    found = order(queue, 1)
    assert (list(found.ids), found.late) == ([2, 3, 1], frozenset({1}))


def test_what_is_late_already_goes_first_where_there_is_time() -> None:
    queue = [job(1, 10, 100), job(2, 20, -5), job(3, 75, -50, priority=0)]
    assert list(order(queue, 1).ids) == [2, 1, 3], "20 of the 90 spare seconds are taken, 75 more are not there"
    assert list(order(queue, 2).ids) == [2, 3, 1]


@given(jobs, st.integers(1, 4))
def test_everything_is_in_the_order_once_and_what_is_said_to_be_late_is_all_that_is(
    queue: list[Job], processes: int
) -> None:
    found = order(queue, processes)
    assert sorted(found.ids) == sorted(each.id for each in queue)
    assert late_in(list(found.ids), queue, processes) <= found.late


@given(jobs, st.integers(1, 4))
def test_every_deadline_is_kept_where_all_can_be(queue: list[Job], processes: int) -> None:
    if can_all_be_done(queue, processes):
        assert not order(queue, processes).late


@given(jobs, st.integers(1, 3))
def test_of_equal_priority_no_order_has_fewer_late(queue: list[Job], processes: int) -> None:
    queue = [job(each.id, each.work, each.deadline, 1, each.waited) for each in queue]
    most = max(
        (
            size
            for size in range(len(queue), 0, -1)
            if any(can_all_be_done(list(chosen), processes) for chosen in combinations(queue, size))
        ),
        default=0,
    )
    assert len(order(queue, processes).late) == len(queue) - most


@given(jobs, st.integers(1, 3))
def test_more_processes_make_nobody_more_late(queue: list[Job], processes: int) -> None:
    queue = [job(each.id, each.work, each.deadline, 1, each.waited) for each in queue]
    assert len(order(queue, processes + 1).late) <= len(order(queue, processes).late)
