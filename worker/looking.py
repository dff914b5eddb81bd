"""Single frames of a video, wherever they lie: for looking between two samples."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from db.facts import VideoFacts
from worker.samples import Sample
from worker.video import DecodedFrame, VideoReader, to_rgb


class Looker:
    """An open file that gives single frames. A context manager; it belongs into the cage.

    Which frame a question gives does not depend on those that were asked before.

    Args:
        path: the file.
        facts: what `probe` said of it.
        progress: called for each packet that is read.

    Raises:
        MediaError: on entering, the file has gone, or is no longer what it was.
    """

    def __init__(self, path: Path, facts: VideoFacts, progress: Callable[[], None] = lambda: None) -> None:
        self._facts = facts
        self._reader = VideoReader(path, facts, progress=progress)
        self._open = ExitStack()
        self._read_until: int | None = None

    def __enter__(self) -> Self:
        self._open.enter_context(self._reader)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def frame(self, between: tuple[int, int], window: tuple[int, int]) -> Sample | None:
        """A frame that is shown strictly between two instants, in a window of that time if there is one.

        A key frame in the window that is nearest to its middle, decoded alone; else the first frame from the window's
        begin on; else the last one before. None where there is none that can be decoded. All instants are ticks from
        the origin; the window includes both its ends.
        """
        earliest, latest = window
        key = self._reader.near((earliest + latest) // 2, earliest, latest + 1)
        # What is decoded next must not lean on what was decoded before this.
        self._read_until = None if key is not None else self._read_until
        for found in (key,) if key is not None else self._around(earliest):
            if found is not None and between[0] < found.pts < between[1]:
                return self._sample(found, key=key is not None)
        return None

    def _around(self, instant: int) -> tuple[DecodedFrame | None, DecodedFrame | None]:
        """The first frame from an instant on, and the last one before."""
        if not self._reader.file.has_timestamps:
            return None, None
        if self._read_until is None or self._read_until >= instant:
            self._reader.go_to(instant)
        else:
            self._reader.advance(instant)
        before = None
        while (frame := self._reader.read()) is not None and frame.pts < instant:
            before = frame
        self._read_until = instant if frame is None else frame.pts
        return frame, before

    def _sample(self, frame: DecodedFrame, *, key: bool) -> Sample | None:
        try:
            image = to_rgb(frame.picture, self._facts)
        except ValueError:
            # A format or a size midway that cannot be converted.
            return None
        return Sample(0, frame.pts, image, held=False, key=key)
