"""The decoder's side of the cage: a process that limits itself and then does what it is told.

    python -m worker.cage.inmate CHANNEL PICTURES MEMORY

with the numbers of two open files (a socket, and memory for pictures that both sides map) and a limit in MiB.
"""

import ctypes
import mmap
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2

from config.errors import DecoderMemory, MediaError
from db.facts import VideoFacts
from worker import video
from worker.cage import wire
from worker.cage.pictures import SharedPicture
from worker.cage.wire import Message
from worker.looking import Looker
from worker.samples import Sample
from worker.sampling import sample_frames

Progress = Callable[[], None]
Prober = Callable[[Path, Progress], VideoFacts]
Sampler = Callable[[Path, VideoFacts, Message, Progress], Iterator[Sample]]
Opener = Callable[[Path, VideoFacts, Progress], AbstractContextManager[Looker]]

_OPEN_FILES: Final = 64
_SIGN_OF_LIFE: Final = 1.0
"""Seconds between two messages that decoding goes on."""
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG
_REMEDY: Final = "check that it plays elsewhere, or allow more (decode.memory)"


def main() -> None:
    """Begin where `Keeper` has started this process."""
    channel, descriptor, mebibytes = map(int, sys.argv[1:])
    confine(mebibytes)
    with socket.socket(fileno=channel) as connection:
        serve(connection, descriptor)


def confine(mebibytes: int) -> None:
    """No more memory than that beyond what is in use now, no files written, few opened, no life without the parent.

    And one thread: the worker beside it has its core, and every thread of OpenCV's takes memory.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * mmap.PAGESIZE + (mebibytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (most, most))


def probe(path: Path, progress: Progress) -> VideoFacts:
    """See `worker.video.probe`."""
    return video.probe(path, progress)


def sample(path: Path, facts: VideoFacts, order: Message, progress: Progress) -> Iterator[Sample]:
    """See `worker.sampling.sample_frames`."""
    return sample_frames(
        path,
        facts,
        order["first_sample"],
        order["end_sample"],
        order["interval_ms"],
        order["tolerance_ms"],
        stride=order["stride"],
        progress=progress,
    )


def serve(
    channel: socket.socket,
    descriptor: int,
    prober: Prober = probe,
    sampler: Sampler = sample,
    opener: Opener = Looker,
) -> None:
    """Answer until the keeper has gone.

    Args:
        channel: to the keeper.
        descriptor: number of the open file for pictures.
        prober: gives the facts of a file.
        sampler: gives the samples of a part of one.
        opener: opens one for single frames.
    """
    with suppress(wire.Broken), _Desk(channel, descriptor, prober, sampler, opener) as desk:
        wire.send(channel, {"is": "here"})
        while True:
            order = wire.receive(channel)
            wire.send(channel, {**desk.answer(order), "spent": time.process_time()})


class _Desk:
    """Answers orders, one after the other."""

    def __init__(
        self, channel: socket.socket, descriptor: int, prober: Prober, sampler: Sampler, opener: Opener
    ) -> None:
        self._channel = channel
        self._descriptor = descriptor
        self._prober = prober
        self._sampler = sampler
        self._opener = opener
        self._samples: Iterator[Sample] = iter(())
        self._picture: SharedPicture | None = None
        self._path = ""
        self._open = ExitStack()
        self._looker: tuple[str, VideoFacts, Looker] | None = None
        self._due = time.monotonic() + _SIGN_OF_LIFE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def answer(self, order: Message) -> Message:
        """What an order gives, or the error that it ends with."""
        try:
            if order["do"] == "next":
                return self._next()
            self._path = order["path"]
            if order["do"] == "look":
                return self._look(order)
            self._close()
            if order["do"] == "samples":
                return self._begin(order)
            return {"is": "facts", **wire.facts_to_message(self._prober(Path(self._path), self._progress))}
        except MediaError as error:
            return wire.error_to_message(error)
        except MemoryError:
            return wire.error_to_message(DecoderMemory(self._path, "its decoder wants too much memory", _REMEDY))

    def _begin(self, order: Message) -> Message:
        facts = wire.facts_from_message(order["facts"])
        self._samples = self._sampler(Path(self._path), facts, order, self._progress)
        self._picture = SharedPicture(self._descriptor, facts.height, facts.width)
        return {"is": "ready"}

    def _next(self) -> Message:
        return self._sample(next(self._samples, None))

    def _look(self, order: Message) -> Message:
        facts = wire.facts_from_message(order["facts"])
        if self._looker is None or self._looker[:2] != (self._path, facts):
            self._close()
            self._picture = SharedPicture(self._descriptor, facts.height, facts.width)
            opened = self._open.enter_context(self._opener(Path(self._path), facts, self._progress))
            self._looker = self._path, facts, opened
        return self._sample(self._looker[2].frame(tuple(order["between"]), tuple(order["window"])))

    def _close(self) -> None:
        """Let the file go in which single frames were looked at."""
        self._looker = None
        self._open.close()

    def _sample(self, found: Sample | None) -> Message:
        if found is None:
            return {"is": "end"}
        if found.image is not None and self._picture is not None:
            self._picture.write(found.image)
        return {
            "is": "sample",
            "number": found.number,
            "pts": found.pts,
            "seen": found.image is not None,
            "held": found.held,
            "key": found.key,
        }

    def _progress(self) -> None:
        """Tell the keeper now and then that decoding goes on."""
        if time.monotonic() >= self._due:
            wire.send(self._channel, {"is": "working"})
            self._due = time.monotonic() + _SIGN_OF_LIFE


if __name__ == "__main__":
    main()
