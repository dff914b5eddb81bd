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
from worker.cage import inmate
from worker.cage.wire import Message
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


WAYS = {way.__name__: way for way in (crash, leave, hang, toil, gorge, write)}


def main() -> None:
    """Serve as the decoder does, and misbehave at every second sample."""
    way, channel, descriptor, mebibytes = sys.argv[1], *map(int, sys.argv[2:])
    inmate.confine(mebibytes)
    connection = socket.socket(fileno=channel)
    if way == "babble":
        connection.recv(1 << 16)
        connection.sendall(b"\x05\x00\x00\x00hello")
        connection.recv(1 << 16)
    elif way == "boast":
        connection.recv(1 << 16)
        connection.sendall(b"\xff\xff\xff\xff")
        connection.recv(1 << 16)

    def sampler(path: Path, facts: VideoFacts, order: Message, progress: Progress) -> Iterator[Sample]:
        for number, sample in enumerate(inmate.sample(path, facts, order, progress), start=1):
            if number % 2 == 0:
                WAYS[way](progress)
            yield sample

    def prober(path: Path, progress: Progress) -> VideoFacts:
        WAYS[way](progress)
        return inmate.probe(path, progress)

    inmate.serve(connection, descriptor, prober, sampler)


if __name__ == "__main__":
    main()
