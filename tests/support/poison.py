"""A file that is the death of whoever opens it: as the kernel deals with a process that wants all memory."""

import threading
from pathlib import Path
from typing import Self

from support import processes


class Poison:
    """While the block lasts, decoders that hold a file open are killed, or the workers that they belong to.

    Args:
        file: the poison.
        worker: whether the worker dies, too.

    Attributes:
        killed: how many processes died of it.
    """

    def __init__(self, file: Path, *, worker: bool) -> None:
        self._file, self._worker = str(file), worker
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.killed = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            for pid in processes.named("worker.cage.inmate"):
                if self._file in processes.open_files(pid):
                    victim = processes.parent(pid) if self._worker else pid
                    self.killed += bool(victim and processes.kill(victim))
