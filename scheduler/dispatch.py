"""Ringing the doorbell: one message per piece of work, sent after the commit, by name, with ids only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from kombu import Queue
from kombu.exceptions import ChannelError, OperationalError

from config import tasks
from config.errors import BrokerUnavailable

log = structlog.get_logger(__name__)


class Sender:
    """Sends what is due to the workers of one Celery application."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send_segments(self, segment_ids: Sequence[int]) -> None:
        """Ask for segments to be scanned."""
        self._send(tasks.SCAN_SEGMENT, [(number,) for number in segment_ids])

    def send_videos(self, video_ids: Sequence[int]) -> None:
        """Ask for videos, all of whose segments have ended, to be finished."""
        self._send(tasks.FINISH_VIDEO, [(number,) for number in video_ids])

    def send_arrivals(self, arrival_ids: Sequence[int]) -> None:
        """Ask for what has arrived in watched places to be submitted."""
        self._send(tasks.ADMIT, [(number,) for number in arrival_ids])

    def send_rematch(self) -> None:
        """Ask for past videos to be matched with the gallery of now."""
        self._send(tasks.REMATCH, [()])

    def send_link(self) -> None:
        """Ask for unknown people of videos that have ended to be looked for in all others."""
        self._send(tasks.LINK, [()])

    def send_reembed(self) -> None:
        """Ask for faces to be embedded for the candidate's space."""
        self._send(tasks.REEMBED, [()])

    def queued(self) -> int:
        """How many messages no worker has taken yet."""
        return sum(map(self._queued, (tasks.QUEUE, tasks.FIRST)))

    def _queued(self, name: str) -> int:
        with self._told(), self._app.connection_for_write() as connection, connection.channel() as channel:
            try:
                # The stubs know of the queue's name only.
                declared: Any = Queue(name, channel=channel).queue_declare(passive=True)
                return int(declared.message_count)
            except ChannelError:
                # Nobody has sent anything yet, so there is no queue.
                return 0

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what transports raise into one error that says what to do."""
        connection = self._app.connection_for_write()
        lost: Any = connection.connection_errors
        try:
            yield
        # A ValueError is a message file of the embedded broker that holds no JSON.
        except (OperationalError, OSError, ValueError, *lost) as error:
            raise BrokerUnavailable(
                connection.as_uri(), str(error) or type(error).__name__, "check broker.url and that the server runs"
            ) from error

    def _send(self, task: str, messages: Sequence[tuple[int, ...]]) -> None:
        """One message with each of these arguments."""
        if not messages:
            return
        with self._told(), self._app.producer_pool.acquire(block=True) as producer:
            for arguments in messages:
                self._app.send_task(task, arguments, producer=producer)
        log.info("sent", task=task, count=len(messages))
