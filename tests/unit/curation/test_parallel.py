import math
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from curation.parallel import map_in_order, process_count

REPOSITORY = Path(__file__).resolve().parents[3]


def lost(_item: object) -> str:
    return "died"


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    items: list[Callable[[], object]] = [
        partial(time.sleep, 0.3),
        *(partial(math.factorial, number) for number in range(20)),
    ]
    results = list(map_in_order(operator.call, items, processes, lost))
    assert results == [None, *(math.factorial(number) for number in range(20))]


def test_the_work_is_done_in_other_processes() -> None:
    assert os.getpid() not in set(map_in_order(operator.call, [os.getpid] * 4, 2, lost))


def test_few_items_are_taken_ahead_of_the_results() -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken = number + 1
            yield number

    results = map_in_order(operator.neg, numbers(), 2, lost)
    assert [next(results) for _ in range(3)] == [0, -1, -2]
    assert taken <= 11
    assert list(results)[-1] == -99


def test_an_item_whose_process_dies_costs_that_item_alone() -> None:
    items: list[Callable[[], object]] = [partial(math.factorial, number) for number in range(12)]
    items[5] = partial(os._exit, 9)
    results = list(map_in_order(operator.call, items, 2, lost))
    assert results == [*(math.factorial(number) for number in range(5)), "died", *map(math.factorial, range(6, 12))]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_the_job_raises_ends_the_map(processes: int) -> None:
    results = map_in_order(math.sqrt, [4, -1, 9], processes, lambda _item: 0.0)
    assert next(results) == 2
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
        next(results)


def test_processes_that_cannot_start_are_no_items_fault() -> None:
    # A process that does not know the job cannot start, as when the program's files have gone.
    def known_only_here(item: int) -> int:
        return item

    with pytest.raises((AttributeError, TypeError)):
        list(map_in_order(known_only_here, [1, 2, 3], 2, lambda item: item))


PARENT = """
import operator, os, time
from functools import partial
from curation.parallel import map_in_order
if __name__ == "__main__":
    items = [os.getpid] * 2 + [partial(time.sleep, 120)] * 8
    for pid in map_in_order(operator.call, items, 2, lambda item: None):
        print(pid, flush=True)
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc which processes live")
def test_no_process_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        children = {int(parent.stdout.readline()) for _ in range(2)}
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while any(map(is_running, children)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in children if is_running(pid)]


def test_small_batches_start_no_processes() -> None:
    assert process_count(0, 15) == 1
    assert process_count(8, 1) == 1
    assert process_count(8, 1000) == 8
    assert process_count(2, 1000) == 2
    assert 1 <= process_count(0, 10**6) <= (os.cpu_count() or 1)
