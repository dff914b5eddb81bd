"""Reports with their pictures, as `rollcall report` makes them."""

from config.storage_settings import StorageSettings
from crops.reading import read
from db import reports
from db.schema import Video
from db.session import Session
from report.build import build
from report.model import VideoReport


def illustrated(session: Session, video: Video, storage: StorageSettings | None = None) -> VideoReport:
    """The report of a video with the pictures that can be had."""
    return build(session, video, read(reports.pictures(session, video.id), storage or StorageSettings()))
