"""A real S3 server over HTTP, and a network in front of it that breaks and stalls."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from config.storage_settings import StorageSettings
from storage.s3_client import client_for

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def serving(address: str = "127.0.0.1") -> Iterator[str]:
    """A server in threads of this process; its address."""
    from moto.server import ThreadedMotoServer  # takes most of a second, and few tests need it

    server = ThreadedMotoServer(ip_address=address, port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def asking_who(endpoint: str) -> Iterator[None]:
    """In this block the server checks credentials, signatures and rights."""
    _let_in(endpoint, "0")
    try:
        yield
    finally:
        _let_in(endpoint, "inf")


def _let_in(endpoint: str, unchecked: str) -> None:
    address, kind = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    request = Request(address, data=unchecked.encode(), headers=kind, method="POST")
    with urlopen(request) as answer:
        assert answer.status == 200


def environment() -> dict[str, str]:
    """This process's environment with credentials for the server, and nothing of the user's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROLLCALL_"))}
    return {**kept, **CREDENTIALS, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@dataclass
class TestBucket:
    """An empty bucket of the test's own."""

    __test__ = False

    name: str
    endpoint: str

    @property
    def settings(self) -> StorageSettings:
        """How to reach it."""
        return StorageSettings(endpoint=self.endpoint)

    @property
    def client(self) -> Any:
        """boto3's, for what a store has no words for."""
        return client_for(self.settings)

    def put(self, key: str, content: bytes) -> None:
        """Write an object as somebody else would."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)


class RequestLog(logging.Handler):
    """Requests that the server has answered since this was opened, as `GET /bucket/key`."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of the server's log."""
        words = record.getMessage().replace("\x1b", " ").split('"')
        if len(words) > 1:
            self.lines.append(words[1].rpartition(" HTTP/")[0])

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("werkzeug").removeHandler(self)


@dataclass
class Network:
    """A way to the server that forwards bytes both ways, and can be cut and held.

    Attributes:
        cuts: of each next connection, bytes of its first answer's content after which it is cut; later ones are whole.
        hold_after: bytes of a first answer's content after which nothing more comes until `flowing` is set.
        held: is set when something is being held.
        without: the name of a header that the server never sees, as if it did not know it.
    """

    server: str
    cuts: list[int] = field(default_factory=list)
    hold_after: int | None = None
    flowing: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    without: bytes = b""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.flowing.set()
        # Closing alone does not wake up whoever waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        there = urlsplit(self.server)
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((there.hostname or "", there.port or 80))
            cut = self.cuts.pop(0) if self.cuts else None
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
            threading.Thread(target=self._answer, args=(far, near, cut), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                target.sendall(content.replace(self.without, b"x" * len(self.without)) if self.without else content)
        _close(target)

    def _answer(self, source: socket.socket, target: socket.socket, cut: int | None) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += source.recv(1)
            target.sendall(head)
            sent = 0
            while (cut is None or sent < cut) and (content := source.recv(65536 if cut is None else cut - sent)):
                if self.hold_after is not None and sent + len(content) > self.hold_after:
                    self.held.set()
                    self.flowing.wait()
                target.sendall(content)
                sent += len(content)
        _close(target)
        _close(source)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
