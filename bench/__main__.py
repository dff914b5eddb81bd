"""`make bench`, or `python -m bench [CASE …] [--rounds N]`: prints ratios with their spread, writes JSON and a plot."""

import os

# Before any library that would start threads of its own is loaded: one core is what a worker process has.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path

import cv2

from bench.cases import CASES
from bench.measure import Case, Result, measure
from bench.plot import draw

OUT = Path(__file__).resolve().parent / "out"


def main() -> None:
    """Measure the named cases, or all but the slowest."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each contender (5)")
    chosen = parser.parse_args()
    if unknown := set(chosen.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    cv2.setNumThreads(1)
    OUT.mkdir(exist_ok=True)
    told = {}
    for name in chosen.cases or [name for name in CASES if name != "pipeline-cnn"]:
        case = CASES[name]()
        results = measure(case, chosen.rounds)
        print(table(case, results), flush=True)
        told[name] = {
            "work": case.work,
            "units": case.units,
            "rounds": chosen.rounds,
            "results": [asdict(result) for result in results],
        }
    machine = {"processor": _processor(), "python": platform.python_version(), "cores": os.cpu_count()}
    (OUT / "bench.json").write_text(json.dumps({"machine": machine, "cases": told}, indent=2) + "\n", encoding="utf-8")
    draw(told, OUT / "bench.png")
    print(f"written: {OUT / 'bench.json'}, {OUT / 'bench.png'}")


def table(case: Case, results: list[Result]) -> str:
    """What was measured, for people."""
    lines = [f"\n{case.name}: processor time for one {case.work}, median (least to largest)"]
    for result in results:
        seconds, ratio = result.seconds, result.ratio
        lines.append(
            f"  {result.contender:24} {_time(seconds.median):>10} ({_time(seconds.least)} to {_time(seconds.largest)})"
            f"   × {ratio.median:.2f} ({ratio.least:.2f} to {ratio.largest:.2f})"
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
