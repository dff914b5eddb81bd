"""Ordinals of samples, where some were left out."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from db.schema import SampleOutcome
from db.segments import RunRecord
from worker.numbering import Numbering

Piece = tuple[int, int, int]


def runs(pieces: list[Piece]) -> list[RunRecord]:
    """Runs one after the other: each with a gap before it, a length and a stride."""
    found, at = [], 0
    for gap, length, stride in pieces:
        found.append(RunRecord(at + gap, at + gap + length, SampleOutcome.ANALYSED, None, None, stride))
        at += gap + length
    return found


def looked_at(account: list[RunRecord], end: int) -> list[int]:
    """Samples that were not left out, one by one."""
    inside = {sample for run in account for sample in range(run.first_sample, run.end_sample)}
    taken = {sample for run in account for sample in range(run.first_sample, run.end_sample, run.stride)}
    return [sample for sample in range(end) if sample in taken or sample not in inside]


pieces = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 5)), max_size=8)


@given(pieces)
def test_ordinals_count_what_was_not_left_out(drawn: list[Piece]) -> None:
    account = runs(drawn)
    samples = looked_at(account, (account[-1].end_sample if account else 0) + 5)
    numbering = Numbering(account)
    assert numbering.ordinals(np.array(samples)).tolist() == list(range(len(samples)))
    assert [numbering.sample(ordinal) for ordinal in range(len(samples))] == samples


@given(pieces)
def test_runs_that_touch_still_do(drawn: list[Piece]) -> None:
    account = runs(drawn)
    numbering = Numbering(account)
    renumbered = [numbering.run(run) for run in account]
    for (one, other), (first, second) in zip(pairwise(account), pairwise(renumbered), strict=True):
        assert first.end_sample - first.first_sample == one.count
        assert (one.end_sample == other.first_sample) == (first.end_sample == second.first_sample)
        assert second.stride == 1


def test_the_last_sample_of_a_run_is_one_that_was_looked_at() -> None:
    run = RunRecord(10, 20, SampleOutcome.CARRIED, 0, 0, 4)
    assert (run.count, run.last_sample) == (3, 18)
