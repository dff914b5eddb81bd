"""What systemd does for an operator: keeps services running, each started anew when it dies."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from support import processes
from support.installation import Installation

CELERY = (sys.executable, "-m", "celery", "--app", "config.celery_app")
WORKER = (*CELERY, "worker", "--include", "worker.tasks")
BEAT = (*CELERY, "beat")
_PATIENCE = 60.0


@dataclass
class _Service:
    command: tuple[str, ...]
    installation: Installation
    ends: bool
    deaf: bool
    process: "subprocess.Popen[bytes]"
    before: list["subprocess.Popen[bytes]"] = field(default_factory=list)


class Supervisor:
    """Services of one installation while a block lasts; then they are stopped as an operator stops them."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._services: dict[str, _Service] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _stop(list(self._services.values()))

    def start(
        self,
        name: str,
        *command: str,
        ends: bool = False,
        deaf: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a service.

        `ends`: it ends by itself when all is done, and is left alone then. `deaf`: signals do not reach it, so that it
        is stopped by force.
        """
        mine = self._installation
        mine = replace(mine, environment={**mine.environment, **(environment or {})})
        self._services[name] = _Service(command, mine, ends, deaf, mine.start(*command))

    def pid(self, name: str) -> int:
        """Of a service, alive or not."""
        return self._services[name].process.pid

    def code(self, name: str) -> int | None:
        """With which a service has ended; None while it runs."""
        return self._services[name].process.poll()

    def tend(self) -> None:
        """Start anew what has died."""
        for service in self._services.values():
            code = service.process.poll()
            if code is not None and not (service.ends and code == 0):
                service.before.append(service.process)
                service.process = service.installation.start(*service.command)

    def kill_everybody(self) -> None:
        """As a power cut does: every service with all that it has started."""
        pids = [service.process.pid for service in self._services.values()]
        for pid in [*pids, *(below for main in pids for below in processes.descendants(main))]:
            processes.kill(pid)

    def ended(self) -> list[str]:
        """Services that do not run any more."""
        return [name for name, service in self._services.items() if service.process.poll() is not None]

    def restarts(self) -> int:
        """How often services were started anew."""
        return sum(len(service.before) for service in self._services.values())

    def stop(self, name: str) -> None:
        """End a service as `systemctl stop` does: politely, and whatever is left of it after a while by force."""
        _stop([self._services[name]])


def _stop(services: Sequence[_Service]) -> None:
    left = [below for service in services for below in processes.descendants(service.process.pid)]
    for service in services:
        if service.deaf:
            service.process.kill()
        else:
            service.process.terminate()
    end = time.monotonic() + _PATIENCE
    while any(service.process.poll() is None for service in services) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in [*(service.process.pid for service in services), *left]:
        processes.kill(pid)
    for service in services:
        service.process.wait()
