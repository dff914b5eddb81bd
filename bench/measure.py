"""Running contenders in turn, and what their times say.

Processor time is what counts: a busy machine stretches it less than the clock on the wall, and turns (A B C A B C …)
give every contender the same share of what is left of the noise. The ratio is taken round by round.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Elsewhere(Generic[R]):
    """The result of work that another process did, and the seconds of processor time that it took there."""

    result: R
    seconds: float


Contender = Callable[[], R | Elsewhere[R]]
"""Does the whole work of a case once and returns its result, or what another process says of it."""

Agreement = Mapping[str, float]
"""How a result compares with another one, number by number, e.g. `largest difference`."""


@dataclass(frozen=True, slots=True, eq=False)
class Case(Generic[R]):
    """Contenders that do the same work. The first is the one that ratios and results refer to.

    Args:
        name: for the command line.
        inputs: what they work on, for people.
        work: what one unit is, e.g. `face`.
        units: how many of them a contender does at each call.
        contenders: by name.
        compare: tells how a contender's result agrees with the first one's: (first's, its own).
        others: contenders whose results are not to be compared, and why.
        operations: floating-point operations that one unit takes, 0 where nobody has counted them.
        hours: a unit is an hour of video, so that its seconds tell hours of video per core-hour.
        missing: tells of a contender that could not take part, and how it could.
        rounds: counted turns of each contender where nobody asks for another number.
    """

    name: str
    inputs: str
    work: str
    units: float
    contenders: Mapping[str, Contender[R]]
    compare: Callable[[R, R], Agreement]
    others: Mapping[str, str] = field(default_factory=dict)
    operations: float = 0
    hours: bool = False
    missing: str = ""
    rounds: int = 5


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
    """Seconds of processor time for one unit, how many times as fast as the case's first contender, and how alike.

    `agreement` is None where results are not to be compared.
    """

    contender: str
    seconds: Spread
    ratio: Spread
    agreement: Agreement | None


def measure(case: Case[R], rounds: int) -> list[Result]:
    """Run every contender once uncounted (networks load, caches fill, results are compared), then `rounds` in turn."""
    results = {name: _timed(work)[0] for name, work in case.contenders.items()}
    first = next(iter(results))
    agreements = {
        name: None if name in case.others else case.compare(results[first], result) for name, result in results.items()
    }
    times: dict[str, list[float]] = {name: [] for name in case.contenders}
    for _ in range(rounds):
        for name, work in case.contenders.items():
            times[name].append(_timed(work)[1] / case.units)
    return [
        Result(
            name,
            Spread.of(taken),
            Spread.of([base / own for base, own in zip(times[first], taken, strict=True)]),
            agreements[name],
        )
        for name, taken in times.items()
    ]


def _timed(work: Contender[R]) -> tuple[R, float]:
    before = time.process_time()
    done = work()
    taken = time.process_time() - before
    return (done.result, done.seconds) if isinstance(done, Elsewhere) else (done, taken)
