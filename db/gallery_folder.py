"""The folder of this machine's copies of galleries: how they are called, and deleting them all."""

from pathlib import Path
from typing import Final

from config.errors import LedgerError
from config.files import PART

ENDING: Final = ".gallery"


def delete_all(folder: Path) -> None:
    """Delete the files of all ledgers' galleries: one ledger may have several addresses, and files are soon made again.

    Raises:
        LedgerError: one cannot be deleted.
    """
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.suffix in {ENDING, PART}:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise LedgerError(
            str(folder), f"holds copies of erased faces and cannot be emptied: {error.strerror}", "delete it"
        ) from error
