"""The forecast of a ledger: reads what it is made of, keeps it, and keeps what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.moments import next_time
from config.night_settings import ScheduleSettings
from config.settings import Settings
from db import forecasts, leases, open_work
from db.schema import ForecastRow
from db.session import Database
from scheduler.agenda import Entry, cut, draw_up
from scheduler.costs import Estimate
from scheduler.coverage import Coverage
from scheduler.experience import Source, coverage, gather
from scheduler.forecast import Forecast, forecast
from scheduler.remaining import Plan

RISK: Final = 0.05
"""Probability of being late from which on a video is at risk, and the whole night."""


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
    measures: bool = True,
) -> Foretold:
    """Foretell the end of the queue as the ledger has it now; nothing is written.

    Args:
        database: the ledger.
        settings: how what is not begun yet will be worked on, and when.
        workers: processes; as the ledger tells where it is None.
        risk: probability of being late from which on a video is at risk.
        now: the time, by default this machine's.
        measures: also reckon what could be done, which takes most of the time.
    """
    now = now or leases.utc_now()
    with database.reading() as session:
        videos = open_work.of_videos(session)
        known = gather(session, settings, videos, now, workers)
        last = forecasts.last_video_id(session)
    entries = draw_up(videos, known, settings, now).entries
    in_order = [entry.video for entry in entries]
    foretold = forecast(
        in_order,
        known.estimate,
        processes=known.processes,
        now=now,
        plan=plan_of(entries, known.processes, settings, now),
        risk=risk,
        measures=measures,
    )
    return Foretold(foretold, known.estimate, known.source, last)


def plan_of(entries: Sequence[Entry], processes: int, settings: Settings, now: datetime) -> Plan:
    """How those videos of an agenda will be worked on that are not cut yet."""
    pieces = {entry.video.id: cut(entry, processes, settings) for entry in entries if not entry.video.pieces}
    return Plan(settings.interval_ms, begins(settings.schedule, now), pieces)


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


def begins(schedule: ScheduleSettings, now: datetime) -> datetime:
    """When the next new video is begun: at once, or by the next nightly run."""
    if schedule.start == "at-once":
        return now
    # The run of this very moment is the next one, too.
    return next_time(schedule.nightly_time, schedule.time_zone, now - datetime.resolution)


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
