"""Running contenders in turn, and what their times say.

Processor time of this process is what counts: a busy machine stretches it less than the clock on the wall, and turns
(A B C A B C …) give every contender the same share of what is left of the noise. The ratio is taken round by round.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Contender = Callable[[], object]
"""Does the whole work of a case once."""


@dataclass(frozen=True, slots=True)
class Case:
    """Contenders that do the same work. The first is the one that ratios refer to.

    Args:
        name: for the command line.
        work: what one unit is, e.g. `face`.
        units: how many of them a contender does at each call.
        contenders: by name.
    """

    name: str
    work: str
    units: float
    contenders: Mapping[str, Contender]


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, middle and largest of the rounds."""

    least: float
    median: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of some values, at least one."""
        return cls(min(values), statistics.median(values), max(values))


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of processor time for one unit, and how many times as fast as the case's first contender."""

    contender: str
    seconds: Spread
    ratio: Spread


def measure(case: Case, rounds: int) -> list[Result]:
    """Run every contender once uncounted (networks load, caches fill), then `rounds` times in turn."""
    for work in case.contenders.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in case.contenders}
    for _ in range(rounds):
        for name, work in case.contenders.items():
            before = time.process_time()
            work()
            times[name].append((time.process_time() - before) / case.units)
    first = times[next(iter(times))]
    return [
        Result(
            name,
            Spread.of(taken),
            Spread.of([base / own for base, own in zip(first, taken, strict=True)]),
        )
        for name, taken in times.items()
    ]
