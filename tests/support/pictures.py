"""Reports with their pictures, as `rollcall report` makes them; and what lies where the pictures are kept."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from config.storage_settings import StorageSettings
from crops.collecting import collect
from crops.reading import read
from db import leases, reports
from db.schema import CropPack, PackedCrop, Video
from db.session import Database, Session
from report.build import build
from report.model import VideoReport


def illustrated(session: Session, video: Video, storage: StorageSettings | None = None) -> VideoReport:
    """The report of a video with the pictures that can be had."""
    return build(session, video, read(reports.pictures(session, video.id), storage or StorageSettings()))


def assert_nothing_is_left(database: Database, folder: Path) -> None:
    """Fail where a folder holds a pack, or part of one, that shows nobody once no writer can be alive any more."""
    collect(database, StorageSettings(), lambda: leases.utc_now() + timedelta(days=1))
    with database.reading() as session:
        used = set(session.scalars(select(CropPack.name).join(PackedCrop, PackedCrop.pack_id == CropPack.id)))
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == used != set()
