"""A ledger that is out of reach when a worker has something to write: what was computed is not computed again."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.clips import X264, frames_at, write_clip
from support.night import night

from config.face_settings import BorderSettings
from config.sampling_settings import SamplingSettings
from config.service_settings import DatabaseSettings, WorkSettings
from config.settings import Settings
from db.schema import TaskRun
from demo.material import Material
from demo.shots import Black, Recording
from worker import casting, work

HELD = 1.2
"""Seconds; of the leases here two thirds, so that renewing fails, too."""


def held_during(do: Callable[..., Any], ledger: Path, calls: Counter[str]) -> Callable[..., Any]:
    """The same, but somebody takes the ledger when it begins and gives it back after a while."""

    def during(*arguments: Any, **options: Any) -> Any:
        calls[do.__name__] += 1
        other = sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")

        def free() -> None:
            other.execute("ROLLBACK")
            other.close()

        threading.Timer(HELD, free).start()
        return do(*arguments, **options)

    return during


def test_scanning_looking_at_borders_and_finishing_wait_for_the_ledger(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (320, 180)
    shots = (Black(), 14), (Recording(material.carphone, 63, 116), 30)
    pictures = chain.from_iterable(shot.frames(size, count) for shot, count in shots)
    clip = write_clip(tmp_path / "clip.mp4", frames_at(44, 100), X264, pictures)
    settings = Settings(
        home=tmp_path / "home",
        database=DatabaseSettings(lock_timeout=0.1),
        sampling=SamplingSettings(interval=1.0),
        borders=BorderSettings(tolerance=0.3),
        work=WorkSettings(lease=2),
    )
    calls: Counter[str] = Counter()
    for module, name in ((work, "scan"), (work, "refine"), (casting, "cast")):
        monkeypatch.setattr(module, name, held_during(getattr(module, name), settings.home / "rollcall.db", calls))
    with night(settings) as queue:
        ended = queue.end_of(clip)
        with queue.process.database.reading() as session:
            runs = session.execute(select(TaskRun.kind, TaskRun.outcome).order_by(TaskRun.id)).all()
    assert calls == {"scan": 1, "refine": 1, "cast": 2}
    assert [tuple(run) for run in runs] == [
        ("scan", "done"), ("finish", "done"), ("refine", "done"), ("finish", "done"),
    ]  # fmt: skip
    assert ended.state == "done"
