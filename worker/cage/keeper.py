"""The worker's side of the cage: asks the inmate, and survives it."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from config.errors import DecoderCrashed, DecoderFailed, DecoderHung, MediaError
from config.sampling_settings import DecodeSettings
from db.facts import VideoFacts
from worker.cage import wire
from worker.cage.pictures import SharedPicture, anonymous_file
from worker.cage.wire import Message
from worker.samples import Frame, Sample

# -P: modules come from where they are installed, never from the folder that somebody works in.
_PROGRAM: Final = (sys.executable, "-P", "-m", "worker.cage.inmate")
_START: Final = 60.0
"""Seconds that a process has to begin; on a busy machine loading the decoder takes some."""
_GRACE: Final = 2.0
"""Seconds that a process has to end by itself."""
_REMEDY: Final = "check that it plays elsewhere"


def _nothing() -> None: ...


class Keeper:
    """Facts and samples of files, decoded by a process of its own: started when it is needed, started anew when dead.

    A context manager. Not for several threads at once, and not to be taken along into a fork.

    Args:
        limits: of memory and time.
        program: what to start; numbers of the channel and of the file for pictures, and MiB of memory, are added.
    """

    def __init__(self, limits: DecodeSettings, program: Sequence[str] = _PROGRAM) -> None:
        self._limits = limits
        self._program = program
        self._inmate: _Inmate | None = None
        self._spent_before = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def spent(self) -> float:
        """Seconds of processor time that decoding took so far, as far as was told."""
        return self._spent_before + (self._inmate.spent if self._inmate else 0.0)

    @property
    def pid(self) -> int | None:
        """Number of the process, None while none runs."""
        return self._inmate.pid if self._inmate else None

    def close(self) -> None:
        """End the process."""
        if self._inmate is not None:
            self._spent_before += self._inmate.spent
            self._inmate.end()
            self._inmate = None

    def probe(self, path: Path, on_wait: Callable[[], None] = _nothing) -> VideoFacts:
        """What a file says about its main video stream, see `worker.video.probe`.

        Raises:
            MediaError: what is wrong with the file, or what the decoder has done on it.
        """
        answer = self._ask({"do": "probe", "path": str(path)}, str(path), on_wait)
        try:
            return wire.facts_from_message(answer)
        except wire.Broken as error:
            raise self._crashed(str(path), error) from error

    def samples(
        self,
        path: Path,
        facts: VideoFacts,
        first_sample: int,
        end_sample: int | None,
        interval_ms: int,
        tolerance_ms: int,
        on_wait: Callable[[], None] = _nothing,
        *,
        stride: int = 1,
    ) -> Iterator[Sample]:
        """The samples of a part of a file, see `worker.sampling.sample_frames`.

        One such iterator at a time: another one, or `probe`, ends it.

        Args:
            path: the file.
            facts: what `probe` said of it.
            first_sample: number of the first sample.
            end_sample: first number that is not wanted; None: to the end of the picture.
            interval_ms: milliseconds between two instants.
            tolerance_ms: milliseconds that a frame may lie from its instant.
            on_wait: called about every second while the next sample is decoded; what it raises ends the iterator.
            stride: from one sample's number to the next.

        Raises:
            MediaError: what is wrong with the file, or what the decoder has done on it.
        """
        order = {
            "do": "samples",
            "path": str(path),
            "facts": wire.facts_to_message(facts),
            "first_sample": first_sample,
            "end_sample": end_sample,
            "interval_ms": interval_ms,
            "tolerance_ms": tolerance_ms,
            "stride": stride,
        }
        picture = SharedPicture(self._running().descriptor, facts.height, facts.width)
        self._ask(order, str(path), on_wait)
        number, end = first_sample, math.inf if end_sample is None else end_sample
        while (answer := self._ask({"do": "next"}, str(path), on_wait)).get("is") == "sample":
            try:
                pts = None if answer["pts"] is None else wire.whole(answer["pts"])
                seen, held, key = (bool(answer[name]) for name in ("seen", "held", "key"))
            except (KeyError, wire.Broken) as error:
                raise self._crashed(str(path), error) from error
            if number >= end:
                break
            yield Sample(number, pts, picture.read() if seen else None, held, key)
            number += stride
        if answer.get("is") != "end" or (end_sample is not None and number < end):
            raise self._crashed(str(path), wire.Broken(f"{answer.get('is')} after sample {number - stride}"))

    def look(
        self,
        path: Path,
        facts: VideoFacts,
        between: tuple[int, int],
        window: tuple[int, int],
        on_wait: Callable[[], None] = _nothing,
    ) -> Frame | None:
        """One frame between two instants, see `worker.looking.Looker`. It ends an iterator of samples.

        The file stays open for the next look, until another order.

        Raises:
            MediaError: what is wrong with the file, or what the decoder has done on it.
        """
        order = {
            "do": "look",
            "path": str(path),
            "facts": wire.facts_to_message(facts),
            "between": between,
            "window": window,
        }
        picture = SharedPicture(self._running().descriptor, facts.height, facts.width)
        answer = self._ask(order, str(path), on_wait)
        if answer.get("is") == "end":
            return None
        try:
            # What is no frame has no tick.
            return Frame(0, wire.whole(answer.get("pts"), between[0] + 1, between[1] - 1), picture.read())
        except wire.Broken as error:
            raise self._crashed(str(path), error) from error

    def _running(self) -> "_Inmate":
        if self._inmate is None:
            self._inmate = _Inmate(self._program, self._limits.memory)
        return self._inmate

    def _ask(self, order: Message, subject: str, on_wait: Callable[[], None]) -> Message:
        inmate = self._running()
        try:
            answer = inmate.ask(order, self._limits.silence, self._limits.longest, on_wait)
        except wire.Broken as error:
            raise self._crashed(subject, error) from error
        except wire.Silent as error:
            self.close()
            raise DecoderHung(subject, f"its decoder has not got on for {error} s", _REMEDY) from error
        except BaseException:
            # Its answer to this would be taken for that to the next question.
            self.close()
            raise
        if answer.get("is") == "error":
            raise self._told(answer, subject)
        return answer

    def _told(self, answer: Message, subject: str) -> MediaError:
        try:
            error = wire.error_from_message(answer)
        except wire.Broken as broken:
            return self._crashed(subject, broken)
        if isinstance(error, DecoderFailed):
            self.close()
        return error

    def _crashed(self, subject: str, error: Exception) -> DecoderCrashed:
        how = self._inmate.how_it_ended() if self._inmate else None
        self.close()
        return DecoderCrashed(subject, f"its decoder {how or f'talks nonsense: {error}'}", _REMEDY)


class _Inmate:
    """A running process, the channel to it, and the file for pictures."""

    def __init__(self, program: Sequence[str], mebibytes: int) -> None:
        self.spent = 0.0
        self._is_here = False
        self.descriptor = anonymous_file()
        self._channel, theirs = socket.socketpair()
        with theirs:
            shared = theirs.fileno(), self.descriptor
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [*program, *map(str, shared), str(mebibytes)],
                pass_fds=shared,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Whoever interrupts the worker lets it end its piece of work.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask(self, order: Message, silence: float, longest: float, on_wait: Callable[[], None]) -> Message:
        """Its answer.

        Raises:
            Broken: it has died, or talks nonsense.
            Silent: it said nothing for `silence` seconds, or had nothing to give for `longest`.
        """
        wire.send(self._channel, order)
        if not self._is_here:
            self._is_here = wire.receive(self._channel, max(silence, _START)).get("is") == "here"
        end = time.monotonic() + longest
        while True:
            answer = wire.receive(self._channel, silence)
            if answer.get("is") != "working":
                spent = answer.get("spent")
                self.spent = spent if isinstance(spent, float) and self.spent <= spent < math.inf else self.spent
                return answer
            if time.monotonic() > end:
                raise wire.Silent(longest)
            on_wait()

    def how_it_ended(self) -> str | None:
        """In words; None if it has not."""
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"has ended with exit code {code}"

    def end(self) -> None:
        """Kill it and give everything back."""
        self._channel.close()
        self._process.kill()
        self._process.wait()
        os.close(self.descriptor)
