"""A broker that delivers every message twice and in random order: somebody who listens to it and sends again."""

import json
import re
import threading
import time
from ast import literal_eval
from random import Random
from typing import Any, Self
from uuid import uuid4

import redis as redis_client

from config import tasks
from support.redis_server import RedisServer

_QUEUES = (tasks.QUEUE, tasks.FIRST)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"')
_LATEST = 2.0
"""Seconds after which a message is sent again, at most."""


class Repeater:
    """While the block lasts, what is sent to the queues is sent again a little later, and all that waits is shuffled.

    Redis itself tells what is sent (MONITOR), so that no message is too quick to be repeated.

    Attributes:
        sent: messages that others sent.
        repeated: how many of them were sent again.
    """

    def __init__(self, server: RedisServer, random: Random) -> None:
        self._server, self._random = server, random
        self._mine: set[str] = set()
        self._due: list[tuple[float, str, str]] = []
        """When which message of which queue is sent again."""
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._send)]
        self.sent = self.repeated = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with self._server.client as client, client.monitor() as monitor:
            monitor.connection.send_command("MONITOR")
            while not self._ended.is_set():
                if not monitor.connection.can_read(timeout=0.1):
                    continue
                line = monitor.connection.read_response(disable_decoding=True)
                words = [literal_eval(word) for word in _WORD.findall(line.decode())]
                if [word.upper() for word in words[:1]] == ["LPUSH"] and words[1] in _QUEUES:
                    self._heard(words[1], words[2:])

    def _heard(self, queue: str, messages: list[str]) -> None:
        with self._lock:
            for message in messages:
                if _tag(message) not in self._mine:
                    self.sent += 1
                    self._due.append((time.monotonic() + self._random.uniform(0, _LATEST), queue, message))

    def _send(self) -> None:
        with self._server.client as client:
            while not self._ended.wait(0.02):
                self._shuffle(client)
            # What was sent last, too.
            with self._lock:
                self._due = [(0.0, queue, message) for _, queue, message in self._due]
            self._shuffle(client)

    def _shuffle(self, client: redis_client.Redis) -> None:
        """Add what is due, and put all that waits in another order, in one step."""
        for queue in _QUEUES:
            self._shuffle_one(client, queue)

    def _shuffle_one(self, client: redis_client.Redis, mine: str) -> None:
        now = time.monotonic()
        with self._lock:
            copies = [_copy(message) for when, queue, message in self._due if when <= now and queue == mine]
            self._due = [each for each in self._due if each[0] > now or each[1] != mine]
            self._mine.update(map(_tag, copies))
            self.repeated += len(copies)
        with client.pipeline() as pipeline:
            while True:
                try:
                    pipeline.watch(mine)  # type: ignore[no-untyped-call]  # of the client's
                    waiting: Any = pipeline.lrange(mine, 0, -1)
                    order = [*(each.decode() for each in waiting), *copies]
                    if not order:
                        return
                    self._random.shuffle(order)
                    pipeline.multi()
                    pipeline.delete(mine)
                    pipeline.rpush(mine, *order)
                    pipeline.execute()
                except redis_client.WatchError:
                    continue
                return


def _tag(message: str) -> str:
    told: str = json.loads(message)["properties"]["delivery_tag"]
    return told


def _copy(message: str) -> str:
    """The same message as a broker's second delivery: of its own, so that each is acknowledged for itself."""
    document = json.loads(message)
    document["properties"]["delivery_tag"] = str(uuid4())
    return json.dumps(document)
