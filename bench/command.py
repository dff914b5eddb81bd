"""The benchmark command: prints ratios with their spread, writes JSON and a plot."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from bench import accuracy, machine, memory, openblas
from bench.cases import CASES, GROUPS, SLOW
from bench.machine import Peak
from bench.measure import Case, Result, measure
from bench.plot import draw
from bench.table import hours_per_core_hour, table, times_the_floor
from config.errors import RollcallError

OUT = Path(__file__).resolve().parent / "out"
_NAMES = (*CASES, memory.NAME, accuracy.NAME)


def main() -> None:
    """Measure the named cases, or all but those that take long."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(_NAMES)}, or {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=_rounds, help="counted turns of each contender (each case has its own number)")
    parser.add_argument("--list", action="store_true", help="say what cases there are, and measure nothing")
    chosen = parser.parse_args()
    if chosen.list:
        print(listing())
        return
    names = [name for case in chosen.cases for name in GROUPS.get(case, (case,))]
    if unknown := set(names) - set(_NAMES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    try:
        run(names or [name for name in _NAMES if name not in SLOW], chosen.rounds)
    except RollcallError as error:
        sys.exit(f"bench: {error}")


def listing() -> str:
    """Each case's name with what it measures."""
    told = {name: str(case.__doc__).splitlines()[0] for name, case in CASES.items()}
    told |= {other.NAME: str(other.__doc__).splitlines()[0] for other in (memory, accuracy)}
    return "\n".join(f"{name:16} {what}" for name, what in told.items())


def run(names: Sequence[str], rounds: int | None) -> None:
    """Measure, print, and write JSON and a plot."""
    cv2.setNumThreads(1)
    OUT.mkdir(exist_ok=True)
    told: dict[str, Any] = {"machine": machine.description()}
    timed = [name for name in names if name in CASES]
    if timed:
        told |= _time(timed, rounds)
    if memory.NAME in names:
        told[memory.NAME] = memory.measure()
        print(memory.table(told[memory.NAME]), flush=True)
    if accuracy.NAME in names:
        told[accuracy.NAME] = accuracy.measure()
        print(accuracy.table(told[accuracy.NAME]), flush=True)
    written = OUT / "bench.json"
    written.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten: {written}" + (f", {OUT / 'bench.png'}" if timed else ""))


def _time(names: Sequence[str], rounds: int | None) -> dict[str, Any]:
    results: dict[str, list[Result]] = {}
    written = {}
    with openblas.opened() as built:
        before = machine.peak()
        print(f"machine before: {before}", flush=True)
        for name in names:
            case = CASES[name](built)
            results[name] = measure(case, rounds or case.rounds)
            print(table(case, results[name], before), flush=True)
            written[name] = _case(case, results[name], rounds or case.rounds, before)
    after = machine.peak()
    print(f"\nmachine after: {after}")
    draw(results, OUT / "bench.png")
    peaks = {"before": asdict(before), "after": asdict(after)}
    return {"peak": peaks, "openblas": built.build if built else None, "cases": written}


def _case(case: Case[Any], results: Sequence[Result], rounds: int, peak: Peak) -> Mapping[str, Any]:
    """A case as JSON has it."""
    return {
        "inputs": case.inputs,
        "work": case.work,
        "units": case.units,
        "rounds": rounds,
        "operations_per_unit": case.operations or None,
        "results": [
            asdict(result)
            | {
                "times_the_floor": times_the_floor(case, result, peak),
                "same_results": case.others.get(result.contender),
            }
            | ({"hours_per_core_hour": hours_per_core_hour(result.seconds.median)} if case.hours else {})
            for result in results
        ],
    }


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return rounds
