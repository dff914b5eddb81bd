"""Killing processes in the middle of a night: which kinds there are, and the moments that are aimed at."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

import pytest
import sqlalchemy as sa

from db.session import Database
from support import open_work, processes
from support.installation import ROLLCALL, Installation
from support.open_work import Held
from support.redis_server import RedisServer
from support.supervisor import BEAT, WORKER, Supervisor

ROUNDS: pytest.StashKey[list[str]] = pytest.StashKey()
"""Where what was killed is kept, to be told at the end."""

_LONGEST_WAIT = 60.0
_SETTLED = 0.1
"""Seconds after which a piece's claim has been written for sure: who writes then, writes what it has found."""
_RECORDING = "insert into (faces|face_crops|sample_runs|frames|frame_pictures|face_groups|appearances|clusters)"

Victims = Callable[[], Sequence[int]]


@dataclass(frozen=True)
class Aim:
    """Whom to kill, and when.

    `moment`: `any` while somebody works, `starting` whether somebody does or not, `claimed` when a process has just
    taken a piece of work, `writing` while it writes what it has found, `finishing` while it finishes a video.
    """

    kind: str
    moment: str = "any"

    def __str__(self) -> str:
        return f"{self.kind}, {self.moment}"


@dataclass
class Night:
    """A night in which processes are killed.

    `kinds`: processes of each kind that live. `recording`: worker processes that write what they have found.
    `revive`: by the name of a kind, how to bring it back where no supervisor does.
    """

    installation: Installation
    supervisor: Supervisor
    kinds: Mapping[str, Victims]
    recording: Victims
    random: Random
    revive: Mapping[str, Callable[[], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database: Database = self.installation.database()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def strike(self, aim: Aim) -> str | None:
        """Kill one process; what it did, or None where the queue was empty before such a moment came."""
        victim = self._victim(aim)
        if victim is None:
            return None
        before = open_work.held(self.database)
        if not processes.kill(victim):
            return None
        did = [f"{each.stage} {each.id} at try {each.attempt}" for each in before if each.pid == victim]
        if aim.kind in self.revive:
            self.revive[aim.kind]()
        self.supervisor.tend()
        return f"{', '.join(did) or 'nothing of its own'}; {open_work.left(self.database)} pieces left"

    def run_to_the_end(self) -> None:
        """Work until the queue is empty."""
        processes.until(self._over, "the queue is empty", self.installation.log)

    def _over(self) -> bool:
        self.supervisor.tend()
        return not open_work.left(self.database)

    def _victim(self, aim: Aim) -> int | None:
        end = time.monotonic() + _LONGEST_WAIT
        delay = self.random.uniform(0, 1.5)
        seen = {(each.stage, each.id, each.attempt) for each in open_work.held(self.database)}
        if aim.moment == "starting":
            time.sleep(delay)
        ready = None
        while time.monotonic() < end and open_work.left(self.database):
            self.supervisor.tend()
            held = open_work.held(self.database)
            if aim.moment == "any" and held and ready is None:
                ready = time.monotonic() + delay
            found = self._candidates(aim, held, seen, ready)
            if found:
                return self.random.choice(found)
            time.sleep(0.002)
        return None

    def _candidates(
        self, aim: Aim, held: Sequence[Held], seen: set[tuple[str, int, int]], ready: float | None
    ) -> list[int]:
        if aim.moment == "claimed":
            return [each.pid for each in held if (each.stage, each.id, each.attempt) not in seen]
        if aim.moment == "finishing":
            return [each.pid for each in held if each.stage == "video"]
        if aim.moment == "writing":
            return sorted(self.recording())
        if aim.moment == "any" and (ready is None or time.monotonic() < ready or not held):
            return []
        return sorted(self.kinds[aim.kind]())


def on_one_machine(installation: Installation, supervisor: Supervisor, random: Random) -> Night:
    """`rollcall work` with two worker processes, the embedded ledger and broker."""
    supervisor.start("work", ROLLCALL, "work", "--until-empty", "--processes", "2", ends=True)

    def main() -> list[int]:
        return [pid for pid in processes.children(supervisor.pid("work")) if processes.is_celery(pid)]

    def workers() -> list[int]:
        return [child for pid in main() for child in processes.children(pid) if processes.is_celery(child)]

    settled = _Settled()
    ledger = installation.home / "rollcall.db"
    kinds: dict[str, Victims] = {
        "rollcall work": lambda: [supervisor.pid("work")],
        "celery": main,
        "worker process": workers,
        "decoder": lambda: list(filter(processes.is_decoder, processes.descendants(supervisor.pid("work")))),
    }
    night = Night(installation, supervisor, kinds, list, random)
    night.recording = lambda: settled.among(night.database, processes.writers(ledger))
    return night


class _Settled:
    """Which processes have had their piece of work for some time."""

    def __init__(self) -> None:
        self._since: dict[Held, float] = {}

    def among(self, database: Database, pids: Sequence[int]) -> list[int]:
        """Those of some processes. To be called again and again."""
        now = time.monotonic()
        found = [each.pid for each, since in self._since.items() if now - since > _SETTLED and each.pid in pids]
        if not found:
            held = open_work.held(database)
            self._since = {each: self._since.get(each, now) for each in held}
        return found


def on_servers(installation: Installation, supervisor: Supervisor, redis: RedisServer, random: Random) -> Night:
    """Two Celery workers and beat, with PostgreSQL and a Redis."""
    names = ("one", "two")
    for name in names:
        supervisor.start(
            name, *WORKER, "--concurrency", "1", "--hostname", f"{name}@%h", environment={"PGAPPNAME": name}
        )
    supervisor.start("beat", *BEAT)

    def workers(of: Sequence[str] = names) -> list[int]:
        mains = [supervisor.pid(name) for name in of]
        return [child for pid in mains for child in processes.children(pid) if processes.is_celery(child)]

    def decoders() -> list[int]:
        below = [pid for name in names for pid in processes.descendants(supervisor.pid(name))]
        return list(filter(processes.is_decoder, below))

    # Without a pool: it has no connection that somebody would have to close.
    url = installation.environment["ROLLCALL_DATABASE__URL"].replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    writing = sa.text(
        "SELECT application_name FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND query ~* :recording"
    )

    def recording() -> list[int]:
        with engine.connect() as connection:
            found = connection.scalars(writing, {"recording": _RECORDING}).all()
        return workers([name for name in found if name in names])

    kinds: dict[str, Victims] = {
        "celery": lambda: [supervisor.pid(name) for name in names],
        "worker process": workers,
        "decoder": decoders,
        "beat": lambda: [supervisor.pid("beat")],
        "redis": lambda: [redis.pid],
    }
    return Night(installation, supervisor, kinds, recording, random, {"redis": redis.start})


def kill_command(installation: Installation, words: Sequence[str], random: Random, longest: float) -> str | None:
    """Begin a command and kill it after a while; when that was, or None where it had ended."""
    delay = random.uniform(0.2, longest)
    process = installation.start(ROLLCALL, *words)
    time.sleep(delay)
    ended = process.poll() is not None
    process.kill()
    process.wait()
    return None if ended else f"after {delay:.2f} s"
