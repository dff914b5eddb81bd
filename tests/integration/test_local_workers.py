"""`rollcall work` and the processes that work for it."""

import time
from collections.abc import Callable

from support import open_work, processes
from support.installation import ROLLCALL, Installation
from support.supervisor import Supervisor

from demo.material import Material


def test_processes_that_are_killed_while_they_wait_hold_up_nobody(
    install: Callable[..., Installation], material: Material
) -> None:
    """One of those that wait holds the lock of the pipe that all of them read from."""
    installation = install("maimed", schedule__sweep=0.5, sampling__interval=5)
    database = installation.database()
    with Supervisor(installation) as supervisor:
        supervisor.start("work", ROLLCALL, "work", "--processes", "2")

        def pool() -> list[int]:
            mains = processes.children(supervisor.pid("work"))
            return [pid for main in mains for pid in processes.children(main)]

        def ready() -> bool:
            return "ready." in installation.log() and len(pool()) == 2

        processes.until(ready, "two processes wait", installation.log)
        time.sleep(4)  # `rollcall work` counts them once a second, and twice
        waiting = pool()
        for pid in waiting:
            processes.kill(pid)
        processes.until(lambda: len(pool()) == 2 and not set(pool()) & set(waiting), "others wait", installation.log)
        installation.run("submit", str(material.carphone))
        processes.until(lambda: not open_work.left(database), "the video is done", installation.log, 90)
        assert supervisor.restarts() == 0
    database.close()
