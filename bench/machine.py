"""What the machine can do at best, and what it is."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_EDGE = 2000
_COPIED_BYTES = 256 << 20
"""Far more than a cache holds."""
_TRIES = 5
_PACKAGES = ("dlib-bin", "face-recognition", "onnxruntime", "opencv-python-headless", "av", "numpy")


@dataclass(frozen=True, slots=True)
class Peak:
    """Best of a few tries on one thread.

    `gflops`: thousand million float32 operations per second, of a product of two 2000 × 2000 matrices. `gigabytes`:
    thousand million bytes per second, read and written together, of a large copy.
    """

    gflops: float
    gigabytes: float

    def __str__(self) -> str:
        return f"{self.gflops:.1f} GFLOP/s float32, {self.gigabytes:.1f} GB/s copied (read and written)"


def peak() -> Peak:
    """Measure the machine; takes a few seconds. NumPy must have been limited to one thread before it was loaded."""
    one = np.random.default_rng(0).random((_EDGE, _EDGE), np.float32)
    product = np.empty_like(one)
    source = np.ones(_COPIED_BYTES, np.uint8)
    target = np.ones(_COPIED_BYTES, np.uint8)
    return Peak(
        gflops=2 * _EDGE**3 / _quickest(lambda: np.matmul(one, one, out=product)) / 1e9,
        gigabytes=2 * _COPIED_BYTES / _quickest(lambda: np.copyto(target, source)) / 1e9,
    )


def _quickest(work: Callable[[], object]) -> float:
    def once() -> float:
        before = time.process_time()
        work()
        return time.process_time() - before

    return min(once() for _ in range(_TRIES))


def description() -> dict[str, object]:
    """The machine and the libraries that the numbers are of."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
