"""When videos end: held to a queue that is played event by event."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.nights import played

from scheduler import queueing
from scheduler.queueing import Work, ends

queues = st.lists(st.tuples(st.floats(1, 1e4), st.integers(1, 9)), min_size=1, max_size=12)
crews = st.integers(1, 12)


def work_of(queue: list[tuple[float, int]], alone: float = 0.0) -> Work:
    seconds, pieces = np.array(queue, float).T
    return Work(
        seconds[:, None].astype(np.float32), pieces.astype(np.int64), np.zeros(len(queue)), np.full(len(queue), alone)
    )


def ends_of(queue: list[tuple[float, int]], processes: int) -> list[float]:
    return [float(end) for end in ends(work_of(queue), processes)[:, 0]]


@given(queues, crews)
def test_a_short_queue_is_played_exactly(queue: list[tuple[float, int]], processes: int) -> None:
    truth = played([seconds for seconds, _ in queue], [pieces for _, pieces in queue], processes)
    assert ends_of(queue, processes) == pytest.approx(truth, rel=1e-4)


@given(queues, crews)
def test_one_process_more_makes_nothing_later(queue: list[tuple[float, int]], processes: int) -> None:
    fewer, more = ends_of(queue, processes), ends_of(queue, processes + 1)
    assert all(later <= sooner * (1 + 1e-5) for later, sooner in zip(more, fewer, strict=True))


@given(queues, crews, st.tuples(st.floats(1, 1e4), st.integers(1, 9)), st.data())
def test_one_video_more_makes_nothing_earlier(
    queue: list[tuple[float, int]], processes: int, added: tuple[float, int], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(queue)))
    without = ends_of(queue, processes)
    beside = ends_of([*queue[:place], added, *queue[place:]], processes)
    del beside[place]
    assert all(later >= sooner * (1 - 1e-5) for later, sooner in zip(beside, without, strict=True))


@pytest.mark.parametrize(("videos", "pieces", "processes"), [(900, 1, 4), (150, 12, 8), (12, 288, 64), (700, 3, 1)])
def test_a_long_queue_flows_to_within_a_piece_of_the_truth(videos: int, pieces: int, processes: int) -> None:
    generator = np.random.default_rng(videos)
    queue = [(float(seconds) * pieces, pieces) for seconds in generator.lognormal(3, 0.5, videos)]
    assert videos * pieces > 2 * queueing.PLAYED
    truth = played([seconds for seconds, _ in queue], [pieces] * videos, processes)
    found = np.array(ends_of(queue, processes))
    piece = max(seconds for seconds, _ in queue) / pieces
    assert np.abs(found - truth).max() < 1.5 * piece
    assert abs(found.max() - max(truth)) < 0.2 * piece + 0.01 * max(truth)


def test_what_has_to_wait_goes_after_what_may_begin() -> None:
    work = Work(np.full((3, 1), 100, np.float32), np.array([1, 1, 1]), np.array([1000.0, 0.0, 0.0]), np.zeros(3))
    assert ends(work, 1)[:, 0].tolist() == [1100, 100, 200]
    assert ends(work, 3)[:, 0].tolist() == [1100, 100, 100]


def test_a_long_queue_that_has_to_wait_begins_then() -> None:
    count = 2000
    work = Work(
        np.full((count, 1), 10, np.float32), np.ones(count, int), np.repeat([0.0, 5000.0], count // 2), np.zeros(count)
    )
    found = ends(work, 10)[:, 0]
    assert found[: count // 2].max() == pytest.approx(1000, abs=20)
    assert found[count // 2 :].min() >= 5000
    assert found.max() == pytest.approx(6000, abs=20)


def test_what_one_process_does_alone_keeps_its_video_and_no_other() -> None:
    found = ends(work_of([(100, 4), (100, 4)], alone=0.1), 4)[:, 0]
    assert found.tolist() == pytest.approx([25 + 7.5, 50 + 7.5])
