"""One thread for every library. Imported before any of them: they read these variables when they load."""

import os

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)
"""For the environment of a process: one core is what a worker process has."""


def limit() -> None:
    """Let this process, and those that it starts, have one thread."""
    os.environ.update(ONE_THREAD)
