"""Hosts on one machine: network namespaces with names of their own, each on a wire that can be cut (Linux, root)."""

import os
import subprocess
from typing import Self

_SUBNET = f"10.{128 + os.getpid() % 100}.{os.getpid() // 100 % 250}"


class HostsUnavailable(Exception):
    """This machine does not allow namespaces; the message says why."""


class Hosts:
    """A switch with hosts on it, gone when the block ends. `address`: of this machine, as hosts see it."""

    address = f"{_SUBNET}.1"

    def __init__(self, *names: str) -> None:
        self._names = names
        self._mark = f"{os.getpid() % 100000}"
        self._switch = f"rcs{self._mark}"

    def __enter__(self) -> Self:
        try:
            _ip("link", "add", self._switch, "type", "bridge")
            _ip("address", "add", f"{self.address}/24", "dev", self._switch)
            _ip("link", "set", self._switch, "up")
            for number, name in enumerate(self._names, start=2):
                self._add(name, number)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise HostsUnavailable(getattr(error, "stderr", None) or str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            _ip("netns", "delete", self._space(name), check=False)
            _ip("link", "delete", self._wire(name), check=False)
        _ip("link", "delete", self._switch, check=False)

    def _add(self, name: str, number: int) -> None:
        space, wire = self._space(name), self._wire(name)
        _ip("netns", "add", space)
        _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", wire, "master", self._switch, "up")
        _ip("-n", space, "address", "add", f"{_SUBNET}.{number}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        _ip("-n", space, "link", "set", "lo", "up")

    def _space(self, name: str) -> str:
        return f"rollcall-{self._mark}-{name}"

    def _wire(self, name: str) -> str:
        return f"rc{self._mark}{name}"[:15]

    def on(self, name: str, *command: str) -> tuple[str, ...]:
        """A command as it is run on a host; its process is that of the command."""
        run = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name)
        return ("ip", "netns", "exec", self._space(name), *run, *command)

    def cut(self, name: str) -> None:
        """Cut a host off: nothing reaches it, and nobody is told."""
        _ip("link", "set", self._wire(name), "down")

    def mend(self, name: str) -> None:
        """Bring it back."""
        _ip("link", "set", self._wire(name), "up")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True)
