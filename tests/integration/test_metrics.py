"""Metrics: what a scrape says of a ledger whose truth is known."""

import subprocess
import urllib.request
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from support.archive import add_done
from support.installation import ROLLCALL, Installation
from support.records import FACTS

from db import segments, task_runs, videos
from db.facts import UploadFacts
from db.leases import Allowance, utc_now
from scheduler.forecasting import forecast_now, record
from scheduler.metrics import LedgerCollector
from worker.process import WorkerProcess

ALLOWED = Allowance(3, 2)


def scraped(process: WorkerProcess) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LedgerCollector(process.database, process.settings))
    return registry


def test_an_empty_ledger_has_metrics(process: WorkerProcess) -> None:
    found = scraped(process)
    assert found.get_sample_value("rollcall_videos", {"state": "waiting"}) == 0
    assert found.get_sample_value("rollcall_backlog_video_hours") == 0
    assert found.get_sample_value("rollcall_workers_recommended") == 0
    assert found.get_sample_value("rollcall_forecast_on_time") is None


def test_backlog_waits_service_and_utilisation(process: WorkerProcess) -> None:
    database, now = process.database, utc_now()
    add_done(process, "done", [])
    with database.writing() as session:
        deadline = UploadFacts(deadline=now + timedelta(minutes=30))
        ids = [
            videos.add(
                session, content_hash=f"{number:064}", byte_size=1, path="/x", title="x", outcome=FACTS, upload=deadline
            ).id
            for number in range(3)
        ]
        videos.get(session, ids[2]).submitted_at = now - timedelta(hours=5)
        first = videos.get(session, ids[0])
        first.submitted_at = now - timedelta(minutes=20)
        (segment_id,) = segments.plan(session, ids[0], [(0, 10)], 3000)
        taken = segments.claim(session, segment_id, owner="one/1", lease=60, allowed=ALLOWED, now=now)
        assert taken is not None
        began = now - timedelta(minutes=5)
        run_id = task_runs.begin(session, taken[0], kind="scan", video_id=ids[0], now=began)
        task_runs.end(session, run_id, outcome="done", now=began + timedelta(minutes=3), cpu_seconds=1)
    record(database, forecast_now(database, process.settings))
    found = scraped(process)

    def value(name: str, **labels: str) -> float:
        sample = found.get_sample_value(f"rollcall_{name}", labels)
        assert sample is not None, name
        return sample

    assert [value("videos", state=state) for state in ("waiting", "running", "done")] == [2, 1, 1]
    assert value("segments", state="running") == 1
    assert value("backlog_video_hours") * 3600 == 90
    assert abs(value("oldest_wait_seconds") - 5 * 3600) < 60
    assert abs(value("queue_wait_seconds", kind="first", quantile="0.99") - 15 * 60) < 60
    assert abs(value("service_seconds", kind="scan", quantile="0.5") - 180) < 1
    assert value("tries_last_hour", kind="scan", outcome="done") == 1
    assert value("tries_last_hour", kind="finish", outcome="done") == 1
    assert 0.3 * 0.9 <= value("utilisation") * value("workers") <= 0.3 * 1.1 + 0.05
    assert value("workers_recommended") >= 1
    assert value("videos_late") == 0
    assert abs(value("next_deadline_timestamp_seconds") - (now + timedelta(minutes=30)).timestamp()) < 1
    assert 0 <= value("forecast_on_time") <= 1


def test_the_command_serves_them(install: "object") -> None:
    installation: Installation = install("metrics")  # type: ignore[operator]  # the fixture makes installations
    told = installation.run("metrics", "--once")
    names = {family.name for family in text_string_to_metric_families(told)}
    assert {"rollcall_backlog_video_hours", "rollcall_workers_recommended", "rollcall_utilisation"} <= names
    server = subprocess.Popen(
        [ROLLCALL, "metrics", "--port", "19464"], env=installation.environment, cwd=installation.home,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        assert server.stderr is not None
        assert "http://127.0.0.1:19464/metrics" in server.stderr.readline()
        with urllib.request.urlopen("http://127.0.0.1:19464/metrics") as answer:
            assert b"rollcall_videos" in answer.read()
        assert installation.run("metrics", "--port", "19464", expect=5) == ""
        server.terminate()
        assert server.wait(timeout=30) == 0
