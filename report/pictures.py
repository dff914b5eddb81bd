"""Faces as data addresses: the page must need no network, and stay small however many people it shows."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

_MOST_FULL = 160
"""Up to so many pictures keep the size they were recorded in."""
_SMALL_EDGE = 96
_SMALL_QUALITY = 80
_MOST = 800
"""Pictures of appearances on one page: of this many small ones the page grows by about 3 MB."""
_MOST_EACH = 24


def pictures_each(appearances: Sequence[int]) -> int:
    """How many appearances of each person are shown with their picture, at least one.

    Args:
        appearances: how many each person has.

    Returns:
        The largest number, up to 24, with which the page does not show more than 800.
    """
    for each in range(_MOST_EACH, 1, -1):
        if sum(min(each, count) for count in appearances) <= _MOST:
            return each
    return 1


class Album:
    """Turns recorded JPEGs into data addresses.

    Args:
        expected: how many pictures the page shows; many are made smaller.
    """

    def __init__(self, expected: int) -> None:
        self._small = expected > _MOST_FULL

    def address(self, jpeg: bytes | None) -> str | None:
        """A `data:` address of the picture; None where there is none, or none that can be shown."""
        if jpeg is None:
            return None
        try:
            with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
                image.load()
                shown = _smaller(image) if self._small and max(image.size) > _SMALL_EDGE else jpeg
        except OSError:
            return None
        return f"data:image/jpeg;base64,{base64.b64encode(shown).decode('ascii')}"


def _smaller(image: Image.Image) -> bytes:
    small = image.convert("RGB")
    small.thumbnail((_SMALL_EDGE, _SMALL_EDGE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=_SMALL_QUALITY, optimize=True)
    return written.getvalue()
