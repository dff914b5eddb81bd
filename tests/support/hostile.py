"""Decoders that misbehave, each started as a process of its own by a `Keeper`: `python -m support.hostile HOW …`."""

import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from db.facts import VideoFacts
from worker.cage import inmate, wire
from worker.cage.wire import Message
from worker.looking import Looker
from worker.samples import Sample

Progress = Callable[[], None]


def crash(_progress: Progress) -> None:
    """Read from an address where nothing is."""
    ctypes.string_at(0)


def leave(_progress: Progress) -> None:
    """End as if all were well."""
    os._exit(3)


def hang(_progress: Progress) -> None:
    """Wait for ever without a sign of life."""
    time.sleep(3600)


def toil(progress: Progress) -> None:
    """Work for ever with signs of life."""
    while True:
        time.sleep(0.05)
        progress()


def gorge(_progress: Progress) -> None:
    """Want 50 GB, and touch them."""
    np.ones(50 << 30, np.uint8)


def write(_progress: Progress) -> None:
    """Fill the disk."""
    with Path(os.environ["HOSTILE_FILE"]).open("wb", buffering=0) as file:
        file.write(bytes(1 << 20))


def shrink(_progress: Progress) -> None:
    """Take the shared picture away, so that whoever reads it is killed."""
    os.ftruncate(int(sys.argv[3]), 0)


WAYS = {way.__name__: way for way in (crash, leave, hang, toil, gorge, write, shrink)}
SPEECHES = {
    "babble": b"\x05\x00\x00\x00hello",
    "boast": b"\xff\xff\xff\xff",
    "stutter": b"\x05\x00",
    "nest": (1 << 19).to_bytes(4, "little") + b"[" * (1 << 19),
}
"""What a decoder may say instead of an answer."""
MESSAGES: dict[str, Message] = {
    "exaggerate": {"is": "facts", "container": "", "codec": "", "width": 1 << 30, "height": 1 << 30, "rotation": 0,
                   "time_base": [1, 1000], "origin_pts": 0, "duration_pts": 0},
    "overflow": {"is": "sample", "pts": 10**30, "seen": True, "held": False, "key": False},
    "repeat": {"is": "sample", "pts": 0, "seen": True, "held": False, "key": False},
    "stop": {"is": "end"},
}  # fmt: skip
"""What it may answer to everything."""


def main() -> None:
    """Serve as the decoder does, but misbehave at each second sample and each look; not for a file named `good`."""
    way, channel, descriptor, mebibytes = sys.argv[1], *map(int, sys.argv[2:])
    inmate.confine(mebibytes)
    connection = socket.socket(fileno=channel)
    if way in SPEECHES:
        wire.send(connection, {"is": "here"})
        connection.recv(1 << 16)
        connection.sendall(SPEECHES[way])
        connection.recv(1 << 16)
    if way in MESSAGES:
        wire.send(connection, {"is": "here"})
    while way in MESSAGES:
        wire.receive(connection)
        wire.send(connection, MESSAGES[way])

    def sampler(path: Path, facts: VideoFacts, order: Message, progress: Progress) -> Iterator[Sample]:
        for number, sample in enumerate(inmate.sample(path, facts, order, progress), start=1):
            if number % 2 == 0 and path.stem != "good":
                WAYS[way](progress)
            yield sample

    def prober(path: Path, progress: Progress) -> VideoFacts:
        if path.stem != "good":
            WAYS[way](progress)
        return inmate.probe(path, progress)

    class Opener(Looker):
        def frame(self, between: tuple[int, int], window: tuple[int, int]) -> Sample | None:
            WAYS[way](lambda: None)
            return super().frame(between, window)

    inmate.serve(connection, descriptor, prober, sampler, Opener)


if __name__ == "__main__":
    main()
