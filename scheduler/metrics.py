"""The ledger's state as Prometheus metrics, reckoned anew at each scrape.

Everything comes from the ledger, so one endpoint anywhere tells of all machines, and nothing is lost when it restarts.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.settings import Settings
from db import arrivals, coarsening, forecasts, leases, open_work, telemetry, videos
from db.leases import Clock
from db.processes import LATELY
from db.session import Database
from db.states import ArrivalState, SegmentState, VideoState
from db.task_runs import KINDS
from db.telemetry import Span
from scheduler import agenda
from scheduler.agenda import Agenda
from scheduler.experience import Experience, Memory
from scheduler.forecast import thinned
from scheduler.remaining import seconds_left
from scheduler.scaling import needed

_QUANTILES: Final = (0.5, 0.9, 0.99)


class LedgerCollector(Collector):
    """Metrics of one ledger.

    Args:
        database: the ledger.
        settings: how what is not begun yet will be worked on.
        clock: gives the time.
    """

    def __init__(self, database: Database, settings: Settings, clock: Clock = leases.utc_now) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._memory = Memory()

    def describe(self) -> list[Metric]:
        """Nothing: what there is, is told when it is collected, so that registering asks no ledger."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics, of one moment.

        Raises:
            DatabaseUnavailable: the ledger cannot be reached; the scrape fails, and `up` says so.
        """
        now = self._clock()
        with self._database.reading() as session:
            by_state = videos.count_by_state(session)
            cut, arrived = telemetry.count_of_segments(session), arrivals.count_by_state(session)
            tries, waits = telemetry.tries(session, now), telemetry.waits(session, now)
            oldest = telemetry.oldest_wait(session, now)
            found = open_work.of_videos(session)
            known = self._memory.of(session, self._settings, found, now)
            last = forecasts.latest(session, most=1)
            coarse = coarsening.count_coarse(session)
        drawn_up = agenda.draw_up(found, known, self._settings, now)
        # Samples are left out for want of workers: no reason to ask for fewer of these.
        whole = agenda.draw_up(thinned(found, {}), known, self._settings, now)
        yield _by_label("rollcall_videos", "Videos by state.", "state", by_state, VideoState)
        yield _by_label("rollcall_segments", "Segments of open videos by state.", "state", cut, SegmentState)
        yield _by_label("rollcall_arrivals", "Files of watched places by state.", "state", arrived, ArrivalState)
        yield from _backlog(drawn_up, known)
        yield _gauge(
            "rollcall_workers_recommended", "Worker processes with which everything is done by its deadline.",
            needed(whole.entries, known.estimate, now),
        )  # fmt: skip
        yield _gauge("rollcall_videos_coarse", "Videos that samples were left out of for want of time.", coarse)
        yield _gauge("rollcall_oldest_wait_seconds", "Wait of the oldest video that nobody has begun.", oldest)
        yield _quantiles(
            "rollcall_queue_wait_seconds", "Wait from submission to the first try, of videos begun in the last hour.",
            {"first": waits},
        )  # fmt: skip
        yield _quantiles(
            "rollcall_service_seconds", "Time of tries that ended well in the last hour.",
            {kind: [each.seconds for each in tries if each.kind == kind and each.outcome == "done"]
             for kind in KINDS},
        )  # fmt: skip
        yield _outcomes(tries)
        yield _gauge(
            "rollcall_utilisation", "Share of the last ten minutes in which worker processes worked.",
            _utilisation(tries, known.processes, now),
        )  # fmt: skip
        for row in last:
            at = (("made", row.made_at), ("median", row.median_at), ("high_95", row.high_95_at))
            family = GaugeMetricFamily(
                "rollcall_forecast_timestamp_seconds", "The last recorded forecast of the queue's end.",
                labels=["what"],
            )  # fmt: skip
            for what, moment in at:
                family.add_metric([what], moment.timestamp())
            yield family
            yield _gauge("rollcall_forecast_on_time", "Probability that everything is on time.", row.on_time)
            yield _gauge("rollcall_forecast_videos_at_risk", "Videos that may miss their deadlines.", row.at_risk)


def _backlog(drawn_up: Agenda, known: Experience) -> Iterator[Metric]:
    entries = drawn_up.entries
    hours = sum(seconds_left(entry.video, known.estimate) for entry in entries) / 3600
    work = sum(entry.work for entry in entries)
    yield _gauge("rollcall_backlog_video_hours", "Hours of video that nobody has looked at.", hours)
    yield _gauge("rollcall_backlog_work_seconds", "Work of one process that the queue still takes.", work)
    yield _gauge("rollcall_videos_late", "Open videos that will miss their deadlines.", len(drawn_up.late))
    yield _gauge("rollcall_workers", "Worker processes.", known.processes)
    deadlines = [entry.video.deadline for entry in entries if entry.video.deadline is not None]
    if deadlines:
        yield _gauge(
            "rollcall_next_deadline_timestamp_seconds", "The earliest deadline of an open video.",
            min(deadlines).timestamp(),
        )  # fmt: skip


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _by_label(name: str, told: str, label: str, counts: dict[str, int], all_: type[StrEnum]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for state in all_:
        family.add_metric([state], counts.get(state, 0))
    return family


def _quantiles(name: str, told: str, by_kind: dict[str, Sequence[float]]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=["kind", "quantile"])
    for kind, seconds in by_kind.items():
        if len(seconds):
            for quantile, value in zip(_QUANTILES, np.quantile(seconds, _QUANTILES), strict=True):
                family.add_metric([kind, str(quantile)], float(value))
    return family


def _outcomes(tries: Sequence[Span]) -> Metric:
    family = GaugeMetricFamily(
        "rollcall_tries_last_hour", "Tries that ended in the last hour.", labels=["kind", "outcome"]
    )
    for kind in KINDS:
        for outcome in ("done", "failed", "lost"):
            count = sum(each.kind == kind and each.outcome == outcome for each in tries)
            family.add_metric([kind, outcome], count)
    return family


def _utilisation(tries: Sequence[Span], processes: int, now: datetime) -> float:
    """Of what is under way nobody knows yet: a segment counts when it has ended."""
    begin = now - LATELY
    busy = sum(max(0.0, (each.ended_at - max(each.started_at, begin)).total_seconds()) for each in tries)
    return min(1.0, busy / (LATELY.total_seconds() * max(1, processes)))
