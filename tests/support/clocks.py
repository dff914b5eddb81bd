"""Clocks that tests set: the machine's own stays as it is, only processes that are started so see another one."""

import mmap
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

from support.installation import Installation

_SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """A clock of some processes, at first that of the machine.

    Args:
        folder: for what is made.

    Raises:
        FileNotFoundError: there is no C compiler here.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise FileNotFoundError("cc")
        folder.mkdir()
        self._library, self._file = folder / "clock.so", folder / "clock"
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        self._file.write_bytes(struct.pack("<q", 0))

    @property
    def environment(self) -> dict[str, str]:
        """Of processes that are to see it."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_FILE": str(self._file)}

    def of(self, installation: Installation) -> Installation:
        """The same installation, its processes under this clock."""
        return replace(installation, environment={**installation.environment, **self.environment})

    def set(self, hours: float) -> None:
        """Let it be so many hours ahead of the machine's, at once."""
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), 8) as content:
            content[:] = struct.pack("<q", round(hours * 3600))
