"""Messages between a keeper and its inmate: JSON objects, each after its length in four bytes."""

import json
import select
import socket
import struct
import time
from dataclasses import astuple
from fractions import Fraction
from typing import Any, Final

from config.errors import MediaError
from db.facts import ClockPiece, VideoFacts

Message = dict[str, Any]

_LENGTH: Final = struct.Struct("<I")
_LONGEST: Final = 1 << 20
"""Bytes of a message; the longest are errors that quote a path."""
_LARGEST: Final = 1 << 28
"""Pixels of a picture; more than any that is decoded, with its pixels made square."""
_MOST: Final = (1 << 63) - 1
"""Of ticks, as the ledger holds them."""


class Broken(Exception):
    """The other side has gone, or says what no message is."""


class Silent(Exception):
    """The other side has not said anything for too long."""


def send(channel: socket.socket, message: Message) -> None:
    """Send a message.

    Raises:
        Broken: nobody is there to receive it.
    """
    content = json.dumps(message).encode()
    try:
        channel.sendall(_LENGTH.pack(len(content)) + content)
    except OSError as error:
        raise Broken(str(error)) from error


def receive(channel: socket.socket, patience: float | None = None) -> Message:
    """Wait for a message.

    Args:
        channel: a stream.
        patience: seconds to wait for it; None: for ever.

    Raises:
        Broken: the other side has gone, or this is no message.
        Silent: it has not sent a whole one in time.
    """
    end = None if patience is None else time.monotonic() + patience
    try:
        (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, end))
        if length > _LONGEST:
            raise Broken(f"a message of {length} bytes")
        content = _exactly(channel, length, end)
    except TimeoutError:
        raise Silent(patience) from None
    try:
        message = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Broken("no JSON") from error
    if not isinstance(message, dict):
        raise Broken("no JSON object")
    return message


def _exactly(channel: socket.socket, size: int, end: float | None) -> bytes:
    content = bytearray()
    while len(content) < size:
        if end is not None and not select.select([channel], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError
        try:
            part = channel.recv(size - len(content))
        except OSError as error:
            raise Broken(str(error)) from error
        if not part:
            raise Broken("it has gone")
        content += part
    return bytes(content)


def error_to_message(error: MediaError) -> Message:
    """An error about a file."""
    told = {"subject": error.subject, "what": error.what, "remedy": error.remedy}
    # A path may hold bytes that are no text.
    plain = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in told.items()}
    return {"is": "error", "code": error.code, **plain}


def error_from_message(message: Message) -> MediaError:
    """An error about a file.

    Raises:
        Broken: there is none of that kind.
    """
    kind = _kinds(MediaError).get(str(message.get("code")))
    if kind is None:
        raise Broken("an error of no known kind")
    return kind(*(str(message.get(part, "")) for part in ("subject", "what", "remedy")))


def _kinds(root: type[MediaError]) -> dict[str, type[MediaError]]:
    found = {root.code: root}
    for kind in root.__subclasses__():
        found |= _kinds(kind)
    return found


def facts_to_message(facts: VideoFacts) -> Message:
    """A video's facts, as JSON has them."""
    return {
        "container": facts.container,
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "rotation": facts.rotation,
        "time_base": [facts.time_base.numerator, facts.time_base.denominator],
        "origin_pts": facts.origin_pts,
        "duration_pts": facts.duration_pts,
        "pieces": [astuple(piece) for piece in facts.pieces],
    }


def facts_from_message(message: Message) -> VideoFacts:
    """A video's facts.

    Raises:
        Broken: something is missing, or of the wrong type.
    """
    try:
        width = whole(message["width"], 1, _LARGEST)
        numerator, denominator = message["time_base"]
        return VideoFacts(
            container=str(message["container"]),
            codec=str(message["codec"]),
            width=width,
            height=whole(message["height"], 1, _LARGEST // width),
            rotation=whole(message["rotation"], 0, 270),
            time_base=Fraction(whole(numerator, 1, 1 << 31), whole(denominator, 1, 1 << 31)),
            origin_pts=whole(message["origin_pts"]),
            duration_pts=None if message["duration_pts"] is None else whole(message["duration_pts"]),
            pieces=tuple(_piece(*numbers) for numbers in message["pieces"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"no facts of a video: {error!r}") from error


def _piece(position: object, first: object, continued: object) -> ClockPiece:
    return ClockPiece(whole(position, 0), whole(first), whole(continued))


def whole(value: object, least: int = -_MOST, most: int = _MOST) -> int:
    """The value, if it is a whole number in [least, most].

    Raises:
        Broken: it is not.
    """
    if not isinstance(value, int) or not least <= value <= most:
        raise Broken(f"{value!r:.40} is no whole number from {least} to {most}")
    return value
