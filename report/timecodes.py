"""Exact seconds become what people read: time codes, spoken durations, the ticks of a time axis.

Everything takes `Fraction` seconds from the instant at which a player shows 0:00; rounding to the millisecond happens
here and nowhere before.
"""

from fractions import Fraction

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
"""Seconds between two ticks that people count in."""


def milliseconds(seconds: Fraction) -> int:
    """Whole milliseconds, the nearest; of two equally near the even one."""
    return round(seconds * 1000)


def decimal(seconds: Fraction) -> float:
    """Seconds with at most three decimals, for JSON."""
    return milliseconds(seconds) / 1000


def timecode(seconds: Fraction) -> str:
    """`00:01:02.345`, with as many digits for the hours as they need, two at least; WebVTT's own form.

    Raises:
        ValueError: the time lies before 0:00.
    """
    if seconds < 0:
        raise ValueError(f"no time code for {seconds} s")
    minutes, rest = divmod(milliseconds(seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def clock(seconds: Fraction) -> str:
    """What a player shows, to the millisecond where that is not 0: `0:05`, `1:02.345`, `2:03:04`, `−0:00.040`."""
    whole, thousandths = divmod(abs(milliseconds(seconds)), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    sign = "−" if seconds < 0 and (whole or thousandths) else ""
    return f"{sign}{text}.{thousandths:03d}" if thousandths else sign + text


def span(start: Fraction, end: Fraction) -> str:
    """Two clock times, or one where they are the same: `0:12 – 0:18`."""
    first, last = clock(start), clock(end)
    return first if first == last else f"{first} – {last}"


def whole(seconds: Fraction) -> Fraction:
    """Seconds without their fraction, as a player shows them."""
    return Fraction(int(seconds))


def amount(seconds: Fraction) -> str:
    """A duration at a glance, in its two largest units: `4.5 s`, `42 s`, `3 min 07 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{round(float(seconds), 1):g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def ticks(length: Fraction, most: int) -> list[tuple[Fraction, str]]:
    """Instants and labels for an axis from 0 to `length` seconds: at most `most` equal steps of a size people count in.

    Labels tell hours only where the axis reaches an hour, and seconds only where the steps are finer than an hour:
    `0:30`, `1:05:00`, `14:00`.

    Args:
        length: seconds; of a length of 0 there is one tick.
        most: steps, at least 1.
    """
    days = 86400 * max(1, -(-int(length) // (86400 * most)))
    step = next((step for step in _STEPS if step * most >= length), days)
    return [(Fraction(second), _tick_label(second, step, length)) for second in range(0, int(length) + 1, step)]


def _tick_label(second: int, step: int, length: Fraction) -> str:
    minutes, rest = divmod(second, 60)
    if length < 3600:
        return f"{minutes}:{rest:02d}"
    if step >= 60 and length >= 4 * 3600:
        return f"{minutes // 60} h" if step % 3600 == 0 else f"{minutes // 60}:{minutes % 60:02d} h"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
