"""Exit codes, documented in docs/operations.md."""

from enum import IntEnum

from config.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    ModelError,
    NotFound,
    RollcallError,
    SettingsError,
    WorkersDied,
)


class Exit(IntEnum):
    """What the command's exit code says."""

    OK = 0
    FAULT = 1  # a fault of the program: please report it
    USAGE = 2  # the command line is off
    REFUSED = 3  # some or all of the files were refused, or some videos failed; the rest was done
    NOT_FOUND = 4  # no such video or identity
    SETTINGS = 5  # a setting is off
    ENVIRONMENT = 6  # database, broker, weights or a store of pictures cannot be reached, or the workers die
    AT_RISK = 7  # `rollcall forecast`: videos may miss their deadlines
    LATE = 8  # `rollcall forecast`: it is more likely than not that one does
    INTERRUPTED = 130  # Ctrl-C


def exit_of(error: RollcallError) -> Exit:
    """The code that an error ends the command with."""
    if isinstance(error, SettingsError):
        return Exit.SETTINGS
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, BrokerUnavailable | DatabaseUnavailable | ModelError | WorkersDied):
        return Exit.ENVIRONMENT
    return Exit.REFUSED
