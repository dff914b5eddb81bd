"""The Celery application.

Importing this module opens nothing. The settings are read when the application is first used, so that the same module
serves workers (`celery -A config.celery_app worker --include worker.tasks`), beat and whoever only sends.
Why each option stands as it does is told in docs/operations.md.
"""

import socket
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging
from kombu import Exchange, Queue

from config import tasks
from config.logs import configure_logging
from config.settings import Settings, load_settings


def _configuration(settings: Settings) -> dict[str, Any]:
    # Beat keeps its schedule there, also where ledger and broker are elsewhere.
    settings.home.mkdir(parents=True, exist_ok=True)
    schedule = settings.schedule
    nightly, retention = schedule.nightly_time, schedule.retention_time
    return {
        **_broker(settings),
        "task_serializer": "json",
        "accept_content": ["json"],
        # The ledger knows what became of a task; nobody asks Celery.
        "task_ignore_result": True,
        # Workers take from both in turn.
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in (tasks.QUEUE, tasks.FIRST)],
        "task_default_queue": tasks.QUEUE,
        "task_routes": tasks.ROUTES,
        # A message is dropped only when its work is done; a repeated one finds the segment claimed or done.
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "worker_send_task_events": False,
        "enable_utc": True,
        "timezone": schedule.zone,
        "beat_schedule": {
            # Nobody wants yesterday's sweeps, nor a night that begins at noon.
            "sweep": {
                "task": tasks.SWEEP,
                "schedule": schedule.sweep,
                "options": {"expires": max(schedule.sweep, 60.0)},
            },
            "intake": {
                "task": tasks.INTAKE,
                "schedule": schedule.intake,
                "options": {"expires": max(schedule.intake, 60.0)},
            },
            "forecast": {
                "task": tasks.FORECAST,
                "schedule": schedule.forecast,
                "options": {"expires": max(schedule.forecast, 60.0)},
            },
            "nightly": {
                "task": tasks.NIGHTLY,
                "schedule": crontab(hour=nightly.hour, minute=nightly.minute),
                "options": {"expires": 3600.0},
            },
            "retention": {
                "task": tasks.RETENTION,
                "schedule": crontab(hour=retention.hour, minute=retention.minute),
                "options": {"expires": 3600.0},
            },
        },
        "beat_scheduler": "scheduler.beat:Scheduler",
        "beat_schedule_filename": str(settings.home / "beat-schedule"),
    }


def _broker(settings: Settings) -> dict[str, Any]:
    if settings.broker.url:
        return {
            "broker_url": settings.broker.url,
            "broker_transport_options": {
                "visibility_timeout": settings.broker.visibility_timeout,
                # A network that is cut says nothing; as with the ledger, silence is asked about.
                "socket_keepalive": True,
                "socket_keepalive_options": _keepalive(),
                "socket_connect_timeout": 10,
            },
        }
    return {"broker_url": "filesystem://localhost/", "broker_transport_options": _message_folders(settings.home)}


def _keepalive() -> dict[int, int]:
    """Options of TCP, as far as this system has them: asked after 15 s, given up 20 s later."""
    wanted = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 35_000}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}


def _message_folders(home: Path) -> dict[str, Any]:
    """Where the embedded broker keeps its messages; sender and receiver share one folder."""
    messages = home / "broker" / "messages"
    control = home / "broker" / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "store_processed": False,
        "polling_interval": 0.1,
    }


app = Celery("rollcall", include=["scheduler.tasks"])
app.add_defaults(lambda: _configuration(load_settings()))


@setup_logging.connect
def _log_like_the_rest(**_: object) -> None:
    configure_logging(load_settings().log)
