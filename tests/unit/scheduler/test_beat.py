"""Beat, when somebody sets the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

from scheduler.beat import Scheduler

NOW = datetime(2026, 11, 21, 22, tzinfo=UTC)
EVERY = {"sweep": 60.0, "forecast": 900.0}


def test_a_clock_that_is_set_back_delays_nothing_by_more_than_its_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery(broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {name: {"task": name, "schedule": seconds} for name, seconds in EVERY.items()}
    clock = [NOW]
    # Of every application: entries that were read from the schedule's file ask the current one.
    monkeypatch.setattr(Celery, "now", lambda _app: clock[0])
    sent: list[str] = []
    scheduler = Scheduler(app=app, schedule_filename=str(tmp_path / "schedule"))
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, **_: sent.append(entry.name))
    assert scheduler.tick() <= 60
    clock[0] = NOW - timedelta(hours=5)
    assert scheduler.tick() <= 60, "Celery's own would look again after the longest pause that it has"
    assert sent == []
    for _ in range(20):
        clock[0] += timedelta(seconds=61)
        scheduler.tick()
    # One of its two is sent at each call.
    assert set(sent) == set(EVERY)
    assert sent.count("forecast") == 1
    scheduler.close()
