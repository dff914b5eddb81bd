"""A worker that is told to stop: what it has at hand is finished if that does not take long, and else handed back.

Celery waits for the tasks at hand as long as they take, and whoever runs it kills it after a while. Killed by us a
little earlier, the work is free at once for others, and the try does not count.
"""

import os
import signal
import threading
import time

import psutil
import structlog

from config.errors import DatabaseUnavailable
from config.settings import Settings
from db import leases
from db.session import open_database

log = structlog.get_logger(__name__)

_LAST_BREATH = 10.0
"""Seconds in which a killed process disappears."""


def hand_back_later(settings: Settings) -> None:
    """From this process, which others work for: end those after `work.stop` seconds that are still there."""
    children = {child.pid for child in psutil.Process().children()}
    threading.Thread(target=_hand_back, args=(settings, children), name="stop", daemon=True).start()


def _hand_back(settings: Settings, children: set[int]) -> None:
    time.sleep(settings.work.stop)
    killed = [pid for pid in children if _kill(pid)]
    end = time.monotonic() + _LAST_BREATH
    while any(leases.lives(pid) for pid in killed) and time.monotonic() < end:
        time.sleep(0.1)
    database = open_database(settings)
    try:
        with database.writing() as session:
            freed = leases.release_gone(session, excused=True)
    except DatabaseUnavailable as error:
        # Then the leases run out.
        log.warning("work not handed back", detail=str(error))
    else:
        log.info("work handed back", killed=len(killed), pieces=freed)
    finally:
        database.close()


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
