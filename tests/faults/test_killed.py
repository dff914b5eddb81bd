"""SIGKILL of every kind of process, at random moments and at those that matter most."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from random import Random

import pytest
from support import ledgers, small_day
from support.installation import Installation, installed
from support.killing import ROUNDS, Aim, kill_command, on_one_machine, on_servers
from support.outcome import Outcome, assert_same, outcome
from support.pictures import assert_nothing_is_left
from support.postgres_server import PostgresServer
from support.redis_server import RedisServer, find
from support.small_day import SmallDay
from support.supervisor import Supervisor

KILLS_A_NIGHT = 4
COMMANDS = {"migrate": 1.5, "enroll": 3.0, "submit": 2.0}
"""That an operator runs before a night, and about how many seconds they take; here they are killed in the middle."""
EVERYWHERE = (
    Aim("celery"), Aim("celery", "starting"), Aim("worker process"), Aim("worker process", "claimed"),
    Aim("worker process", "writing"), Aim("worker process", "finishing"), Aim("decoder"), Aim("enroll", "command"),
    Aim("submit", "command"), Aim("rematch", "command"),
)  # fmt: skip
DECKS: tuple[Sequence[Aim], Sequence[Aim]] = (
    (*EVERYWHERE, Aim("rollcall work"), Aim("rollcall work", "starting")),
    (*EVERYWHERE, Aim("beat"), Aim("redis"), Aim("migrate", "command")),
)
"""Of one machine, and of servers: nights of both kinds take turns."""


def aims(seed: int, deck: Sequence[Aim]) -> Iterator[Aim]:
    """Each of the deck equally often, in random order."""
    for shuffle in count():
        cards = list(deck)
        Random(f"{seed}/{len(deck)}/{shuffle}").shuffle(cards)
        yield from cards


def test_whoever_is_killed_whenever_the_outcome_is_the_calm_run_s(
    day: SmallDay,
    calm: Outcome,
    tmp_path: Path,
    postgres_server_of_ours: PostgresServer,
    pytestconfig: pytest.Config,
) -> None:
    rounds, seed, only = (pytestconfig.getoption(f"--kill-{name}") for name in ("rounds", "seed", "night"))
    told = pytestconfig.stash.setdefault(ROUNDS, [])
    hits, nights = 0, 0
    for night in count() if only is None else [only]:
        home = tmp_path / f"night {night}"
        found = _night(home, day, seed, night, postgres_server_of_ours, calm, told)
        hits, nights = hits + found, nights + 1
        if only is None and hits >= rounds:
            break
    told.append(f"{hits} processes killed in {nights} nights, seed {seed}")


def _night(
    home: Path, day: SmallDay, seed: int, night: int, server: PostgresServer, calm: Outcome, told: list[str]
) -> int:
    """One night; how many were killed in it."""
    where = night % 2
    first = night // 2 * KILLS_A_NIGHT
    chosen = list(islice(aims(seed, DECKS[where]), first, first + KILLS_A_NIGHT))
    random = Random(f"{seed}/{night}")
    begun = len(told)
    home.mkdir()
    if where == 0:
        (faces := home / "faces").mkdir()
        installation = installed(home / "home", storage__crops=faces, **small_day.SETTINGS)
        hits = _kill(installation, day, chosen, random, told, None)
        found = outcome(installation, str(day.folder))
        with closing(installation.database()) as database:
            assert_nothing_is_left(database, faces)
    else:
        program = find()
        assert program is not None
        with ledgers.postgres(server.url) as url, RedisServer(program, home / "redis") as redis:
            installation = installed(home / "home", database__url=url, broker__url=redis.url, **small_day.SETTINGS)
            hits = _kill(installation, day, chosen, random, told, redis)
            found = outcome(installation, str(day.folder))
    assert_same(found, calm, "\n".join([f"seed {seed}, night {night}:", *told[begun:]]))
    told[begun:] = [f"night {night}: {line}" for line in told[begun:]]
    return hits


def _kill(
    installation: Installation, day: SmallDay, chosen: Sequence[Aim], random: Random, told: list[str],
    redis: RedisServer | None,
) -> int:  # fmt: skip
    """Prepare a night and let it run, killing whom was chosen; how many were."""
    hits = _prepare(installation, day, [aim.kind for aim in chosen], random, told, served=redis is not None)
    with Supervisor(installation) as supervisor:
        night = (
            on_one_machine(installation, supervisor, random)
            if redis is None
            else on_servers(installation, supervisor, redis, random)
        )
        with night:
            for aim in chosen:
                if aim.kind in COMMANDS:
                    continue
                how = (
                    kill_command(installation, ["rematch"], random, 2.0) if aim.kind == "rematch" else night.strike(aim)
                )
                told.append(f"{aim}: {how or 'it had ended, or the queue was empty, before'}")
                hits += how is not None
            night.run_to_the_end()
    return hits


def _prepare(
    installation: Installation, day: SmallDay, killed: Sequence[str], random: Random, told: list[str], *, served: bool
) -> int:
    made: list[tuple[str, ...]] = [("migrate",)] if served else []
    commands = [*made, *day.enrolments(), ("submit", str(day.folder))]
    hits = 0
    for words in commands:
        if words[0] in killed:
            how = kill_command(installation, words, random, COMMANDS[words[0]])
            told.append(f"{words[0]}: {how or 'it had ended'}")
            hits += how is not None
        refused = (0, 3) if words[0] in killed else ((3,) if words[0] == "submit" else (0,))
        installation.run(*words, expect=refused)
    return hits
