"""Leaving samples out where the night is too short for all of them, and looking at them when it is over.

What may be left out is declared, step by step (`schedule.coarsen`). The forecast decides how many of the steps are in
force: the fewest with which no more videos are expected to be late than with all of them, but for one night in twenty.
It decides anew with each forecast and whenever videos are begun, so a step that turns out needless is taken back for
whatever nobody has scanned by then.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from config.night_settings import CoarseStep
from config.settings import Settings
from db import coarsening, leases, open_work, status
from db.open_work import OpenWork
from db.schema import Priority
from db.session import Database
from scheduler.agenda import draw_up
from scheduler.experience import Experience, Memory
from scheduler.forecast import expected_late, thinned
from scheduler.forecasting import RISK, plan_of

log = structlog.get_logger(__name__)

Strides = dict[Priority, int]
"""Every which sample is looked at, by the priority of the video."""


def adjust(database: Database, settings: Settings, memory: Memory) -> None:
    """Let the open videos leave out as much as tonight asks for, and not more."""
    strides: Strides = {}
    if settings.schedule.coarsen:
        now = leases.utc_now()
        with database.reading() as session:
            videos = open_work.of_videos(session)
            known = memory.of(session, settings, videos, now)
        strides = fewest(videos, known, settings, now)
    with database.writing() as session:
        changed = coarsening.set_strides(session, strides)
    if changed:
        told = {priority.name.lower(): stride for priority, stride in strides.items()}
        log.info("samples left out", segments=changed, strides=told)


def fewest(videos: Sequence[OpenWork], known: Experience, settings: Settings, now: datetime) -> Strides:
    """What is to be left out of the videos of a queue.

    Args:
        videos: that are open.
        known: what they cost, and how many processes work on them.
        settings: with the steps that may be taken.
        now: the time.
    """
    whole = thinned(videos, {})
    entries = draw_up(whole, known, settings, now).entries
    if not entries:
        return {}
    plan = plan_of(entries, known.processes, settings, now)
    in_order = [entry.video for entry in entries]
    levels = _levels(settings.schedule.coarsen)
    late: list[float] = []
    for strides in levels:
        queue = thinned(in_order, strides)
        late.append(expected_late(queue, known.estimate, processes=known.processes, now=now, plan=plan))
        if late[-1] <= RISK:
            break
    # What is late whatever is left out is late with every step.
    return next(strides for strides, count in zip(levels, late, strict=False) if count <= min(late) + RISK)


def _levels(steps: Sequence[CoarseStep]) -> list[Strides]:
    """What is left out with none of the steps, with the first, with the first two, and so on."""
    levels: list[Strides] = [{}]
    for step in steps:
        levels.append({**levels[-1], Priority[step.priority.upper()]: step.stride})
    return levels


def refill(database: Database, settings: Settings, memory: Memory) -> bool:
    """Where no segment is open: ask for what was left out, of as many videos as there are processes; whether any."""
    if not settings.schedule.refill:
        return False
    now = leases.utc_now()
    with database.reading() as session:
        if status.is_busy(session) or not coarsening.refillable(session, most=1):
            return False
        found = coarsening.refillable(session, most=memory.of(session, settings, [], now).processes)
    with database.writing() as session:
        asked = [segment for video_id in found for segment in coarsening.refill(session, video_id, now)]
    log.info("what was left out is asked for", videos=len(found), segments=len(asked))
    return True
