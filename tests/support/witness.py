"""A witness of what is opened: files of a folder, by whatever process, and connections to a port of this machine."""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NETWORK = "the network"
_OPENED = 0x20  # IN_OPEN
_EVENT = struct.Struct("iIII")
_REFUSAL = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Witness:
    """Notices, without being noticed. Files by inotify, whoever opens them; connections by answering them.

    `port`: of this machine, answers HTTP.
    """

    def __init__(self, notices: int, listener: socket.socket) -> None:
        self._notices = notices
        self._listener = listener
        self._connections = 0
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def noticed(self) -> set[str]:
        """Names of the files that were opened since the last call, and `NETWORK` if somebody called."""
        found = set()
        try:
            events = os.read(self._notices, 1 << 16)
        except BlockingIOError:
            events = b""
        while events:
            _, _, _, length = _EVENT.unpack_from(events)
            found.add(os.fsdecode(events[_EVENT.size : _EVENT.size + length].rstrip(b"\0")))
            events = events[_EVENT.size + length :]
        # Connections are answered in turn: after our own, every earlier one was counted.
        with socket.create_connection(("127.0.0.1", self.port)) as own:
            own.recv(len(_REFUSAL))
        connections, self._connections = self._connections, 0
        return found | ({NETWORK} if connections > 1 else set())

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._connections += 1
                connection.sendall(_REFUSAL)


@contextmanager
def witness(folder: Path) -> Iterator[Witness]:
    """A witness of a folder and of a port. Only on Linux."""
    libc = ctypes.CDLL(None, use_errno=True)
    notices = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert notices >= 0
    assert libc.inotify_add_watch(notices, os.fsencode(folder), _OPENED) >= 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            yield Witness(notices, listener)
        finally:
            os.close(notices)
            listener.shutdown(socket.SHUT_RDWR)
