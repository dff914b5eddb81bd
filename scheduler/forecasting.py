"""The forecast of a ledger: reads what it is made of, keeps it, and keeps what became of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from config.night_settings import ScheduleSettings
from config.settings import Settings
from db import costs, forecasts, leases, open_work, processes
from db.open_work import OpenWork
from db.processes import Processes
from db.schema import ForecastRow
from db.session import Database, Session
from scheduler.costs import Estimate, learn
from scheduler.coverage import NIGHTS, Coverage, judge
from scheduler.forecast import Forecast, forecast
from scheduler.remaining import Plan, by_deadline

RISK: Final = 0.05
"""Probability of being late from which on a video is at risk, and the whole night."""
_WEEKS: Final = timedelta(weeks=6)
_MOST_VIDEOS: Final = 3000
_MOST_TRIES: Final = 5000


class Source(StrEnum):
    """Where the number of worker processes comes from."""

    TOLD = "told"
    WORKING = "working"  # so many work now
    LATELY = "lately"  # so many worked when anything was done last
    CORES = "cores"  # nobody has ever worked: this machine's


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a ledger's future looks like. `forecast` is None where nothing is to be done."""

    forecast: Forecast | None
    estimate: Estimate
    source: Source
    last_video_id: int


def forecast_now(
    database: Database,
    settings: Settings,
    *,
    workers: int | None = None,
    risk: float = RISK,
    now: datetime | None = None,
    order: Callable[[OpenWork], Any] = by_deadline,
    measures: bool = True,
) -> Foretold:
    """Foretell the end of the queue as the ledger has it now; nothing is written.

    Args:
        database: the ledger.
        settings: how what is not begun yet will be worked on, and when.
        workers: processes; as the ledger tells where it is None.
        risk: probability of being late from which on a video is at risk.
        now: the time, by default this machine's.
        order: sort key of the queue.
        measures: also reckon what could be done, which takes most of the time.
    """
    now = now or leases.utc_now()
    zone = settings.schedule.time_zone
    with database.reading() as session:
        videos = sorted(open_work.of_videos(session), key=order)
        past = costs.of_videos(session, since=now - _WEEKS, most=_MOST_VIDEOS)
        tries = processes.latest_tries(session, most=_MOST_TRIES)
        seen = processes.seen(session, tries, now)
        experience = coverage(session, settings, now)
        last = forecasts.last_video_id(session)
    estimate = replace(learn(past, processes.pauses(tries), now=now, zone=zone), stretch=experience.stretch)
    count, source = (workers, Source.TOLD) if workers else _processes(seen, videos)
    plan = Plan(settings.interval_ms, settings.sampling.segment, begins(settings.schedule, now))
    foretold = forecast(videos, estimate, processes=count, now=now, plan=plan, risk=risk, measures=measures)
    return Foretold(foretold, estimate, source, last)


def record(database: Database, foretold: Foretold) -> int | None:
    """Keep a forecast, and what became of earlier ones; its number, None where there was nothing to foretell."""
    with database.writing() as session:
        forecasts.settle(session)
        if foretold.forecast is None:
            return None
        return forecasts.add(session, _row(foretold.forecast, foretold.last_video_id))


def history(
    database: Database, settings: Settings, *, most: int, now: datetime | None = None
) -> tuple[Sequence[ForecastRow], Coverage]:
    """The last forecasts with their results, newest first, and how good those of the last nights were."""
    with database.writing() as session:
        forecasts.settle(session)
        return forecasts.latest(session, most=most), coverage(session, settings, now or leases.utc_now())


def coverage(session: Session, settings: Settings, now: datetime) -> Coverage:
    """How good the forecasts of the last nights were."""
    settled = forecasts.settled(session, since=now - timedelta(days=3 * NIGHTS))
    return judge(settled, settings.schedule.time_zone)


def begins(schedule: ScheduleSettings, now: datetime) -> datetime:
    """When the next new video is begun: at once, or by the next nightly run."""
    if schedule.start == "at-once":
        return now
    local = now.astimezone(schedule.time_zone)
    nightly = datetime.combine(local.date(), schedule.nightly_time, schedule.time_zone)
    return nightly if nightly >= now else nightly + timedelta(days=1)


def _processes(seen: Processes, videos: Sequence[OpenWork]) -> tuple[int, Source]:
    """How many there are: as many as work, if there is work for all that there were lately."""
    enough_to_do = sum(video.pieces for video in videos) > seen.lately
    if seen.now and (enough_to_do or seen.now >= seen.lately):
        return seen.now, Source.WORKING
    if seen.lately:
        return seen.lately, Source.LATELY
    return len(os.sched_getaffinity(0)), Source.CORES


def _row(made: Forecast, last_video_id: int) -> ForecastRow:
    empty = made.outlook.empty
    return ForecastRow(
        made_at=made.made_at,
        horizon=made.horizon,
        last_video_id=last_video_id,
        videos=len(made.videos),
        video_seconds=made.video_seconds,
        work_seconds=made.work_seconds,
        processes=made.processes,
        median_at=empty.median,
        low_80_at=empty.low_80,
        high_80_at=empty.high_80,
        low_95_at=empty.low_95,
        high_95_at=empty.high_95,
        stretch=made.stretch,
        on_time=made.outlook.on_time,
        at_risk=made.outlook.at_risk,
    )
