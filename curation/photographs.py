"""Photographs: found under folders, read upright as RGB, and recognised again by their pixels.

Only raster formats that Pillow decodes itself are opened: others (EPS, for one) would start foreign programs.
"""

import errno
import hashlib
import os
import re
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from config.errors import UnreadablePhotograph
from models.faces import RgbImage

LARGEST_PIXELS = 120_000_000
"""Above every ordinary camera; decoded, such a photograph takes 360 MB in each process."""

PHOTOGRAPH_ENDINGS = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    )
)
"""What is taken for a photograph in a folder. HEIC is among them so that it is refused by name, not passed over."""

# JPEG stands for MPO too, several JPEGs in one file.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

# What Pillow's decoders are seen to raise on broken data, beside OSError.
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError,
    MemoryError, RuntimeError, struct.error, Image.DecompressionBombError,
)  # fmt: skip

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at the places that were named: photographs in the order of the places, and what is none."""

    photographs: list[Path]
    left_out: list[Path]
    """Files in folders whose ending is no photograph's; hidden files and what systems leave behind are not told."""


def find_photographs(places: Iterable[Path]) -> Found:
    """Photographs at files and under folders, each folder's in natural order (`2.jpg` before `10.jpg`).

    A file that is named itself counts as a photograph whatever its ending. A place that does not exist, and a folder
    that cannot be opened, are kept among the photographs: reading them then tells what is wrong, and nothing that was
    asked for goes missing.
    """
    found = Found([], [])
    for place in places:
        if place.is_dir():
            _walk(place, found)
        else:
            found.photographs.append(place)
    return found


def _walk(top: Path, found: Found) -> None:
    def unopened(error: OSError) -> None:
        found.photographs.append(Path(error.filename))

    for folder, folders, files in os.walk(top, onerror=unopened):
        folders[:] = sorted((name for name in folders if not is_hidden(name)), key=natural_key)
        for name in sorted((name for name in files if not is_hidden(name)), key=natural_key):
            path = Path(folder, name)
            known = path.suffix.lower() in PHOTOGRAPH_ENDINGS
            (found.photographs if known else found.left_out).append(path)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that an operating system leaves behind (`Thumbs.db`, `.DS_Store`)."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts numbers inside names by value, letters without regard to case, and equal ones by the name itself."""
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", name)]
    return (*parts, (2, 0, name))


def shown(path: Path) -> str:
    """The path as text that can be printed and stored, also where its bytes are not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_photograph(path: Path) -> RgbImage:
    """The picture, upright as its EXIF orientation says; the first frame of an animated one.

    Transparent parts become white; 16-bit and floating-point greys are brought to 0–255.

    Raises:
        UnreadablePhotograph: missing, not a picture of a known format, damaged, or above `LARGEST_PIXELS`.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 million pixels on, and of damaged metadata; the limit here is our own.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise _too_large(path, f"has {image.width} × {image.height} pixels")
                image.load()
                return np.ascontiguousarray(_rgb(_upright(image)))
    except Image.DecompressionBombError:
        raise _too_large(path, "has far too many pixels") from None
    except UnidentifiedImageError:
        raise _unidentified(path) from None
    except _BROKEN as error:
        raise UnreadablePhotograph(
            shown(path), f"cannot be decoded ({_first_line(error)})", "get an undamaged copy of it"
        ) from error


def photograph_hash(image: RgbImage) -> str:
    """SHA-256 of an upright picture's shape and pixels, hexadecimal: the same for copies with other metadata."""
    digest = hashlib.sha256(struct.pack("<3I", *image.shape))
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _check_file(path: Path) -> None:
    """Told before Pillow is asked: it would wait for ever on a named pipe."""
    try:
        status = path.stat()
        if path.is_dir():
            raise UnreadablePhotograph(shown(path), "is a folder that cannot be opened", "check its permissions")
        if not path.is_file():
            raise UnreadablePhotograph(shown(path), "is not a regular file", "name a file")
        if status.st_size == 0:
            raise UnreadablePhotograph(shown(path), "is empty", "copy it again")
        with path.open("rb"):
            pass
    except OSError as error:
        missing = error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
        what = "does not exist" if missing else f"cannot be read ({error.strerror})"
        raise UnreadablePhotograph(shown(path), what, "check its path and permissions") from None


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except _BROKEN:
        # Damaged metadata around a sound picture: it is shown as it lies, as viewers do.
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> RgbImage:
    if image.mode.startswith(("I", "F")):
        grey = _eight_bits(image)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        ground = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(ground, seen).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """(height, width) greys of 0–255 from 16-bit, 32-bit or floating-point ones, whose range no header tells."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    if image.mode.startswith("I;16"):
        values *= 255 / 65535
    elif image.mode == "F" and values.min() >= 0 and values.max() <= 1:
        values *= 255
    elif values.max() > 255:
        values *= 255 / max(65535.0, values.max())
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _unidentified(path: Path) -> UnreadablePhotograph:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return UnreadablePhotograph(
            shown(path), "is HEIC, which cannot be decoded here", "save it as JPEG, e.g. with `heif-convert`"
        )
    return UnreadablePhotograph(
        shown(path), "is not a picture of a known format", "save it as JPEG or PNG, or take it out"
    )


def _too_large(path: Path, what: str) -> UnreadablePhotograph:
    return UnreadablePhotograph(
        shown(path), f"{what}, more than {LARGEST_PIXELS // 1_000_000} million", "make it smaller, or cut the face out"
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
