"""What is left of each open video, in samples that have to be paid for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from db.open_work import OpenWork
from db.states import VideoState
from scheduler.costs import Estimate, WorkClass
from scheduler.drawing import Queue


@dataclass(frozen=True, slots=True)
class Plan:
    """How videos that are not cut yet will be worked on.

    `interval_ms`: between samples. `begins`: before when nobody begins them. `pieces`: into how many segments each will
    be cut, by its id.
    """

    interval_ms: int
    begins: datetime
    pieces: Mapping[int, int]


def queue_of(videos: Sequence[OpenWork], estimate: Estimate, *, now: datetime, plan: Plan) -> Queue:
    """The queue that open videos make, in their order."""
    classes = [WorkClass.of(each.codec, each.width, each.height) for each in videos]
    intervals = [spacing_ms(each, plan.interval_ms) for each in videos]
    pieces = np.array([_pieces(each, plan) for each in videos], np.int64)
    half_done = np.array([each.refined or each.state == VideoState.FINISHING for each in videos])
    waits = max(0.0, (plan.begins - now).total_seconds())
    return Queue(
        ids=np.array([each.id for each in videos], np.int64),
        classes=classes,
        intervals_ms=np.array(intervals, np.int64),
        units=np.array(
            [samples_left(each, of, ms, estimate) for each, of, ms in zip(videos, classes, intervals, strict=True)]
        ),
        spread=np.array([estimate.length_spread if each.length is None else 0.0 for each in videos]),
        pieces=pieces,
        # Every segment once, about every second one again for borders, and twice to finish the video.
        tries=np.where(half_done, pieces + 1.0, 1.5 * pieces + 2),
        released=np.array([waits if each.state == VideoState.WAITING else 0.0 for each in videos]),
        deadline=np.array(
            [math.inf if each.deadline is None else (each.deadline - now).total_seconds() for each in videos]
        ),
    )


def seconds_left(video: OpenWork, estimate: Estimate) -> float:
    """Of video that nobody has scanned; of a typical one where nothing tells its length."""
    if video.length is not None:
        return float(video.to_scan)
    return estimate.length(WorkClass.of(video.codec, video.width, video.height))


def spacing_ms(video: OpenWork, planned_ms: int) -> int:
    """Milliseconds from one sample to the next, without those that are left out; of one that is begun, as it began.

    `planned_ms`: of a video that is not cut yet.
    """
    interval = video.interval_ms or planned_ms
    return interval if video.begun else round(interval / video.density)


def samples_left(video: OpenWork, of: WorkClass, interval_ms: int, estimate: Estimate) -> float:
    """Samples that a video still costs: of each the share of the work that is left to do on it.

    `interval_ms`: as `spacing_ms` has it.
    """
    interval = interval_ms / 1000
    length = float(video.length) if video.length is not None else estimate.length(of)
    samples = max(1.0, math.ceil(length / interval)) + estimate.fixed
    shares = estimate.shares
    if video.state == VideoState.FINISHING:
        return samples * (shares.finish + (0 if video.refined else shares.refine))
    if video.refined:
        return samples * shares.finish + shares.refine * float(video.to_refine) / interval
    to_scan = seconds_left(video, estimate) / interval * video.density if video.begun else samples
    return max(to_scan * shares.scan + samples * (shares.refine + shares.finish), 0.0)


def _pieces(video: OpenWork, plan: Plan) -> int:
    """Into how many a video can be shared. One that nothing tells the length of is one piece."""
    if video.pieces:
        return video.pieces
    return 1 if video.state == VideoState.FINISHING else plan.pieces.get(video.id, 1)
